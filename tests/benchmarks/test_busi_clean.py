"""The clean list of BUSI, its figures and its page agree, and the command that makes them does what it says."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import busi_clean
from busi_clean_page import BEGIN, END, tables, with_tables
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.pipeline import Curation, conclude
from echoduet.curation.published import PublishedList
from echoduet.curation.quality.issues import Issue
from echoduet.curation.relations import Pair, Relation, Transform
from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest, build_manifest
from echoduet.records import Label
from echoduet.reporting.curation_evidence import Dispute

ROOT = Path(__file__).parents[2]
SUMMARY = ROOT / "data_lists" / "busi_clean_summary.json"
LIST = ROOT / "data_lists" / "busi_clean.csv"


@pytest.fixture(scope="module")
def published_figures() -> dict:
    return json.loads(SUMMARY.read_text())


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with LIST.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_page_says_what_the_figures_say(published_figures):
    page = (ROOT / "docs" / "busi-clean.md").read_text()
    assert with_tables(page, published_figures) == page


def test_the_list_and_the_figures_agree(published_figures, rows):
    assert Counter(row["decision"] for row in rows) == Counter(published_figures["decisions"])
    kept = Counter(row["case_id"].partition(" ")[0] for row in rows if row["decision"] == "keep")
    assert {**kept, "all": kept.total()} == published_figures["kept"]
    sizes = Counter(Counter(row["group"] for row in rows if row["group"]).values())
    assert {str(size): count for size, count in sizes.items()} == published_figures["groups"]["by_size"]


def test_the_list_names_every_image_of_busi_once(rows):
    expected = [
        f"{label} ({i})" for label, n in (("benign", 437), ("malignant", 210), ("normal", 133)) for i in range(1, n + 1)
    ]
    assert [row["case_id"] for row in rows] == expected
    assert all(row["reason"] for row in rows)
    assert set(rows[0]) == set(busi_clean.COLUMNS)


def test_a_group_is_named_after_a_member_and_has_several(rows):
    members = Counter(row["group"] for row in rows if row["group"])
    names = {row["case_id"] for row in rows}
    assert all(group.removeprefix("dup:") in names for group in members)
    assert min(members.values(), default=2) >= 2


def test_every_contradiction_is_named(published_figures, rows):
    found, known = published_figures["contradictions"], {row["case_id"]: row for row in rows}
    assert {kind: len(those) for kind, those in found.items()} == {
        kind: published_figures["findings"][kind] for kind in found
    }
    for ids in found["label-conflict"]:
        assert len({case_id.partition(" ")[0] for case_id in ids}) > 1
        assert {known[case_id]["decision"] for case_id in ids} == {"review"}


def test_the_disagreements_add_up_to_the_score(published_figures):
    compared = published_figures["list"]
    count = {kind: len(ids) for kind, ids in compared["disputes"].items()}
    assert count["half"] + count["both"] == compared["score"]["false_positives"]
    assert count["frames"] + count["alone"] == compared["score"]["false_negatives"]
    assert count["alone"] == compared["scene_score"]["false_negatives"]


@pytest.mark.busi
@pytest.mark.slow
def test_the_list_is_made_again_from_the_raw_folder(busi_root, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}")
    busi_clean.make(busi_root, None, tmp_path, page, tmp_path / "report.html")
    assert (tmp_path / "busi_clean.csv").read_text() == LIST.read_text()
    assert (tmp_path / "report.html").stat().st_size < 20_000_000


@pytest.fixture
def small(tmp_path, texture) -> Path:
    """Two scans, one of them cropped as well, and a third image that the list leaves out for no reason."""
    wide = texture(1, (240, 300))
    pictures = {
        "benign (1)": wide,
        "benign (2)": wide[20:220, 30:280],
        "malignant (1)": texture(2),
        "malignant (2)": texture(3),
    }
    for name, image in pictures.items():
        folder = tmp_path / "BUSI" / name.partition(" ")[0]
        mask = np.zeros(image.shape, bool)
        mask[60:100, 70:110] = True
        write_png(folder / f"{name}.png", image)
        write_png(folder / f"{name}_mask.png", mask)
    write_png(tmp_path / "BUSI" / "normal" / "normal (1).png", texture(4))
    write_png(tmp_path / "BUSI" / "normal" / "normal (1)_mask.png", np.zeros((150, 180), bool))
    return tmp_path / "BUSI"


def test_one_command_makes_list_figures_page_and_report(small, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{BEGIN}\nold\n{END}\n\nThe end.\n")
    reference = PublishedList(Path("list.csv"), ((Label.BENIGN, 2), (Label.MALIGNANT, 1), (Label.NORMAL, 1)))
    found = busi_clean.make(small, reference, tmp_path / "lists", page, tmp_path / "report.html")
    rows = list(csv.DictReader((tmp_path / "lists" / "busi_clean.csv").read_text().splitlines()))
    assert [row["group"] for row in rows[:2]] == ["dup:benign (1)"] * 2
    assert found["list"]["disputes"]["half"] == ["benign (2)"]
    assert found["list"]["disputes"]["alone"] == ["malignant (2)"]
    assert json.loads((tmp_path / "lists" / "busi_clean_summary.json").read_text()) == found
    text = page.read_text()
    assert text.startswith("# Title")
    assert text.endswith("The end.\n")
    assert tables(found) in text
    assert "old" not in text
    assert "benign (2) laid over benign (1)" in (tmp_path / "report.html").read_text()
    without = busi_clean.make(small, None, tmp_path / "again", page, tmp_path / "report.html")
    assert "list" not in without
    assert (tmp_path / "again" / "busi_clean.csv").read_bytes() == (tmp_path / "lists" / "busi_clean.csv").read_bytes()


def test_the_nearest_image_is_the_one_that_looks_most_alike(small, texture):
    cases = build_manifest(small).cases
    wide = texture(1, (240, 300)).astype(np.float32)
    # Half another picture: related by too little to be told as a pair, and yet nearer than all the rest.
    strange = np.clip(0.5 * wide + 0.5 * cv2.GaussianBlur(texture(9, (240, 300)).astype(np.float32), (0, 0), 9), 0, 255)
    write_png(cases[2].image, strange.astype(np.uint8))
    near = busi_clean.nearest(cases, {"malignant (1)"}, MatchSettings())
    assert near["malignant (1)"].case_a == "malignant (1)"
    assert near["malignant (1)"].case_b in ("benign (1)", "benign (2)")
    assert busi_clean.nearest(cases, set(), MatchSettings()) == {}


def concluded(small: Path, transform: Transform, overlap: float = 1.0) -> Curation:
    manifest = build_manifest(small)
    square = Manifest(tuple(replace(case, width=100, height=100) for case in manifest), "x")
    pair = Pair("malignant (1)", "malignant (2)", Relation.SAME_SCAN, transform, overlap)
    return replace(conclude(square, (pair,)), flags={})


@pytest.mark.parametrize(
    ("transform", "overlap", "expected"),
    [
        (Transform(), 1.0, ()),
        (Transform(dx=1), 1.0, ()),
        (Transform(dx=5), 0.97, ("shifted",)),
        (Transform(dx=20), 0.8, ("cropped",)),
        (Transform(mirrored=True, dx=99), 1.0, ("mirrored",)),
        (Transform(mirrored=True, rotation=180, dy=99), 1.0, ("mirrored",)),
        (Transform(mirrored=True, rotation=-172), 1.0, ("mirrored", "turned")),
        (Transform(rotation=-3), 1.0, ("turned",)),
        (Transform(scale=0.5), 0.25, ("scaled", "cropped")),
    ],
)
def test_a_change_is_told_by_the_transform(small, transform, overlap, expected):
    curation = concluded(small, transform, overlap)
    assert busi_clean.change(curation.pairs[0], curation) == expected


def test_graphics_on_one_of_two_are_a_change(small):
    one = replace(concluded(small, Transform()), flags={"malignant (1)": (Issue.CALIPERS,)})
    both = replace(one, flags=dict.fromkeys(("malignant (1)", "malignant (2)"), (Issue.TEXT,)))
    assert busi_clean.changes(one)["graphics"] == 1
    assert busi_clean.changes(both) == {**dict.fromkeys(busi_clean.changes(one), 0), "in place": 1}


def test_every_dispute_and_finding_has_its_words(published_figures):
    text = tables(published_figures)
    assert len(re.findall(r"^\| (?:kept|left out)", text, re.M)) == len(Dispute)
    assert all(f"| {issue} |" in text for issue in Issue)


def test_a_page_without_its_marks_is_refused():
    with pytest.raises(ValueError, match="lacks"):
        with_tables("no marks", {})
