"""The files that curation leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from echoduet.curation.groups import membership
from echoduet.curation.pipeline import Curation
from echoduet.curation.quality.issues import Issue
from echoduet.curation.relations import Pair
from echoduet.data.manifest import write_manifest
from echoduet.files import write_csv, write_json

PAIR_COLUMNS = (
    "case_a", "case_b", "relation", "similarity", "label_a", "label_b", "mask_dice", "group",
    "overlap", "confidence", "mirrored", "rotation", "scale", "dx", "dy",
)  # fmt: skip
GROUP_COLUMNS = ("group", "case_id", "label", "members", "relation", "scan_group", "copy_group")
FINDING_COLUMNS = ("kind", "group", "cases", "value", "message")
ISSUE_COLUMNS = ("case_id", *(issue.value for issue in Issue), "flags")
DECISION_COLUMNS = ("case_id", "decision", "reason", "group")


def write_tables(curation: Curation, out: Path) -> None:
    """Write the tables of pairs, groups, findings, issues and decisions, two manifests and the summary into `out`.

    `cases.csv` is the manifest of every usable case, `manifest.csv` that of the kept ones.

    Raises:
        OutputError: a file cannot be written.
    """
    write_csv(out / "pairs.csv", PAIR_COLUMNS, pair_rows(curation))
    write_csv(out / "groups.csv", GROUP_COLUMNS, _groups(curation))
    write_csv(out / "findings.csv", FINDING_COLUMNS, _findings(curation))
    write_csv(out / "issues.csv", ISSUE_COLUMNS, _issues(curation))
    write_csv(out / "decisions.csv", DECISION_COLUMNS, _decisions(curation))
    write_manifest(curation.kept.with_cases(curation.cases.values()), out / "cases.csv")
    write_manifest(curation.kept, out / "manifest.csv")
    write_json(out / "summary.json", curation.summary())


def pair_rows(curation: Curation) -> Iterator[dict[str, object]]:
    """Yield the rows of `pairs.csv`, one at a time: there may be a million."""
    group_of = membership(curation.groups)
    for pair in curation.pairs:
        yield {
            "case_a": pair.case_a,
            "case_b": pair.case_b,
            "relation": pair.relation.value,
            "similarity": f"{pair.similarity:.4f}",
            "label_a": curation.cases[pair.case_a].label.value,
            "label_b": curation.cases[pair.case_b].label.value,
            "mask_dice": f"{curation.agreements[pair.case_a, pair.case_b]:.4f}",
            "group": group_of[pair.case_a],
            "overlap": f"{pair.overlap:.4f}",
            "confidence": f"{pair.confidence:.4f}",
            **_transform(pair),
        }


def _transform(pair: Pair) -> dict[str, object]:
    """Return what lays image b over image a, precise enough to do so: a hundredth of a pixel across 5,000."""
    transform = pair.transform
    return {
        "mirrored": int(transform.mirrored),
        "rotation": f"{transform.rotation:.4f}",
        "scale": f"{transform.scale:.6f}",
        "dx": f"{transform.dx:.2f}",
        "dy": f"{transform.dy:.2f}",
    }


def _groups(curation: Curation) -> Iterator[dict[str, object]]:
    scans, copies = membership(curation.scan_groups), membership(curation.copy_groups)
    for group in curation.groups:
        for member in group.members:
            yield {
                "group": group.name,
                "case_id": member,
                "label": curation.cases[member].label.value,
                "members": len(group.members),
                "relation": group.relation.value,
                "scan_group": scans.get(member, ""),
                "copy_group": copies.get(member, ""),
            }


def _findings(curation: Curation) -> Iterator[dict[str, object]]:
    for finding in curation.findings:
        yield {
            "kind": finding.kind.value,
            "group": finding.group,
            "cases": ";".join(finding.cases),
            "value": "" if finding.value is None else f"{finding.value:.4f}",
            "message": finding.message,
        }


def _issues(curation: Curation) -> Iterator[dict[str, object]]:
    for case_id in curation.cases:
        scores = {issue.value: f"{value:.4f}" for issue, value in curation.scores.get(case_id, {}).items()}
        flags = ";".join(issue.value for issue in curation.flags.get(case_id, ()))
        yield {"case_id": case_id, **scores, "flags": flags}


def _decisions(curation: Curation) -> Iterator[dict[str, object]]:
    for decision in curation.decisions:
        yield {
            "case_id": decision.case_id,
            "decision": decision.verdict.value,
            "reason": decision.reason,
            "group": decision.group,
        }
