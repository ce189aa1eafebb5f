"""The images of the growth benchmark are scenes of their own, but for the copies that are planted."""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import curation_scale as benchmark
from curation_scale import Plan, Row
from echoduet.data.images import read_gray


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    plan = Plan(tmp_path_factory.mktemp("scale") / "60", 60, seed=3, phantoms=6)
    benchmark.write_images(plan)
    return plan


def planted(plan):
    with (plan.folder / "planted.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_twentieth_image_is_a_copy(plan):
    rows = planted(plan)
    assert [row["copy"] for row in rows] == ["scan_0000019", "scan_0000039", "scan_0000059"]
    assert all(row["original"] < row["copy"] for row in rows)
    assert len(list(plan.image(0).parent.iterdir())) == 60


def test_scenes_are_256_wide_and_unlike_each_other(plan):
    scenes = [read_gray(plan.image(n)) for n in range(60) if not benchmark.is_copy(n)]
    assert {scene.shape[1] for scene in scenes} == {256}
    squares = np.stack([scene[:192, :].ravel().astype(float) for scene in scenes])
    likeness = np.corrcoef(squares)
    np.fill_diagonal(likeness, 0)
    assert likeness.max() < 0.8


def test_a_run_that_was_stopped_goes_on_to_the_same_images(plan):
    first, table = plan.image(7).read_bytes(), (plan.folder / "planted.csv").read_bytes()
    untouched = plan.image(8).stat().st_mtime_ns
    plan.image(7).unlink()
    (plan.folder / "planted.csv").unlink()
    benchmark.write_images(plan)
    assert plan.image(7).read_bytes() == first
    assert (plan.folder / "planted.csv").read_bytes() == table
    assert plan.image(8).stat().st_mtime_ns == untouched


@given(number=st.integers(1, 10**6), seed=st.integers(0, 5))
def test_a_copy_is_of_an_earlier_scene_that_is_no_copy(number, seed, tmp_path_factory):
    number = number * benchmark.COPY_EVERY - 1
    original = benchmark.original_of(Plan(tmp_path_factory.getbasetemp(), 1, seed), number)
    assert 0 <= original < number
    assert not benchmark.is_copy(original)


def test_pairs_of_a_table_are_compared_with_what_was_planted(tmp_path):
    (tmp_path / "planted.csv").write_text(
        "copy,original,tamper,overlap\nc,a,crop,0.6\nd,a,gain,1.0\ne,b,gain,0.7\n", encoding="utf-8"
    )
    every, seen = benchmark.planted_pairs(tmp_path / "planted.csv")
    assert every == {frozenset(pair) for pair in ("ac", "ad", "cd", "be")}
    assert seen == {frozenset("ad"), frozenset("be")}
    (tmp_path / "pairs.csv").write_text("case_a,case_b,relation\na,d,same-scan\ne,b,same-scene\n", encoding="utf-8")
    assert dict(benchmark.found_pairs(tmp_path / "pairs.csv")) == {frozenset("ad"): True, frozenset("be"): False}


def rows(*seconds):
    return [Row(1000 * 10**n, s, 1.0, 49, 49, 0, s / 5) for n, s in enumerate(seconds)]


def test_the_exponent_is_the_slope_of_the_logarithms():
    assert benchmark.exponent(rows(2, 20, 200)) == pytest.approx(1)
    assert benchmark.exponent(rows(1, 100)) == pytest.approx(2)
    assert benchmark.exponent(rows(1)) is None


def test_the_table_has_a_line_a_size():
    table = benchmark.markdown(rows(2.5, 30)).splitlines()
    assert table[2] == "| 1000 | 2.5 | 0.5 | 2.5 | 1.0 | 49 | 49 | 1.000 | 0 |"
    assert table[-1] == "Growth exponent: 1.08."


def test_a_size_that_was_measured_is_not_measured_again(tmp_path, monkeypatch, capsys):
    out = tmp_path / "rows.json"
    out.write_text(
        json.dumps([{"images": 5, "seconds": 1, "peak_gb": 1, "planted": 1, "found": 1, "others": 0, "search": 1}])
    )
    measured = []

    def measure(plan):
        measured.append(plan.count)
        return Row(plan.count, 2.0, 1.0, 1, 1, 0, 0.5)

    monkeypatch.setattr(benchmark, "measure", measure)
    monkeypatch.setattr(sys, "argv", ["scale", "--folder", str(tmp_path), "--sizes", "9", "7", "5", "--out", str(out)])
    benchmark.main()
    assert measured == [7, 9]
    assert [row["images"] for row in json.loads(out.read_text())] == [5, 7, 9]
    assert "| 9 | 2.0 |" in capsys.readouterr().out


def test_curating_the_folder_gives_a_row(plan):
    measured = benchmark.measure(plan)
    seen = [row for row in planted(plan) if float(row["overlap"]) >= benchmark.MOSTLY_SEEN]
    assert (measured.images, measured.planted) == (60, len(seen))
    assert measured.found <= measured.planted
    assert measured.seconds > 0
    assert 0.02 < measured.peak_gb < 4
