"""Do networks that leave out different images for validation make a better ensemble than networks of several seeds?

Of every fold what is not tested is cut into five shares; member k, of seed k, has share k as its validation part and
trains on the other four. The members answer together on the fold's test part, which none of them met. The ensemble to
compare with has the same seeds and one validation part for all of them: rows of `configs/duet.yaml`.

echoduet curate data/Dataset_BUSI_with_GT --published-list data/mapping_curated_BUSI.csv --out curated
python benchmarks/fold_ensemble.py curated/manifest.csv --folds 0 1 --out runs/fold-ensemble
cd results/fold-ensemble && echoduet compare seeds.csv shares.csv --names "seeds,shares" --out ../../runs/compared

Resumable, and more folds may be asked for later; the rows go to results/fold-ensemble.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from echoduet.config.load_grid import load_grid
from echoduet.config.schema import ExperimentConfig
from echoduet.data.manifest import Manifest, read_manifest
from echoduet.errors import EchoDuetError
from echoduet.evaluation.cases import write_cases
from echoduet.experiments.crossval import cross_validate, fold_folder
from echoduet.experiments.evaluate import Scores
from echoduet.experiments.folds import score_part
from echoduet.experiments.grid.reported import read_arms
from echoduet.models.joining import join_bundles
from echoduet.splits.folds import make_splits
from echoduet.splits.table import Part, SplitRow, SplitTable

RESULTS = Path(__file__).parents[1] / "results"
GRID, SETTING = "duet", "MT"
"""The grid whose recipe is taken, and its setting of both tasks."""

RAW, REFINED = "MT+E", "MT+PR+E"
"""Its rows of the ensemble to compare with, as the networks answer and refined."""

SHARES = 5
SCORE_SIDE = 128


def rotated(manifest: Manifest, config: ExperimentConfig, fold: int, member: int) -> SplitTable:
    """Return one fold of `config`, but with share `member` of what is not tested as validation part."""
    tested = set(make_splits(manifest.cases, config.split).ids(fold, Part.TEST))
    rest = [case for case in manifest if case.case_id not in tested]
    held = set(make_splits(rest, config.split.model_copy(update={"folds": SHARES})).ids(member, Part.TEST))
    parts = {case.case_id: Part.VAL if case.case_id in held else Part.TRAIN for case in rest}
    return SplitTable(tuple(SplitRow(case.case_id, fold, parts.get(case.case_id, Part.TEST)) for case in manifest))


def train(manifest: Manifest, configs: Sequence[ExperimentConfig], fold: int, out: Path) -> Scores:
    """Train a member with each configuration into `out/fold_K/member_M`, and return what they score together."""
    models = []
    for member, config in enumerate(configs):
        splits, folder = rotated(manifest, config, fold, member), out / f"fold_{fold}" / f"member_{member}"
        cross_validate(config, manifest, splits, folder, (SCORE_SIDE,))
        models.append(fold_folder(folder, fold) / "model.safetensors")
    joined = out / f"fold_{fold}" / "joined.safetensors"
    join_bundles(models, joined)
    (scores,) = score_part(joined, manifest, splits, fold, Part.TEST, (SCORE_SIDE,))
    return scores


def of_the_seeds(folds: Sequence[int]) -> Scores:
    """Return what the ensemble of the grid's seeds scored on the test parts of `folds`."""
    arms = {arm.name: arm.cases for arm in read_arms(RESULTS / GRID, SCORE_SIDE)}
    return Scores(SCORE_SIDE, *(tuple(row for row in arms[name] if row.fold in folds) for name in (RAW, REFINED)))


def members(overrides: Sequence[str] = ()) -> list[ExperimentConfig]:
    """Return the configuration of each member: the grid's own, one for each of its seeds."""
    grid = load_grid(GRID, overrides)
    return [grid.settings[SETTING].config.model_copy(update={"seed": seed}) for seed in grid.seeds]


def main() -> None:
    """Train, score and write the rows of both ensembles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--out", type=Path, default=Path("runs/fold-ensemble"))
    parser.add_argument("--results", type=Path, default=RESULTS / "fold-ensemble")
    given = parser.parse_args()
    manifest, configs = read_manifest(given.manifest), members(given.overrides)
    parts = [train(manifest, configs, fold, given.out) for fold in given.folds]
    raw, refined = [row for part in parts for row in part.raw], [row for part in parts for row in part.refined]
    write_cases(given.results / "shares.csv", raw, refined)
    seeds = of_the_seeds(given.folds)
    write_cases(given.results / "seeds.csv", seeds.raw, seeds.refined)


if __name__ == "__main__":
    try:
        main()
    except EchoDuetError as error:
        sys.exit(f"error: {error}")
