"""Do networks that leave out different images for validation make a better ensemble than networks of several seeds?

Of every fold what is not tested is cut into five shares; member k, of seed k, has share k as its validation part and
trains on the other four. The members answer together on the fold's test part, which none of them met. The ensemble to
compare with has the same seeds and one validation part for all of them: rows of `configs/duet.yaml`.

echoduet curate data/Dataset_BUSI_with_GT --published-list data/mapping_curated_BUSI.csv --out curated
python benchmarks/fold_ensemble.py curated/manifest.csv --folds 0 1 --out runs/fold-ensemble
echoduet compare results/fold-ensemble/seeds.csv results/fold-ensemble/shares.csv --out runs/compared

Resumable; the rows go to results/fold-ensemble.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from pathlib import Path

from echoduet.config.load_grid import load_grid
from echoduet.config.schema import ExperimentConfig
from echoduet.data.manifest import Manifest, read_manifest
from echoduet.evaluation.cases import write_cases
from echoduet.experiments.crossval import cross_validate, fold_folder
from echoduet.experiments.evaluate import Scores
from echoduet.experiments.folds import score_part
from echoduet.files import write_csv
from echoduet.models.joining import join_bundles
from echoduet.splits.folds import make_splits
from echoduet.splits.table import Part, SplitRow, SplitTable

RESULTS = Path(__file__).parents[1] / "results"
GRID, SETTING, TOGETHER = "duet", "MT", "0+1+2"
"""The grid whose recipe is taken, its setting of both tasks, and how its rows name the ensemble of three seeds."""

SHARES = 5
SCORE_SIDE = 128


def rotated(manifest: Manifest, config: ExperimentConfig, folds: Sequence[int], member: int) -> SplitTable:
    """Return the folds of `config`, but with share `member` of what is not tested as validation part."""
    outer = make_splits(manifest.cases, config.split)
    rows: list[SplitRow] = []
    for fold in folds:
        tested = set(outer.ids(fold, Part.TEST))
        rest = [case for case in manifest if case.case_id not in tested]
        shares = make_splits(rest, config.split.model_copy(update={"folds": SHARES}))
        held = set(shares.ids(member, Part.TEST))
        parts = {case.case_id: Part.VAL if case.case_id in held else Part.TRAIN for case in rest}
        rows += [SplitRow(case.case_id, fold, parts.get(case.case_id, Part.TEST)) for case in manifest]
    return SplitTable(tuple(rows))


def train(manifest: Manifest, configs: Sequence[ExperimentConfig], folds: Sequence[int], out: Path) -> Scores:
    """Train a member with each configuration into `out/member_K`, and return what they score together, fold by fold."""
    splits = [rotated(manifest, config, folds, member) for member, config in enumerate(configs)]
    for member, (config, table) in enumerate(zip(configs, splits, strict=True)):
        cross_validate(config, manifest, table, out / f"member_{member}", (SCORE_SIDE,))
    parts: list[Scores] = []
    for fold in folds:
        models = [fold_folder(out / f"member_{k}", fold) / "model.safetensors" for k in range(len(configs))]
        joined = out / f"joined_{fold}.safetensors"
        join_bundles(models, joined)
        parts += score_part(joined, manifest, splits[0], fold, Part.TEST, (SCORE_SIDE,))
    raw, refined = (sum((getattr(part, which) for part in parts), ()) for which in ("raw", "refined"))
    return Scores(SCORE_SIDE, raw, refined)


def copy_rows(grid_rows: Path, folds: Sequence[int], path: Path) -> None:
    """Write the rows of the seeds' ensemble that `folds` test, as one file of rows."""
    with grid_rows.open(newline="", encoding="utf-8") as stream:
        reader = csv.DictReader(stream)
        columns = [name for name in reader.fieldnames or () if name not in {"setting", "seed", "part"}]
        rows = [row for row in reader if (row["setting"], row["seed"]) == (SETTING, TOGETHER)]
    write_csv(path, columns, [{name: row[name] for name in columns} for row in rows if int(row["fold"]) in folds])


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
    scores = train(read_manifest(given.manifest), members(given.overrides), given.folds, given.out)
    write_cases(given.results / "shares.csv", scores.raw, scores.refined)
    copy_rows(RESULTS / GRID / "rows.csv", given.folds, given.results / "seeds.csv")


if __name__ == "__main__":
    main()
