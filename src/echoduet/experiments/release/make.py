"""From a configuration and a list of cases to the bundle that ships, with the scores that stand behind it."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from echoduet.config.schema import ExperimentConfig
from echoduet.data.manifest import Manifest
from echoduet.errors import ModelError, SplitError
from echoduet.evaluation.cases import write_cases
from echoduet.experiments.evaluate import read_images
from echoduet.experiments.release.members import Member, Members, find_bundles
from echoduet.experiments.release.outoffold import Decision, FoldAnswers, OutOfFold, release_metrics, score_out_of_fold
from echoduet.experiments.release.refusals import Refusals, fit_refusals, see
from echoduet.experiments.thresholds import OBJECTIVE
from echoduet.files import atomic_path, file_sha256, require_writable, write_json
from echoduet.inference.predictor import Predictor
from echoduet.models.bundle import load_bundle, rewrite_info
from echoduet.models.ensemble import Ensemble, assemble
from echoduet.models.info import BundleInfo, read_info
from echoduet.models.joining import join_bundles, members_of
from echoduet.models.shipped import record_checksum
from echoduet.models.storage import Storage, as_stored, stored_size
from echoduet.progress import Progress, silent
from echoduet.runs import environment
from echoduet.splits.folds import make_splits
from echoduet.splits.table import Part, SplitTable
from echoduet.training.run import divide

MB = 1_000_000
"""Bytes of a megabyte, as sizes of files are told."""

HEADER_MB = 0.3
"""Room left for a bundle's own account: names and hashes of some thousand cases."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a bundle is to be made of.

    Attributes:
        config: the experiment.
        manifest: the cases.
        splits: the folds of its out-of-fold scores.
        seeds: one member each.
        runs: where finished runs are looked for and new ones go.
        storage: how the weights lie in the bundle; the out-of-fold scores are of weights so rounded.
        max_mb: the most the file may take, in millions of bytes.
        about: what the data are, in a sentence for the model card.
    """

    config: ExperimentConfig
    manifest: Manifest
    splits: SplitTable
    seeds: tuple[int, ...]
    runs: Path
    storage: Storage = "float16"
    max_mb: float = 25.0
    about: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """What a release leaves: the bundle, what it says, and the rows and totals behind it."""

    bundle: Path
    info: BundleInfo
    rows: Path
    metrics: dict[str, Any]


def _ignore(member: Member) -> None:
    """Do nothing after a member."""


def release(
    recipe: Recipe,
    out: Path,
    results: Path,
    progress: Progress = silent,
    after_member: Callable[[Member], None] = _ignore,
) -> Released:
    """Train what is missing, score out of fold, choose thresholds, and write the bundle.

    Run again after an interruption, it goes on: finished runs are reused, the one under way is resumed.

    Args:
        recipe: what to make it of.
        out: the bundle, `.safetensors`.
        results: where `oof.csv` (one row a case) and `metrics.json` go.
        progress: told about members, training steps and answered cases.
        after_member: called with each member once it is there.

    Raises:
        ModelError: the network does not do both tasks, or would take more room than allowed.
        OutputError: a file cannot be written.
        EchoDuetError: as `train_fold`.
    """
    _require_possible(recipe, out, results)
    surroundings = environment()  # before anything is written: the release's own files must not look like changes
    folds = [_answer_fold(recipe, fold, progress, after_member) for fold in recipe.splits.folds]
    found = score_out_of_fold(folds, recipe.manifest)
    rows, metrics = _write_scores(recipe, found, results, surroundings)
    members = _members(recipe, None, progress, after_member)
    refusals = fit_refusals(see(recipe.manifest.cases, progress), recipe.splits)
    provenance = _provenance(recipe, found, rows, metrics, surroundings)
    info = _write_bundle(recipe, members, out, found.final, provenance, refusals)
    return Released(out, info, rows, metrics)


def _require_possible(recipe: Recipe, out: Path, results: Path) -> None:
    """Refuse before hours of training what would fail after them."""
    if out.suffix != ".safetensors":
        raise ModelError(f"{out}: a bundle that ships ends in .safetensors. Choose another --out.")
    if recipe.config.model.tasks != "both":
        raise ModelError("model.tasks: a bundle that ships outlines and classifies. Set model.tasks=both.")
    if recipe.config.split.allow_leaks:
        raise ModelError("split.allow_leaks: scores with copies on both sides cannot stand on a card. Set it to false.")
    if recipe.config.model.members != 1:
        raise ModelError("model.members: a release has one member a seed. Set model.members=1 and list the seeds.")
    recipe.splits.require_matches(recipe.manifest)
    _require_out_of_fold(recipe.splits)
    divide(recipe.config, recipe.manifest, recipe.splits, None)  # the members that ship
    members = recipe.config.model.model_copy(update={"members": len(recipe.seeds)})
    _require_size(stored_size(assemble(members).state_dict(), recipe.storage) / MB + HEADER_MB, recipe)
    for folder in (out.parent, results, recipe.runs):
        require_writable(folder)


def _require_out_of_fold(splits: SplitTable) -> None:
    if len(splits.folds) < 2:
        raise SplitError(
            "The split has one fold, and thresholds for its answers are chosen on those of others. Give two or more."
        )
    tested = Counter(row.case_id for row in splits.rows if row.part is Part.TEST)
    for case_id, times in tested.most_common(1):
        if times > 1:
            raise SplitError(
                f'Case "{case_id}" is tested by {times} folds. A release scores each case once: split anew.'
            )


def _require_size(megabytes: float, recipe: Recipe) -> None:
    if megabytes > recipe.max_mb:
        raise ModelError(
            f"The bundle would take {megabytes:.1f} MB, more than the {recipe.max_mb:g} allowed: {len(recipe.seeds)} "
            f"members in {recipe.storage}. Give fewer --seeds, a smaller --storage, or a larger --max-mb."
        )


def _members(
    recipe: Recipe, fold: int | None, progress: Progress, after_member: Callable[[Member], None]
) -> list[Member]:
    source = Members(recipe.config, recipe.manifest, recipe.splits, recipe.runs)
    label = "final members" if fold is None else f"members of fold {fold}"
    members = []
    for seed in progress(recipe.seeds, label=label, total=len(recipe.seeds)):
        members.append(source.get(fold, seed, find_bundles(recipe.runs), progress))
        after_member(members[-1])
    return members


def _answer_fold(recipe: Recipe, fold: int, progress: Progress, after_member: Callable[[Member], None]) -> FoldAnswers:
    models = [member.model for member in _members(recipe, fold, progress, after_member)]
    networks = [network for model in models for network in members_of(load_bundle(model)[0])]
    for network in networks:
        network.load_state_dict(as_stored(network.state_dict(), recipe.storage))
    predictor = Predictor.of_network(Ensemble(networks), BundleInfo(recipe.config))
    cases = [recipe.manifest.case(case_id) for case_id in recipe.splits.ids(fold, Part.TEST)]
    images = read_images(progress(cases, label=f"answering fold {fold}", total=len(cases)))
    return FoldAnswers(fold, predictor, tuple(predictor.answers(images)))


def _write_scores(
    recipe: Recipe, found: OutOfFold, results: Path, surroundings: Mapping[str, Any]
) -> tuple[Path, dict[str, Any]]:
    meta = {
        "scored_at": "each image's own size",
        "experiment": recipe.config.name,
        "folds": list(recipe.splits.folds),
        "seeds": list(recipe.seeds),
        "storage": recipe.storage,
        "thresholds": {str(fold): one.thresholds() for fold, one in found.per_fold.items()},
        "git_revision": surroundings["git_revision"],
        "versions": surroundings["packages"],
    }
    metrics = release_metrics(found.scores.raw, found.scores.refined, meta)
    rows = results / "oof.csv"
    write_cases(rows, found.scores.raw, found.scores.refined)
    metrics["rows"] = {rows.name: file_sha256(rows)}
    write_json(results / "metrics.json", metrics)
    return rows, metrics


def _write_bundle(
    recipe: Recipe,
    members: Sequence[Member],
    out: Path,
    final: Decision,
    provenance: Mapping[str, Any],
    refusals: Refusals,
) -> BundleInfo:
    """Write the bundle among the runs, look at its size, and only then put it where the old one may lie."""
    draft = recipe.runs / out.name
    joined = join_bundles(
        [member.model for member in members],
        draft,
        recipe.storage,
        final.thresholds(),
        provenance,
        recipe.config,
    )
    rewrite_info(draft, refusals.into(joined))
    _require_size(draft.stat().st_size / MB, recipe)
    with atomic_path(out) as temporary:
        shutil.copyfile(draft, temporary)
    record_checksum(out)
    return read_info(out)


def _provenance(
    recipe: Recipe, found: OutOfFold, rows: Path, metrics: Mapping[str, Any], surroundings: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "source": Path(recipe.manifest.source).name,  # not the place on this machine
        "about": recipe.about,
        "split_given": _split_given(recipe),
        "git_revision": surroundings["git_revision"],
        "versions": surroundings["packages"],
        "seeds": list(recipe.seeds),
        "out_of_fold": {
            "rows_sha256": hashlib.sha256(rows.read_bytes()).hexdigest(),
            "cases": metrics["n"],
            "folds": len(recipe.splits.folds),
            "seeds": list(recipe.seeds),
            "thresholds": {str(fold): one.thresholds() for fold, one in found.per_fold.items()},
            "objective": {"text": OBJECTIVE, "value": found.final.choice.value},
            "malignant_calibration": metrics["malignant_calibration"]["refined"],
            **{variant: _brief(metrics[variant]) for variant in ("raw", "refined")},
        },
    }


def _split_given(recipe: Recipe) -> bool:
    try:
        own = make_splits(recipe.manifest.cases, recipe.config.split)
    except SplitError:  # the configuration's protocol cannot split these cases: that is what a file is for
        return True
    return recipe.splits.rows != own.rows


def _brief(blocks: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return every figure with its interval only: the rest recomputes from the rows."""
    return {
        name: {key: entry[key] for key in ("mean", "ci95") if key in entry}
        for block in blocks.values()
        for name, entry in block.items()
    }
