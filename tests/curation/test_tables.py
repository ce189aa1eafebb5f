from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.pipeline import curate
from echoduet.curation.settings import Policy
from echoduet.curation.tables import write_tables
from echoduet.data.manifest import Manifest, read_manifest
from echoduet.errors import OutputError


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_table_is_written_and_agrees_with_the_others(busy_manifest: Manifest, tmp_path: Path) -> None:
    problem = Finding(FindingKind.UNUSABLE, ("benign (77)",), "benign (77).png: is empty.")
    curation = curate(busy_manifest, Policy.KEEP_ONE, problems=[problem])
    write_tables(curation, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "pairs.csv",
        "groups.csv",
        "findings.csv",
        "decisions.csv",
        "cases.csv",
        "issues.csv",
        "manifest.csv",
        "summary.json",
    }
    pairs = rows(tmp_path / "out" / "pairs.csv")
    assert list(pairs[0])[:4] == ["case_a", "case_b", "relation", "similarity"]
    assert (pairs[1]["relation"], pairs[1]["similarity"], pairs[1]["mask_dice"]) == ("copy", "1.0000", "1.0000")
    assert {(pair["label_a"], pair["label_b"]) for pair in pairs} == {
        ("benign", "benign"), ("benign", "malignant"), ("normal", "normal"),
    }  # fmt: skip
    groups = rows(tmp_path / "out" / "groups.csv")
    assert {row["group"] for row in groups} == {pair["group"] for pair in pairs}
    assert {row["members"] for row in groups} == {"2"}
    decisions = rows(tmp_path / "out" / "decisions.csv")
    assert [row["case_id"] for row in decisions] == [*(case.case_id for case in busy_manifest), "benign (77)"]
    kept = [row["case_id"] for row in decisions if row["decision"] == "keep"]
    assert [case.case_id for case in read_manifest(tmp_path / "out" / "manifest.csv")] == kept
    findings = rows(tmp_path / "out" / "findings.csv")
    assert [row["kind"] for row in findings] == ["unusable", "label-conflict", "mask-conflict"]
    assert findings[1]["cases"] == "benign (3);malignant (1)"
    assert findings[2]["value"] == "0.0000"
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == curation.summary()


def test_the_same_data_give_the_same_bytes(busy_manifest: Manifest, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tables(curate(busy_manifest), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_an_unwritable_folder_is_named(busy_manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"pairs\.csv: cannot be written"):
        write_tables(curate(busy_manifest), tmp_path / "file")
