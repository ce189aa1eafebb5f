from __future__ import annotations

import csv
import json
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.decisions import Verdict
from echoduet.curation.pipeline import Curation, Rules, conclude
from echoduet.curation.quality.issues import Issue
from echoduet.curation.relations import Pair, Relation, Transform
from echoduet.curation.settings import Policy
from echoduet.curation.tables import PAIR_COLUMNS, pair_rows, write_tables
from echoduet.data.manifest import Manifest, read_manifest
from echoduet.errors import OutputError
from echoduet.files import write_csv
from echoduet.records import Case, Label

COPY, SCAN, SCENE = Relation
PAIRS = (
    Pair("benign (1)", "benign (2)", SCAN, Transform(False, 1.5, 1.25, 3, -2), 0.96, 0.98, 0.99),
    Pair("benign (1)", "benign (10)", SCENE, similarity=0.6, confidence=0.7),
    Pair("benign (3)", "malignant (1)", COPY),
    Pair("normal (1)", "normal (2)", SCAN, Transform(True, 0, 2, 158.5, 0.5)),
)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def curation(busy_manifest: Manifest) -> Curation:
    problem = Finding(FindingKind.UNUSABLE, ("benign (77)",), "benign (77).png: is empty.")
    scores = {"benign (1)": {Issue.CALIPERS: 0.9, Issue.TEXT: 0.95}}
    return conclude(busy_manifest, PAIRS, Rules(Policy.KEEP_ONE), problems=[problem], scores=scores)


def test_every_table_is_written_and_agrees_with_the_others(curation: Curation, tmp_path: Path) -> None:
    write_tables(curation, tmp_path / "out")
    tables = {path.stem: rows(path) for path in (tmp_path / "out").glob("*.csv")}
    assert tables.keys() == {"pairs", "groups", "findings", "issues", "decisions", "cases", "manifest"}
    assert [(row["case_a"], row["case_b"]) for row in tables["pairs"]] == [(p.case_a, p.case_b) for p in PAIRS]
    assert {row["group"] for row in tables["groups"]} == {pair["group"] for pair in tables["pairs"]}
    assert [row["case_id"] for row in tables["decisions"]] == [*curation.cases, "benign (77)"]
    assert [row["case_id"] for row in tables["issues"]] == [*curation.cases]
    kept = [row["case_id"] for row in tables["decisions"] if row["decision"] == Verdict.KEEP]
    assert [case.case_id for case in read_manifest(tmp_path / "out" / "manifest.csv")] == kept
    assert read_manifest(tmp_path / "out" / "cases.csv").cases == tuple(curation.cases.values())
    assert [row["kind"] for row in tables["findings"]] == ["unusable", "label-conflict", "mask-conflict"]
    assert tables["findings"][1]["cases"] == "benign (3);malignant (1)"
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == curation.summary()


def test_a_row_tells_all_of_a_pair(curation: Curation, tmp_path: Path) -> None:
    write_tables(curation, tmp_path)
    first, second = rows(tmp_path / "pairs.csv")[:2]
    assert first.pop("mask_dice") == f"{curation.agreements['benign (1)', 'benign (2)']:.4f}"
    assert first == {
        "case_a": "benign (1)", "case_b": "benign (2)", "relation": "same-scan", "similarity": "0.9800",
        "label_a": "benign", "label_b": "benign", "group": "dup:benign (1)", "overlap": "0.9600",
        "confidence": "0.9900", "mirrored": "0", "rotation": "1.5000", "scale": "1.250000", "dx": "3.00", "dy": "-2.00",
    }  # fmt: skip
    assert list(second) == list(PAIR_COLUMNS)


def test_a_group_tells_its_relation_and_the_closer_groups_inside(curation: Curation, tmp_path: Path) -> None:
    write_tables(curation, tmp_path)
    found = [tuple(row.values()) for row in rows(tmp_path / "groups.csv")]
    assert found[:4] == [
        ("dup:benign (1)", "benign (1)", "benign", "3", "same-scene", "dup:benign (1)", ""),
        ("dup:benign (1)", "benign (2)", "benign", "3", "same-scene", "dup:benign (1)", ""),
        ("dup:benign (1)", "benign (10)", "benign", "3", "same-scene", "", ""),
        ("dup:benign (3)", "benign (3)", "benign", "2", "copy", "dup:benign (3)", "dup:benign (3)"),
    ]


def test_issues_have_a_column_each_and_flags(curation: Curation, tmp_path: Path) -> None:
    write_tables(curation, tmp_path)
    first = rows(tmp_path / "issues.csv")[0]
    assert list(first) == ["case_id", *(issue.value for issue in Issue), "flags"]
    assert (first["case_id"], first["calipers"], first["near-blank"]) == ("benign (1)", "0.9000", "")
    assert first["flags"].split(";")[:2] == ["calipers", "text"]


def test_the_same_data_give_the_same_bytes(busy_manifest: Manifest, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tables(conclude(busy_manifest, PAIRS), tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_an_unwritable_folder_is_named(curation: Curation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"pairs\.csv: cannot be written"):
        write_tables(curation, tmp_path / "file")


def many(images: int, pairs: int) -> Curation:
    """Images all alike, the first ten thousand in one group, and so many pairs among these."""
    case = Case("", Path("scan.png"), (), Label.NORMAL, width=256, height=256)
    manifest = Manifest(tuple(replace(case, case_id=str(i)) for i in range(images)))
    links = ((i % 10_000, (i + i // 10_000 + 1) % 10_000) for i in range(pairs))
    return conclude(manifest, [Pair(str(min(link)), str(max(link)), SCAN) for link in links], Rules(Policy.KEEP_ONE))


def test_conclusions_and_tables_grow_with_the_number_of_pairs_only(tmp_path: Path) -> None:
    """A quadratic step would take ten thousand times as long for a group of ten thousand, and never end."""
    seconds = {}
    for pairs in (10_000, 50_000):
        started = time.process_time()
        curation = many(12_000, pairs)
        write_tables(curation, tmp_path)
        seconds[pairs] = time.process_time() - started
        assert len(curation.scan_groups[0].members) == 10_000
    assert seconds[50_000] < 8 * max(seconds[10_000], 0.5)


def test_rows_are_written_as_they_are_made(tmp_path: Path) -> None:
    curation = many(10_000, 30_000)
    tracemalloc.start()
    write_csv(tmp_path / "pairs.csv", PAIR_COLUMNS, pair_rows(curation))
    assert tracemalloc.get_traced_memory()[1] < 4e6  # 30,000 rows at once would be 30 MB
    tracemalloc.stop()
