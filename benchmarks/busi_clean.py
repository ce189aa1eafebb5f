"""Make the clean list of BUSI from the raw folder, and the report of where a published list disagrees.

    python benchmarks/busi_clean.py data/Dataset_BUSI_with_GT --published-list data/mapping_curated_BUSI.csv

    data_lists/busi_clean.csv            case_id, group, decision, reason of every image
    data_lists/busi_clean_summary.json   the figures of docs/busi-clean.md
    docs/busi-clean.md                   its tables, between the two marks
    curated/busi-clean.html              every pair as a picture; holds images, so it is not part of the repository

The published list decides nothing: `busi_clean.csv` is the same with and without it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from busi_clean_page import with_tables
from echoduet.cli.console import console_progress
from echoduet.curation.conflicts import FindingKind
from echoduet.curation.groups import Group
from echoduet.curation.matching.candidates import Candidate
from echoduet.curation.matching.features import extract, tabulate
from echoduet.curation.matching.search import Match, verify
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.pipeline import Curation, Rules, curate
from echoduet.curation.published import PublishedList, listed_cases, read_published_list
from echoduet.curation.quality.issues import OVERLAYS
from echoduet.curation.relations import Pair, Relation
from echoduet.curation.settings import Policy
from echoduet.data.images import read_gray
from echoduet.data.manifest import in_threads
from echoduet.files import write_csv, write_json, write_text
from echoduet.progress import Progress, silent
from echoduet.records import Case
from echoduet.reporting.curation import write_curation_report
from echoduet.reporting.curation_evidence import Dispute, disagreements
from echoduet.reporting.curation_pictures import wider_first

ROOT = Path(__file__).parents[1]
LISTS, PAGE = ROOT / "data_lists", ROOT / "docs" / "busi-clean.md"
REPORT = ROOT / "curated" / "busi-clean.html"
COLUMNS = ("case_id", "group", "decision", "reason")

NAMED = (
    FindingKind.LABEL_CONFLICT,
    FindingKind.NORMAL_COPIES_LESION,
    FindingKind.MASK_CONFLICT,
    FindingKind.LESION_WITHOUT_MASK,
    FindingKind.NORMAL_WITH_MASK,
)
"""Contradictions whose images the page names."""

CROPPED, TURNED, SCALED, SHIFTED = 0.95, 1.0, 0.02, 0.02
"""From where on a transform counts: overlap below, degrees, share of the scale, share of the width."""


def write_list(curation: Curation, path: Path) -> None:
    """Write what becomes of every image, and why."""
    rows = (
        {"case_id": one.case_id, "group": one.group, "decision": one.verdict.value, "reason": one.reason}
        for one in curation.decisions
    )
    write_csv(path, COLUMNS, rows)


def figures(curation: Curation, listed: Collection[str] | None) -> dict[str, Any]:
    """Return the figures of the page; those about a published list only where one was compared."""
    summary = curation.summary()
    taken = ("cases", "kept", "decisions", "pairs", "copy_groups", "scan_groups", "groups", "findings", "issues")
    unique = summary["cases"]["all"] - summary["scan_groups"]["images"]
    found = {name: summary[name] for name in taken}
    found |= {"without_copies": unique, "changes": changes(curation), "least_dice": curation.settings.mask_agreement}
    found["contradictions"] = {kind.value: _named(curation, kind) for kind in NAMED}
    if listed is None:
        return found
    disputes = disagreements(curation, listed)
    named = {kind.value: [one.case.case_id for one in disputes if one.dispute is kind] for kind in Dispute}
    compared = {"kept": len(listed), "score": summary["score"], "scene_score": summary["scene_score"]}
    return found | {"list": compared | {"disputes": named}}


def _named(curation: Curation, kind: FindingKind) -> list[list[str]]:
    """Return the cases of every finding of a kind, the worst agreement first where there is one."""
    found = [finding for finding in curation.findings if finding.kind is kind]
    if kind is FindingKind.MASK_CONFLICT:
        found.sort(key=lambda finding: finding.value or 0.0)
    return [list(finding.cases) for finding in found]


def changes(curation: Curation) -> dict[str, int]:
    """Return how many pairs of one scan differ in which way; a pair may differ in several."""
    counts = dict.fromkeys(("mirrored", "turned", "scaled", "cropped", "shifted", "graphics", "in place"), 0)
    for pair in curation.pairs:
        if pair.relation is not Relation.SAME_SCENE:
            for name in change(pair, curation) or ("in place",):
                counts[name] += 1
    return counts


def change(pair: Pair, curation: Curation) -> tuple[str, ...]:
    """Return in which ways the two images of a pair differ."""
    cases = [curation.cases[pair.case_a], curation.cases[pair.case_b]]
    way = wider_first(pair, {case.case_id: (case.width, case.height) for case in cases}).transform
    turn = min(abs(way.rotation), abs(abs(way.rotation) - 180)) if way.mirrored else abs(way.rotation)
    overlaid = {bool(OVERLAYS.intersection(curation.flags.get(case.case_id, ()))) for case in cases}
    moved = max(abs(way.dx), abs(way.dy)) / max(case.width for case in cases)
    seen = {
        "mirrored": way.mirrored,
        "turned": turn >= TURNED,
        "scaled": abs(way.scale - 1) >= SCALED,
        "cropped": pair.overlap < CROPPED,
        "shifted": not way.mirrored and turn < TURNED and pair.overlap >= CROPPED and moved >= SHIFTED,
        "graphics": len(overlaid) > 1,
    }
    return tuple(name for name, differs in seen.items() if differs)


def nearest(
    cases: Sequence[Case], alone: Collection[str], settings: MatchSettings, progress: Progress = silent
) -> dict[str, Pair]:
    """Return for images without a relative the pair with the one that comes nearest, by every pair there is."""
    if not alone:
        return {}
    loose = replace(settings, confidence=0.0, overlap=0.0)
    features = in_threads(lambda case: extract(read_gray(case.image), loose), cases, progress, "reading images again")
    table = tabulate(features, loose.side)
    found = {}
    for i in progress([i for i, case in enumerate(cases) if case.case_id in alone], label="looking for the nearest"):
        others = [Candidate(i, j, mirrored) for j in range(len(cases)) if j != i for mirrored in (False, True)]
        matches = [match for match in (verify(table, other, loose) for other in others) if match]
        if matches:
            found[cases[i].case_id] = _pair(max(matches, key=lambda match: match.confidence), cases)
    return found


def _pair(match: Match, cases: Sequence[Case]) -> Pair:
    ids = cases[match.i].case_id, cases[match.j].case_id
    return Pair(*ids, match.relation, match.transform, match.overlap, match.similarity, match.confidence)


def unrelated(cases: Sequence[Case], groups: Sequence[Group], listed: Collection[str]) -> set[str]:
    """Return the images that the list leaves out and that are in no group."""
    grouped = {member for group in groups for member in group.members}
    return {case.case_id for case in cases} - grouped - set(listed)


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description="Make the clean list of BUSI from the raw folder.")
    parser.add_argument("data", type=Path, help="the raw folder, Dataset_BUSI_with_GT")
    parser.add_argument("--published-list", type=Path, help="compare with this list (CSV: class;id)")
    parser.add_argument("--lists", type=Path, default=LISTS, help="folder of the list and its figures")
    parser.add_argument("--page", type=Path, default=PAGE, help="the page whose tables are written")
    parser.add_argument("--report", type=Path, default=REPORT, help="the report with the pictures")
    return parser.parse_args()


def make(data: Path, reference: PublishedList | None, lists: Path, page: Path, report: Path) -> dict[str, Any]:
    """Write the list, its figures, the tables of the page and the report; return the figures."""
    progress = console_progress()
    with tempfile.TemporaryDirectory() as index:
        curation = curate([data], Path(index), Rules(Policy.KEEP_ONE, reference=reference), progress=progress)
    cases = list(curation.cases.values())
    listed = listed_cases(reference, cases)[0] if reference else None
    alone = set() if listed is None else unrelated(cases, curation.groups, listed)
    near = nearest(cases, alone, curation.settings.matching, progress)
    found = figures(curation, listed)
    write_list(curation, lists / "busi_clean.csv")
    write_json(lists / "busi_clean_summary.json", found)
    write_text(page, with_tables(page.read_text(encoding="utf-8"), found))
    write_curation_report(curation, report, "Clean BUSI", progress, listed, near)
    return found


def main() -> None:
    """Do it, and say where things are."""
    given = arguments()
    reference = read_published_list(given.published_list) if given.published_list else None
    found = make(given.data, reference, given.lists, given.page, given.report)
    fates = ", ".join(f"{count} {verdict}" for verdict, count in found["decisions"].items())
    print(f"{found['cases']['all']} images: {fates}\nlist: {given.lists / 'busi_clean.csv'}\nreport: {given.report}")


if __name__ == "__main__":
    main()
