"""Print what the goals of the study are measured by, from the rows under results/.

Refined scores of the recipes under both protocols, and both tasks against each alone. Needs no network and no image.

python benchmarks/scoreboard.py
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from echoduet.errors import EchoDuetError
from echoduet.experiments.comparison.arm_files import read_arm
from echoduet.experiments.comparison.arms import on_common_seeds
from echoduet.experiments.comparison.compare import Sampling, compare
from echoduet.experiments.grid.reported import read_arms

RESULTS = Path(__file__).parents[1] / "results"

SHOWN = {
    "dsc_all": "all-image Dice",
    "dsc_lesion": "lesion Dice",
    "normal_empty_share": "normals left empty",
    "accuracy": "accuracy",
    "f1_weighted": "weighted F1",
    "auc_macro": "macro AUC",
}

INTERVALS_ALONE = Sampling(n_exchanges=99)
"""No p value is printed, so none needs its usual number of exchanges."""


class System(NamedTuple):
    """A refined row: what it is, the folder or file of its rows, and in a grid its name."""

    what: str
    place: str
    row: str = ""


PAPERS = (
    System("`fast`: 224 px, nothing frozen, 40 epochs", "fast-paper-128/cases.csv"),
    System("`duet`: 30 epochs, MT+PR", "duet", "MT+PR"),
    System("`duet`: three seeds as one, MT+PR+E", "duet", "MT+PR+E"),
    System("the same, other validation images each", "fold-ensemble/shares.csv"),
    System("`duet_longer`: 60 epochs, MT+PR", "duet-longer", "MT+PR"),
    System("`where`: masks of lesions alone, 30 epochs, MT+PR", "where", "MT+PR"),
    System("`long`: the same, 90 epochs, MT+PR", "long", "MT+PR"),
    System("`long`: two networks joined, ST(Seg+Cls)+PR", "long", "ST(Seg+Cls)+PR"),
)

CLEAN = (
    System("`echoduet-base`: three networks, 60 epochs", "echoduet-base/oof.csv"),
    System("`echoduet-small`: one, 60 epochs, a byte a weight", "echoduet-small/oof.csv"),
    System("`duet_clean`: 30 epochs, MT+PR", "duet-clean", "MT+PR"),
    System("`where_clean`: masks of lesions alone, MT+PR", "where-clean", "MT+PR"),
)

DUETS = {
    "paper's list, `duet`: 30 epochs": ("duet", ""),
    "paper's list, `ablation_ours`: 30 epochs": ("ours", ""),
    "paper's list, `ablation_ours`, DO: 10 epochs": ("ours", "+DO"),
    "paper's list, `where`: masks of lesions alone": ("where", ""),
    "paper's list, `long`: the same, 90 epochs": ("long", ""),
    "two of its folds, `untrained`: no ImageNet weights": ("untrained", ""),
    "clean BUSI, `duet_clean`: 30 epochs": ("duet-clean", ""),
    "clean BUSI, `where_clean`: masks of lesions alone": ("where-clean", ""),
}
"""The grids that train both tasks and each alone: folder, and what their settings' names end with."""

AGAINST = (
    ("MT", "ST(Seg)", "dsc_lesion"),
    ("MT", "ST(Cls)", "accuracy"),
    ("MT+PR", "ST(Seg+Cls)+PR", "dsc_lesion"),
    ("MT+PR", "ST(Seg+Cls)+PR", "accuracy"),
)


def page(results: Path = RESULTS) -> str:
    """Return the three tables as Markdown: the paper's protocol, the clean one, and both tasks against each alone.

    Args:
        results: the folder of published rows.
    """
    tables = [
        scores("the paper's protocol", PAPERS, results),
        scores("the clean protocol", CLEAN, results),
        duets(results),
    ]
    return "\n\n".join(tables)


def scores(protocol: str, systems: Sequence[System], results: Path) -> str:
    """Return a table of refined scores: mean over seeds and folds, with its interval over groups of copies."""
    return _table([f"{protocol}, refined", "seeds", *SHOWN.values()], (_scored(system, results) for system in systems))


def _scored(system: System, results: Path) -> Iterator[str]:
    place = results / system.place
    arms = {arm.name: arm for arm in read_arms(place)} if system.row else {"": read_arm(place, "")}
    entry = compare([arms[system.row]], sampling=INTERVALS_ALONE)["arms"][0]
    yield system.what
    yield str(len(entry["seeds"]))
    for key in SHOWN:
        value = entry["figures"][key]
        yield f"{value['mean']:.3f} ({' to '.join(f'{end:.3f}' for end in value['ci95'])})"


def duets(results: Path) -> str:
    """Return a table of differences: both tasks minus each alone; refined, minus two networks joined by the rule."""
    head = [
        "both tasks − each alone",
        "lesion Dice: MT − ST(Seg)",
        "accuracy: MT − ST(Cls)",
        "refined lesion Dice: MT+PR − ST(Seg+Cls)+PR",
        "refined accuracy",
    ]
    return _table(head, (_differences(what, *grid, results) for what, grid in DUETS.items()))


def _differences(what: str, folder: str, ending: str, results: Path) -> Iterator[str]:
    known = {arm.name: arm for arm in read_arms(results / folder)}
    asked = [(f"{one}{ending}", f"{other}{ending}") for one, other, _ in AGAINST]
    pairs = [pair for pair in dict.fromkeys(asked) if known.keys() >= set(pair)]
    arms, _ = on_common_seeds([known[name] for name in dict.fromkeys(name for pair in pairs for name in pair)])
    found = compare(arms, pairs=pairs, sampling=INTERVALS_ALONE)["comparisons"]
    entries = {(entry["arm"], entry["against"], entry["figure"]): entry for entry in found}
    count = len(arms[0].rows)
    yield f"{what}, {count} seed{'s' if count > 1 else ''}"
    for pair, (_, _, key) in zip(asked, AGAINST, strict=True):
        entry = entries.get((*pair, key))
        yield (
            "not run"
            if entry is None
            else f"{_signed(entry['difference'])} ({' to '.join(map(_signed, entry['ci95']))})"
        )


def _signed(value: float) -> str:
    rounded = round(value, 3)
    return f"{rounded:+.3f}" if rounded else "0.000"


def _table(head: Sequence[str], rows: Iterator[Iterator[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    try:
        print(page())
    except EchoDuetError as error:
        sys.exit(f"error: {error}")
