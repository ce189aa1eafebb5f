"""The comparison with other duplicate finders scores all of them alike."""

from __future__ import annotations

import json
import subprocess
from dataclasses import asdict

import numpy as np
import pytest

import curation_rivals as benchmark
import rival_methods
from curation_rivals import Row, Tables
from echoduet.curation.matching.settings import MatchSettings
from echoduet.data.images import write_png


def distances(pairs, n=4, apart=9.0):
    table = np.full((n, n), apart, np.float32)
    np.fill_diagonal(table, 0)
    for (i, j), value in pairs.items():
        table[i, j] = table[j, i] = value
    return table


def test_copies_and_false_pairs_are_counted_at_a_threshold():
    # Originals 0 and 1, copies 2 and 3.
    found = {
        "crop": distances({(0, 2): 1, (1, 3): 5, (0, 3): 3}),
        "three at once": distances({(0, 2): 2, (1, 3): 2}),
    }
    tables = Tables({}, {"crop": np.array([0.9, 0.5]), "three at once": np.array([0.9, 0.4])})
    row = benchmark.score_tampers(found, tables, 3)
    assert (row.recall, row.precision) == (0.75, 0.75)
    assert (row.recall_seen, row.recall_combined) == (1.0, 1.0)
    assert row.by_tamper == {"crop": 0.5, "three at once": 1.0}
    wide = benchmark.score_tampers(found, tables, 5)
    assert (wide.recall, wide.precision) == (1.0, 0.8)


def test_an_image_of_busi_is_in_some_group_or_not():
    duplicates = np.array([True, True, True, False])
    row = benchmark.score_busi(distances({(0, 1): 1, (1, 3): 2}), duplicates, 2)
    assert (row.recall, row.precision) == pytest.approx((2 / 3, 2 / 3))
    assert benchmark.score_busi(distances({}), duplicates, 2).recall == 0


def test_thresholds_are_the_distances_that_occur_but_the_greatest():
    assert benchmark.thresholds([distances({(0, 1): 1, (1, 3): 2})]).tolist() == [1, 2]
    many = np.arange(10_000, dtype=np.float32).reshape(100, 100)
    swept = benchmark.thresholds([many])
    assert 50 <= len(swept) <= 60
    assert (np.diff(swept) > 0).all()
    assert set(swept.tolist()) <= set(many.ravel().tolist())
    assert benchmark.thresholds([distances({})]).size == 0


def test_f1_is_the_harmonic_mean():
    assert benchmark.f1(0.5, 1.0) == pytest.approx(2 / 3)
    assert benchmark.f1(0.0, 0.0) == 0


def row(method, f1, test="BUSI"):
    return Row(test, method, 3.0, f1, f1, f1, None, None, 100.0, {})


def test_of_each_method_the_best_setting_is_shown():
    rows = [row("imagehash phash 8", 0.5), row("imagehash phash 16", 0.7), row("difPy", 0.2), row("EchoDuet", 0.9)]
    assert [one.method for one in benchmark.strongest(rows)] == ["imagehash phash 16", "difPy", "EchoDuet"]
    table = benchmark.markdown([*rows, row("EchoDuet", 1.0, "tampers")])
    assert table.startswith("BUSI:\n\n| method |")
    assert "imagehash phash 8" not in table
    assert table.count("EchoDuet") == 2


def test_the_list_names_what_is_kept(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("class;id\nbenign;2\nmalignant;1\n")
    cases = ["benign (1)", "benign (2)", "malignant (1)", "normal (2)"]
    assert benchmark.left_out(path, cases).tolist() == [True, False, False, True]


def test_busi_is_one_folder_in_the_order_of_its_cases(miniature_busi, tmp_path):
    tables, cases = benchmark.write_busi(tmp_path / "all", miniature_busi)
    assert len(list(tables.folders["BUSI"].glob("*.png"))) == len(cases)
    assert len(set(cases)) == len(cases) > 5


def test_tampers_are_written_with_their_originals_first(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "TAMPERS", {"crop": benchmark.TAMPERS["crop"]})
    tables = benchmark.write_tampers(tmp_path, 2, 1)
    assert sorted(path.name for path in tables.folders["crop"].iterdir()) == [f"{n:06d}.png" for n in range(4)]
    found, rate = benchmark.run_ours(tables, MatchSettings())
    assert found["crop"].shape == (4, 4)
    assert rate > 0
    scored = list(benchmark.measure(tables, None, None))
    assert [one.method for one in scored] == ["EchoDuet", "EchoDuet with same scenes"]
    assert scored[0].precision == 1
    assert scored[0].recall <= scored[1].recall


def test_ours_finds_a_copy_in_a_folder(texture, tmp_path):
    for n, image in enumerate((texture(1), texture(2), texture(1)[:, ::-1])):
        write_png(tmp_path / f"{n}.png", np.ascontiguousarray(image))
    found, _ = benchmark.run_ours(Tables({"all": tmp_path}, {}), MatchSettings())
    assert found["all"].tolist() == [[1, 1, 0], [1, 1, 1], [0, 1, 1]]


def test_only_ours_is_measured_again_on_demand(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(benchmark, "TAMPERS", {"crop": benchmark.TAMPERS["crop"]})
    out = tmp_path / "rows.json"
    old = [asdict(row("difPy", 0.25, "tampers")), asdict(row("EchoDuet", 0.125, "tampers"))]
    out.write_text(json.dumps({"rows": old}))
    words = ["--images", "1", "--only-ours", "--out", str(out)]
    monkeypatch.setattr(benchmark.sys, "argv", ["curation_rivals", *words])
    benchmark.main()
    kept = json.loads(out.read_text())["rows"]
    assert [one["method"] for one in kept] == ["EchoDuet", "EchoDuet with same scenes", "difPy"]
    assert kept[0]["f1"] != 0.125
    assert kept[2]["f1"] == 0.25
    assert "| difPy | 3 | 0.250" in capsys.readouterr().out


def test_hamming_counts_differing_bits(rng):
    bits = rng.random((6, 40)) < 0.5
    assert (rival_methods.hamming(bits) == (bits[:, None] != bits[None]).sum(axis=2)).all()


def test_where_the_environment_cannot_be_made_only_ours_is_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "VENV", tmp_path / "none")
    failed = subprocess.CompletedProcess([], 1)
    monkeypatch.setattr(benchmark.subprocess, "run", lambda *_, **__: failed)
    assert benchmark.environment() is None


@pytest.mark.parametrize("method", ["imagededup PHash", "imagehash phash 8", "cleanvision phash 8", "difPy"])
def test_the_other_packages_find_an_exact_copy(method, texture, tmp_path):
    if not (benchmark.VENV / "complete").exists():
        pytest.skip("the other packages are not installed (benchmarks/curation_rivals.py installs them)")
    folder = tmp_path / "images"
    for n, image in enumerate((texture(1), texture(2), texture(1))):
        write_png(folder / f"{n}.png", image)
    found, rate = benchmark.run_rival(benchmark.VENV / "bin" / "python", method, Tables({"all": folder}, {}))
    assert found["all"][0, 2] == found["all"][2, 0] == 0
    assert found["all"][0, 1] > 0
    assert rate > 0


def test_a_method_that_cannot_run_is_told_and_left_out(capsys, tmp_path):
    tables = Tables({"all": tmp_path}, {})
    assert benchmark.run_rival(benchmark.sys.executable, "no such method", tables) is None
    assert "no such method could not run" in capsys.readouterr().err
