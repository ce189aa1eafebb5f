"""The files that curation leaves."""

from __future__ import annotations

from pathlib import Path

from echoduet.curation.groups import membership
from echoduet.curation.pipeline import Curation
from echoduet.data.manifest import write_manifest
from echoduet.files import write_csv, write_json

PAIR_COLUMNS = ("case_a", "case_b", "relation", "similarity", "label_a", "label_b", "mask_dice", "group")
GROUP_COLUMNS = ("group", "case_id", "label", "members")
FINDING_COLUMNS = ("kind", "group", "cases", "value", "message")
DECISION_COLUMNS = ("case_id", "decision", "reason", "group")


def write_tables(curation: Curation, out: Path) -> None:
    """Write pairs, groups, findings, decisions, the curated manifest and the summary into the folder `out`.

    Raises:
        OutputError: a file cannot be written.
    """
    _write_pairs(curation, out / "pairs.csv")
    _write_groups(curation, out / "groups.csv")
    _write_findings(curation, out / "findings.csv")
    _write_decisions(curation, out / "decisions.csv")
    write_manifest(curation.kept, out / "manifest.csv")
    write_json(out / "summary.json", curation.summary())


def _write_pairs(curation: Curation, path: Path) -> None:
    group_of = membership(curation.groups)
    rows = (
        {
            "case_a": pair.case_a,
            "case_b": pair.case_b,
            "relation": pair.relation.value,
            "similarity": f"{pair.similarity:.4f}",
            "label_a": curation.cases[pair.case_a].label.value,
            "label_b": curation.cases[pair.case_b].label.value,
            "mask_dice": f"{dice:.4f}",
            "group": group_of[pair.case_a],
        }
        for pair, dice in curation.pairs.items()
    )
    write_csv(path, PAIR_COLUMNS, rows)


def _write_groups(curation: Curation, path: Path) -> None:
    rows = (
        {
            "group": group.name,
            "case_id": member,
            "label": curation.cases[member].label.value,
            "members": len(group.members),
        }
        for group in curation.groups
        for member in group.members
    )
    write_csv(path, GROUP_COLUMNS, rows)


def _write_findings(curation: Curation, path: Path) -> None:
    rows = (
        {
            "kind": finding.kind.value,
            "group": finding.group,
            "cases": ";".join(finding.cases),
            "value": "" if finding.value is None else f"{finding.value:.4f}",
            "message": finding.message,
        }
        for finding in curation.findings
    )
    write_csv(path, FINDING_COLUMNS, rows)


def _write_decisions(curation: Curation, path: Path) -> None:
    rows = (
        {
            "case_id": decision.case_id,
            "decision": decision.verdict.value,
            "reason": decision.reason,
            "group": decision.group,
        }
        for decision in curation.decisions
    )
    write_csv(path, DECISION_COLUMNS, rows)
