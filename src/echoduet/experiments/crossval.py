"""Train and test on every fold, and pool what the test parts say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from echoduet import __version__
from echoduet.config.schema import ExperimentConfig
from echoduet.data.manifest import Manifest
from echoduet.errors import OutputError
from echoduet.evaluation.cases import CaseScore, write_cases
from echoduet.experiments.evaluate import NATIVE, Example, Scores, show_examples
from echoduet.experiments.folds import score_part, splits_digest
from echoduet.experiments.thresholds import tune_if_asked
from echoduet.files import write_json
from echoduet.inference.predictor import Predictor
from echoduet.progress import Progress, silent
from echoduet.splits.table import Part, SplitTable, write_splits
from echoduet.training.run import manifest_digest, train_fold


@dataclass(frozen=True, slots=True)
class FoldRun:
    """One fold's run folder and bundle; `trained` tells whether it was trained now or found finished."""

    fold: int
    path: Path
    model: Path
    trained: bool


def _ignore(run: FoldRun) -> None:
    """Do nothing after a fold."""


def cross_validate(
    config: ExperimentConfig,
    manifest: Manifest,
    splits: SplitTable,
    out: Path,
    at_sizes: Sequence[int | None] = (NATIVE,),
    progress: Progress = silent,
    after_fold: Callable[[FoldRun], None] = _ignore,
) -> tuple[Scores, ...]:
    """Train each fold into `out/fold_K`, test it on its test part, and return the pooled scores.

    Run again after an interruption, it skips the folds that are finished and resumes the one that is not.

    Args:
        config: the experiment.
        manifest: the cases.
        splits: the folds.
        out: where the fold folders go, each with its own `cases.csv` on the first grid.
        at_sizes: the grids to score on, as in `evaluate`.
        progress: told about folds, training steps and evaluated cases.
        after_fold: called with each fold once it is trained and scored.

    Returns:
        One `Scores` per grid, its cases in the order of the manifest, each with the fold that tested it.

    Raises:
        OutputError: `out` holds another experiment, or cannot be written.
        EchoDuetError: as `train_fold` and `evaluate`.
    """
    splits.require_matches(manifest)
    _claim(out, config, manifest, splits)
    score = partial(score_part, at_sizes=at_sizes, progress=progress, device=config.runtime.device)
    per_fold = []
    for fold in progress(splits.folds, label="folds", total=len(splits.folds)):
        run = _train(config, manifest, splits, fold, out, progress)
        tune_if_asked(config, run.model, manifest, progress)  # on the validation part, before the test part is touched
        per_fold.append(_test(run, manifest, splits, score))
        after_fold(run)
    return tuple(_pool(parts, manifest) for parts in zip(*per_fold, strict=True))


def fold_folder(out: Path, fold: int) -> Path:
    """Return the run folder of one fold."""
    return out / f"fold_{fold}"


def show_fold_examples(
    out: Path, manifest: Manifest, case_ids: Sequence[str], folds: Mapping[str, int]
) -> Iterator[Example]:
    """Yield the named cases with the answers of the model that was tested on each, fold by fold."""
    for fold in sorted({folds[case_id] for case_id in case_ids}):
        predictor = Predictor.load(fold_folder(out, fold) / "model.safetensors", runtime="torch")
        yield from show_examples(predictor, manifest, [case_id for case_id in case_ids if folds[case_id] == fold])


def _claim(out: Path, config: ExperimentConfig, manifest: Manifest, splits: SplitTable) -> None:
    """Mark `out` as this experiment's, or refuse it as another's: pooling folds of two experiments means nothing."""
    mark: dict[str, Any] = {
        "version": __version__,
        "config": config.model_dump(mode="json"),
        "cases_sha256": manifest_digest(manifest),
        "splits_sha256": splits_digest(splits),
    }
    path = out / "crossval.json"
    if path.exists():
        _require_same(path, mark)
        return
    if found := sorted(out.glob("fold_*")):
        raise OutputError(
            f"{found[0]}: is no fold of a cross-validation ({path.name} is missing). Choose another --out."
        )
    write_splits(splits, out / "splits.csv")
    write_json(path, mark)


def _require_same(path: Path, mark: Mapping[str, Any]) -> None:
    try:
        stored = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(f"{path}: cannot be read ({error}). Choose another --out.") from error
    if stored.get("version", __version__) != __version__:
        raise OutputError(
            f"{path.parent}: was begun by EchoDuet {stored['version']}, and this is {__version__}: their folds would "
            "not compare. Choose another --out to start afresh."
        )
    names = {"config": "configuration", "cases_sha256": "set of cases", "splits_sha256": "split"}
    changed = [name for key, name in names.items() if stored.get(key) != mark[key]]
    if changed:
        raise OutputError(
            f"{path.parent}: holds folds of another {' and '.join(changed)}. Choose another --out to start afresh."
        )


def _train(
    config: ExperimentConfig, manifest: Manifest, splits: SplitTable, fold: int, out: Path, progress: Progress
) -> FoldRun:
    path = fold_folder(out, fold)
    model = path / "model.safetensors"
    if model.exists():  # it appears last, by rename: the fold is finished
        return FoldRun(fold, path, model, trained=False)
    trained = train_fold(config, manifest, splits, fold, path, resume=True, progress=progress)
    return FoldRun(fold, path, trained, trained=True)


def _test(
    run: FoldRun, manifest: Manifest, splits: SplitTable, score: Callable[..., tuple[Scores, ...]]
) -> tuple[Scores, ...]:
    scores = score(run.model, manifest, splits, run.fold, Part.TEST)
    write_cases(run.path / "cases.csv", scores[0].raw, scores[0].refined)
    return scores


def _pool(parts: Sequence[Scores], manifest: Manifest) -> Scores:
    place = {case.case_id: position for position, case in enumerate(manifest)}

    def in_order(scores: Iterable[CaseScore]) -> tuple[CaseScore, ...]:
        return tuple(sorted(scores, key=lambda score: place[score.case_id]))

    raw, refined = (score for part in parts for score in part.raw), (score for part in parts for score in part.refined)
    return Scores(parts[0].at_size, in_order(raw), in_order(refined))
