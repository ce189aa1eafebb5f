"""What the curation report tells about single images: findings with examples, and why each image stays or goes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.decisions import Decision, Verdict
from echoduet.curation.pipeline import Curation
from echoduet.curation.quality.issues import Issue
from echoduet.records import Case

STRONGEST, FAINTEST = 4, 2
"""Examples of each kind of trouble: the clearest, and those that just pass the threshold."""

SHOWN_CASES = 24
"""Pictures of single cases with a conflict, at most."""

LISTED = 400
"""Rows of the table of further findings, at most; `findings.csv` has all."""

ABOUT_ONE_CASE = (FindingKind.LESION_WITHOUT_MASK, FindingKind.NORMAL_WITH_MASK)

NAMES = {
    Issue.CALIPERS: ("Calipers", "Measuring marks drawn over the scan."),
    Issue.TEXT: ("Burnt-in text", "Letters and figures in the picture."),
    Issue.PICTOGRAM: ("Pictogram", "A body mark or logo."),
    Issue.COLOUR_DOPPLER: ("Colour Doppler", "Coloured pixels inside the scan."),
    Issue.PANELS: ("More than one panel", "Two scans in one picture."),
    Issue.INTERFACE_BORDER: ("Interface border", "The scanner's own frame, scales or menus."),
    Issue.WEDGE_CORNERS: ("Wedge corners", "Black corners beside a fan-shaped scan."),
    Issue.NEAR_BLANK: ("Near blank", "Hardly anything to see."),
    Issue.SATURATED: ("Saturated", "Many pixels at the brightest value."),
    Issue.LOW_CONTRAST: ("Low contrast", "All gray values close together."),
    Issue.ODD_ASPECT: ("Odd aspect ratio", "Wider or narrower than the set's other images."),
    Issue.ODD_SIZE: ("Odd size", "Larger or smaller than the set's other images."),
    Issue.MASK_FRAGMENTS: ("Mask in fragments", "Small pieces beside the lesion."),
    Issue.MASK_HOLES: ("Mask with holes", "Gaps inside the outlined lesion."),
    Issue.MASK_EDGE: ("Mask at the edge", "The lesion touches the image's edge and may go on beyond it."),
    Issue.MASK_SMALL: ("Small mask", "Suspiciously little is outlined."),
    Issue.MASK_RECTANGULAR: ("Rectangular mask", "A box rather than an outline."),
}


OUTLINED = frozenset(issue for issue in Issue if issue.value.startswith("mask-"))
"""Troubles of the mask rather than of the image."""


@dataclass(frozen=True, slots=True)
class Example:
    """One image that shows a kind of trouble, with its score."""

    case: Case
    score: float


@dataclass(frozen=True, slots=True)
class Shelf:
    """One kind of trouble: how many images have it, and some of them, the clearest first."""

    issue: Issue
    title: str
    note: str
    total: int
    examples: tuple[Example, ...]

    @property
    def about_mask(self) -> bool:
        """Return whether the trouble is the mask's, so that its outline has to be seen."""
        return self.issue in OUTLINED


@dataclass(frozen=True, slots=True)
class Reason:
    """How many cases share a fate for one reason; other images' names in it are left out."""

    verdict: Verdict
    text: str
    count: int


def shelves(curation: Curation) -> Iterator[Shelf]:
    """Yield every kind of trouble that occurs, in the order of `Issue`."""
    flagged: dict[Issue, list[str]] = {issue: [] for issue in Issue}
    for case_id, issues in curation.flags.items():
        for issue in issues:
            flagged[issue].append(case_id)
    for issue, case_ids in flagged.items():
        if case_ids:
            title, note = NAMES[issue]
            yield Shelf(issue, title, note, len(case_ids), _examples(curation, issue, case_ids))


def lonely_conflicts(curation: Curation) -> list[tuple[Finding, Case]]:
    """Return the conflicts of an image with itself: a lesion image without a mask, and the reverse."""
    return [
        (finding, curation.cases[case_id])
        for finding in curation.findings
        if finding.kind in ABOUT_ONE_CASE
        for case_id in finding.cases
        if case_id in curation.cases
    ]


def further_findings(curation: Curation, shown: Sequence[FindingKind]) -> list[Finding]:
    """Return the findings of other kinds than those that have a chapter of their own."""
    return [finding for finding in curation.findings if finding.kind not in shown]


def reasons(curation: Curation) -> list[Reason]:
    """Return why cases stay, go or wait, each reason once, the most frequent of each verdict first."""
    counts = Counter((decision.verdict, _general(decision, curation.cases)) for decision in curation.decisions)
    order = list(Verdict)
    rows = (Reason(verdict, text, count) for (verdict, text), count in counts.items())
    return sorted(rows, key=lambda row: (order.index(row.verdict), -row.count, row.text))


def _examples(curation: Curation, issue: Issue, case_ids: Sequence[str]) -> tuple[Example, ...]:
    ranked = sorted(case_ids, key=lambda case_id: -curation.scores[case_id].get(issue, 0.0))
    chosen = ranked if len(ranked) <= STRONGEST + FAINTEST else [*ranked[:STRONGEST], *ranked[-FAINTEST:]]
    return tuple(Example(curation.cases[case_id], curation.scores[case_id].get(issue, 0.0)) for case_id in chosen)


def _general(decision: Decision, cases: Mapping[str, Case]) -> str:
    """Return the reason without the names of other images, and with numbers as n."""
    text = re.sub(r"\b\d+ (copies|images|members)", r"n \1", decision.reason)
    # Names stand at the end of a clause ("same scan as benign (3)"), so only tails need to be looked up.
    words = text.split(" ")
    for start in range(1, len(words)):
        name = " ".join(words[start:])
        if name in cases:
            return " ".join([*words[:start], "another image"])
    return text
