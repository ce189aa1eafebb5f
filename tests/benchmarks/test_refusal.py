"""The pictures to refuse, and how what became of them is counted."""

from __future__ import annotations

import csv
from collections import Counter

import numpy as np
import pytest

import refusal
import refusal_changed
import refusal_pictures
from echoduet.data.phantom_scan import scan_phantom
from echoduet.data.sources import busi as layout
from echoduet.inference.refusal import SMALL, coloured_share
from echoduet.records import CLASSES
from refusal_tables import busi_table, table_of


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Draw little: the phantoms take a tenth of a second each."""
    monkeypatch.setattr(refusal_changed, "PHANTOMS", 3)
    monkeypatch.setattr(refusal_pictures, "DRAWN", 4)


DRAWN = ("noise", "printed pages", "charts", "blank")


@pytest.fixture(scope="module")
def known():
    """Phantoms in place of BUSI's images."""
    rng = np.random.default_rng(3)
    return [(f"p{i}", scan_phantom(CLASSES[i % 3], rng, 240).image) for i in range(12)]


def usable(picture):
    """Tell whether a picture is one."""
    fits = picture.colour is None or picture.colour.shape == (*picture.gray.shape, 3)
    return picture.gray.dtype == np.uint8 and picture.gray.ndim == 2 and picture.gray.size and fits


def test_drawings_are_the_same_each_time_and_of_several_kinds():
    first, second = (list(refusal_pictures.drawings(np.random.default_rng(1))) for _ in range(2))
    assert Counter(p.kind for p in first) == {"noise": 4, "printed pages": 4, "charts": 4, "blank": 16}
    assert all(map(usable, first))
    assert [p.gray.tobytes() for p in first] == [p.gray.tobytes() for p in second]
    assert len({p.gray.tobytes() for p in first}) == len(first)


def test_kinds_that_features_were_chosen_on_are_not_reported_as_evidence():
    design = list(refusal_pictures.design_drawings(np.random.default_rng(1)))
    assert all(usable(p) and p.kind.startswith("design: ") for p in design)
    blocks = dict(zip((draw for _, draw in refusal.BY_THEMSELVES), (b for b, _ in refusal.BY_THEMSELVES), strict=True))
    assert blocks[refusal_pictures.design_drawings] == blocks[refusal_pictures.design_photographs] == "design"


def test_other_modalities_are_read_from_what_pydicom_ships():
    pytest.importorskip("pydicom")
    found = list(refusal_pictures.other_modalities(np.random.default_rng(1)))
    assert all(map(usable, found))
    assert [p.name for p in found if p.kind == "ultrasound of other organs"] == [
        "examples_jpeg2k", "examples_palette", "examples_rgb_color", "examples_ybr_color",
    ]  # fmt: skip


def test_changed_images_name_the_image_that_they_were_made_of(known):
    rng = np.random.default_rng(1)
    for change in (
        refusal_changed.no_ultrasound_any_more,
        refusal_changed.own_grounds,
        refusal_changed.near,
        refusal_changed.kept,
    ):
        found = list(change(known, rng))
        assert found
        assert all(map(usable, found))
        assert {p.case_id for p in found} - {""} <= {case_id for case_id, _ in known}
        assert all(p.case_id for p in found if not p.kind.startswith("phantoms"))


def test_changes_do_what_their_names_say(known):
    rng, images = np.random.default_rng(1), dict(known)
    made = {p.kind: p for p in refusal_changed.no_ultrasound_any_more(known, rng)}
    made |= {p.kind: p for p in refusal_changed.own_grounds(known, rng)}
    made |= {p.kind: p for p in refusal_changed.near(known, rng)}
    inverted, false = made["inverted ultrasound"], made["ultrasound in false colours"]
    assert np.array_equal(inverted.gray, 255 - images[inverted.case_id])
    assert coloured_share(false.colour) > 0.5
    assert min(made["tiny"].gray.shape) < SMALL
    assert np.array_equal(made["upside down"].gray[::-1], images[made["upside down"].case_id])
    pair = made["two panels with a gap"].gray
    assert pair.shape[0] == images[made["two panels with a gap"].case_id].shape[0]
    assert (pair.max(axis=0) == 0).sum() >= 8


def row(kind="a", refused="", picture="x", block="BUSI"):
    return {"block": block, "kind": kind, "picture": picture, "refused": refused}


def test_a_table_counts_pictures_once_and_grounds_each():
    rows = [row(refused="not_ultrasound;too_small"), row(), row("b", "not_ultrasound"), row("b", "colour_doppler")]
    lines = table_of(rows).splitlines()
    assert lines[2].startswith("| a | 2 | 1: 50.0 % (")
    assert lines[2].endswith("| 1 | 0 | 0 | 1 | 0 |")
    assert lines[-1].startswith("| **all** | 4 | 3: 75.0 % (")


def test_doppler_images_of_busi_are_counted_with_and_without():
    clean = [row("clean list", "colour_doppler;multi_panel", "d"), row("clean list", "too_small", "s")]
    text = busi_table([*clean, row("clean list"), row("all others")])
    assert "| **any** | 2: 66.7 %" in text
    assert "| any but `colour_doppler` | 1: 33.3 %" in text
    assert text.endswith("on another ground than colour Doppler: s.")


@pytest.mark.slow
def test_the_report_writes_a_row_a_picture(tmp_path, monkeypatch, known):
    layout.write_miniature(tmp_path / "busi", seed=7)
    monkeypatch.setattr(refusal, "BY_THEMSELVES", (("no ultrasound", refusal_pictures.drawings),))
    monkeypatch.setattr(refusal_changed, "EVERY", 3)
    data = refusal.open_data(tmp_path / "busi")
    chosen, others = data.cases[1:], data.cases[:1]
    config = refusal.load_config("echoduet-base", ["split.folds=2"])
    busi = refusal.Busi(chosen, others, refusal.make_splits(chosen, config.split))
    refusal.report(busi, tmp_path / "out")
    with (tmp_path / "out" / "rows.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [r["picture"] for r in rows[:14]] == [case.case_id for case in (*chosen, *others)]
    assert {r["kind"] for r in rows} >= {*DRAWN, "clean list", "all others", "tiny", "mirrored", "upside down"}
    made = [r for r in rows if r["kind"] == "inverted ultrasound"]
    assert all(r["fold"] == str(busi.folds[r["picture"]]) for r in made)
    assert all(r["fold"] == "" for r in rows if r["kind"] == "noise")
    assert "| noise | 4 |" in refusal.tables(tmp_path / "out" / "rows.csv")
