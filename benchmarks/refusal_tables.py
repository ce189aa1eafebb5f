"""The tables of docs/refusals.md, from the rows that `benchmarks/refusal.py report` leaves."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from echoduet.records import Ground
from findings_precision import wilson

Rows = Sequence[Mapping[str, str]]

BLOCKS = {
    "no ultrasound": "No ultrasound: to be refused",
    "own ground": "Made for a ground of their own: to be refused",
    "kept": "The same images otherwise shown: not to be refused",
    "near": "In between: told, no goal",
    "design": "Looked at while the features were chosen: told, no evidence",
}
GROUNDS = tuple(str(ground) for ground in Ground)


def read_rows(path: Path) -> Rows:
    """Read the rows of the report."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def tables(path: Path) -> str:
    """Return all tables as Markdown."""
    rows = read_rows(path)
    parts = [f"### The goal\n\n{goal_table(rows)}", f"### Images of BUSI\n\n{busi_table(rows)}"]
    for block, title in BLOCKS.items():
        members = [row for row in rows if row["block"] == block]
        if not members:
            continue
        parts.append(f"### {title}\n\n{table_of(members)}")
        if block == "no ultrasound":
            parts.append(f"Not refused: {missed(members)}.")
    return "\n\n".join(parts)


@dataclass(frozen=True)
class Counted:
    """Pictures, how many of them are refused, and whether they are images of BUSI, which should not be."""

    pictures: int
    refused: int
    busi: bool


def shares(rows: Rows) -> dict[str, Counted]:
    """Count what the goal is about."""
    busi = [row for row in rows if row["block"] == "BUSI"]
    parts = {
        "pictures that are no ultrasound, to be refused": [row for row in rows if row["block"] == "no ultrasound"],
        "images of BUSI, the clean list": [row for row in busi if row["kind"] == "clean list"],
        "images of BUSI, all": busi,
    }
    return {
        name: Counted(len(some), len(_refused(some)), name.startswith("images of BUSI")) for name, some in parts.items()
    }


def goal_table(rows: Rows) -> str:
    """Return the shares that the goal is about."""
    lines = [f"| {name} | {one.pictures} | {_told(one.refused, one.pictures)} |" for name, one in shares(rows).items()]
    return "\n".join(["| | pictures | refused (95 %) |", "|---|---|---|", *lines])


def missed(rows: Rows) -> str:
    """Return the names of the pictures that are not refused, with their kinds."""
    return "; ".join(f"{row['picture']} ({row['kind']})" for row in rows if not row["refused"]) or "none"


def busi_table(rows: Rows) -> str:
    """Return how many images of BUSI each ground refuses, of those on the clean list and of all."""
    busi = [row for row in rows if row["block"] == "BUSI"]
    clean = [row for row in busi if row["kind"] == "clean list"]
    lines = [f"| ground | clean list, {len(clean)} | all, {len(busi)} |", "|---|---|---|"]
    lines += [f"| `{g}` | {_share(_on(clean, g), clean)} | {_share(_on(busi, g), busi)} |" for g in GROUNDS]
    lines.append(f"| **any** | {_share(_refused(clean), clean)} | {_share(_refused(busi), busi)} |")
    rest, all_rest = (_wrongly(part) for part in (clean, busi))
    lines.append(f"| any but `colour_doppler` | {_share(rest, clean)} | {_share(all_rest, busi)} |")
    named = sorted({row["picture"] for row in _wrongly(busi)})
    return "\n".join([*lines, "", f"Refused on another ground than colour Doppler: {', '.join(named) or 'none'}."])


def table_of(rows: Rows) -> str:
    """Return one line a kind: how many there are, how many refused, on which grounds, and how many missed."""
    kinds = list(dict.fromkeys(row["kind"] for row in rows))
    head = "| kind | pictures | refused (95 %) | " + " | ".join(f"`{g}`" for g in GROUNDS) + " |"
    lines = [head, "|---" * (3 + len(GROUNDS)) + "|"]
    lines += [_line(kind, [row for row in rows if row["kind"] == kind]) for kind in kinds]
    return "\n".join([*lines, _line("**all**", rows)])


def _line(name: str, rows: Rows) -> str:
    counts = " | ".join(str(len(_on(rows, ground))) for ground in GROUNDS)
    return f"| {name} | {len(rows)} | {_share(_refused(rows), rows)} | {counts} |"


def _share(some: Rows, rows: Rows) -> str:
    return _told(len(some), len(rows))


def _told(some: int, number: int) -> str:
    if not number:
        return "none there"
    low, high = wilson(some, number)
    return f"{some}: {100 * some / number:.1f} % ({100 * low:.1f}-{100 * high:.1f})"


def _refused(rows: Iterable[Mapping[str, str]]) -> Rows:
    return [row for row in rows if row["refused"]]


def _on(rows: Rows, ground: str) -> Rows:
    return [row for row in rows if ground in row["refused"].split(";")]


def _wrongly(rows: Rows) -> Rows:
    """Return what is refused, and not as colour Doppler, which the images are that are refused as such."""
    return [row for row in _refused(rows) if str(Ground.COLOUR_DOPPLER) not in row["refused"].split(";")]
