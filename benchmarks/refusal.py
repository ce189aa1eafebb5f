r"""What the shipped bundles refuse: fit it, measure it, tell it.

    python benchmarks/refusal.py fit data/Dataset_BUSI_with_GT models/*.safetensors
    python benchmarks/refusal.py report data/Dataset_BUSI_with_GT
    python benchmarks/refusal.py table
    python benchmarks/refusal.py time

`fit` makes reference and thresholds of the images that data_lists/busi_clean.csv keeps, on the folds of the released
configuration, and rewrites the bundles (their weights stay as they are), SHA256SUMS and the model cards.

`report` scores every image of BUSI, and every picture of refusal_pictures.py and refusal_changed.py, and writes
`results/refusal/rows.csv` (one row a picture: its scores and the grounds it is refused on; no images) and
`thresholds.csv`. An image of BUSI, and whatever is made from one, is tested by reference and thresholds of the folds
that it is not in; all other pictures by those that ship. For as many pictures as the tables have:

    apt-get install --no-install-recommends plasma-workspace-wallpapers lxqt-themes mricron-data \
        mate-backgrounds ukui-wallpapers

`table` prints the tables of docs/refusals.md from the rows; `time` how long a look at one picture takes on one core.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from echoduet.cli.console import console_progress
from echoduet.config.load import load_config
from echoduet.data.images import read_gray
from echoduet.data.manifest import open_data
from echoduet.data.phantom_scan import scan_phantom
from echoduet.data.tables import read_csv
from echoduet.errors import EchoDuetError
from echoduet.experiments.release.refusals import Refusals, checks_of, fit_refusals, see
from echoduet.files import write_csv
from echoduet.inference.refusal import Judge, Signs, threshold_name
from echoduet.models.bundle import rewrite_info
from echoduet.models.info import read_info
from echoduet.models.shipped import record_checksum
from echoduet.records import Case, Check, Ground, Label, Scan
from echoduet.reporting.model_card import write_card
from echoduet.splits.folds import make_splits
from echoduet.splits.table import Part, SplitTable
from refusal_changed import kept, near, no_ultrasound_any_more, own_grounds
from refusal_pictures import Picture, design_drawings, design_photographs, drawings, other_modalities, photographs
from refusal_tables import tables

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "results" / "refusal"
LIST = ROOT / "data_lists" / "busi_clean.csv"
SEED = 1993
SCORES = tuple(str(ground) for ground in Ground)
BY_THEMSELVES = (
    ("no ultrasound", photographs),
    ("no ultrasound", drawings),
    ("design", design_photographs),
    ("design", design_drawings),
    ("near", other_modalities),
)
CHANGED = (("no ultrasound", no_ultrasound_any_more), ("own ground", own_grounds), ("near", near), ("kept", kept))
"""Which pictures stand in which block of the tables: those that come from elsewhere, and those made of BUSI's."""

COLUMNS = ("block", "kind", "picture", "fold", *SCORES, "refused")


@dataclass(frozen=True)
class Busi:
    """BUSI as the clean list has it: the cases that are kept, those that are not, and the folds of the first."""

    kept: tuple[Case, ...]
    others: tuple[Case, ...]
    splits: SplitTable

    @classmethod
    def read(cls, root: Path) -> Busi:
        """Read the folder, and bring in the list's groups."""
        listed = {row.needed("case_id"): row for row in read_csv(LIST, ("case_id", "group", "decision"))}
        cases = [replace(case, group=listed[case.case_id].text("group") or None) for case in open_data(root)]
        chosen = tuple(case for case in cases if listed[case.case_id].needed("decision") == "keep")
        others = tuple(case for case in cases if case not in chosen)
        return cls(chosen, others, make_splits(chosen, load_config("echoduet-base", None).split))

    @cached_property
    def folds(self) -> Mapping[str, int]:
        """The fold that tests each case, or the case that its group keeps; a case without either has none."""
        tested = {row.case_id: row.fold for row in self.splits.rows if row.part is Part.TEST}
        of_group = {case.group: tested[case.case_id] for case in self.kept if case.group}
        return tested | {case.case_id: of_group[case.group] for case in self.others if case.group in of_group}


def fit(busi: Busi, models: Sequence[Path]) -> None:
    """Give every bundle its refusals, and write its checksum and card anew."""
    refusals = fit_refusals(see(busi.kept, console_progress()), busi.splits)
    for model in models:
        rewrite_info(model, refusals.into(read_info(model)))
        record_checksum(model)
        card = write_card(model.with_suffix(".md"), model, ROOT / "results" / model.stem / "oof.csv")
        print(f"{model.name}: {refusals.summary()}; {card.name} written")


def report(busi: Busi, out: Path) -> None:
    """Score everything, and write rows and thresholds."""
    progress = console_progress()
    signs = see([*busi.kept, *busi.others], progress)
    refusals = fit_refusals({case.case_id: signs[case.case_id] for case in busi.kept}, busi.splits)
    tester = Tester(refusals, busi.folds)
    rows = [tester.row("BUSI", "clean list", case.case_id, signs[case.case_id], case.case_id) for case in busi.kept]
    rows += [tester.row("BUSI", "all others", case.case_id, signs[case.case_id], case.case_id) for case in busi.others]
    for block, picture in progress(pictures(busi), label="pictures"):
        rows.append(tester.row(block, picture.kind, picture.name, Signs.of(picture.scan), picture.case_id))
    write_csv(out / "rows.csv", COLUMNS, rows)
    write_csv(out / "thresholds.csv", ("fold", *SCORES), tester.thresholds())


@dataclass(frozen=True)
class Tester:
    """Tests each picture by references that did not see it."""

    refusals: Refusals
    folds: Mapping[str, int]

    @cached_property
    def judges(self) -> Mapping[int | None, Judge]:
        """One for each fold, and the one that ships."""
        return {None: Judge(self.refusals.reference)} | {f: Judge(r) for f, r in self.refusals.references.items()}

    def limits(self, fold: int | None) -> Mapping[Ground, float]:
        """Return the thresholds of a fold, or those that ship."""
        shipped = {ground: self.refusals.thresholds[threshold_name(ground)] for ground in Ground}
        return shipped if fold is None else self.refusals.fold_thresholds[fold]

    def row(self, block: str, kind: str, name: str, signs: Signs, case_id: str) -> dict[str, object]:
        """Return the row of one picture."""
        fold = self.folds.get(case_id)
        checks: tuple[Check, ...] = checks_of(self.judges[fold].scores(signs), self.limits(fold))
        scores = {str(check.ground): f"{check.score:.4f}" for check in checks}
        refused = ";".join(str(check.ground) for check in checks if check.refuses)
        return {"block": block, "kind": kind, "picture": name, "fold": fold, **scores, "refused": refused}

    def thresholds(self) -> list[dict[str, object]]:
        """Return the thresholds of each fold, and those that ship (no fold)."""
        return [
            {"fold": fold, **{str(ground): value for ground, value in self.limits(fold).items()}}
            for fold in (*self.refusals.fold_thresholds, None)
        ]


def pictures(busi: Busi) -> Iterator[tuple[str, Picture]]:
    """Yield every picture with the block of the tables it belongs to; each block draws from a generator of its own."""
    known = [(case.case_id, read_gray(case.image)) for case in busi.kept]
    for block, draw in BY_THEMSELVES:
        yield from ((block, picture) for picture in draw(np.random.default_rng(SEED)))
    for block, change in CHANGED:
        yield from ((block, picture) for picture in change(known, np.random.default_rng(SEED)))


def spent(colour: bool, rounds: int = 50) -> float:
    """Return the milliseconds of processor time that a look at a picture of 600 x 500 takes, the median round."""
    gray = cv2.resize(scan_phantom(Label.BENIGN, np.random.default_rng(SEED), 600).image, (600, 500))
    scan = Scan("x", gray, np.repeat(gray[:, :, None], 3, axis=2) if colour else None)
    cv2.setNumThreads(1)
    seen = []
    for _ in range(rounds):
        start = time.process_time()
        Signs.of(scan)
        seen.append(1000 * (time.process_time() - start))
    return median(seen)


def main() -> None:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fitting, reporting = commands.add_parser("fit"), commands.add_parser("report")
    telling = commands.add_parser("table")
    commands.add_parser("time")
    for command in (fitting, reporting):
        command.add_argument("data", type=Path, help="the folder of BUSI")
    fitting.add_argument("models", type=Path, nargs="+")
    for command in (reporting, telling):
        command.add_argument("--results", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.command == "time":
        print(f"gray: {spent(colour=False):.1f} ms, in colour: {spent(colour=True):.1f} ms")
        return
    if given.command == "fit":
        fit(Busi.read(given.data), given.models)
        return
    if given.command == "report":
        report(Busi.read(given.data), given.results)
    print(tables(given.results / "rows.csv"))


if __name__ == "__main__":
    try:
        main()
    except EchoDuetError as error:
        sys.exit(f"error: {error}")
