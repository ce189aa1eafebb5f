"""The tamper benchmark counts what it says it counts."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

import curation_tampers as benchmark
from curation_tampers import NEGATIVES, NEIGHBOUR, Row, score
from echoduet.curation.matching.search import Match
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.relations import IDENTITY, Relation, Transform
from tampers import TAMPERS, tampered


def match(i, j, relation=Relation.SAME_SCAN, transform=IDENTITY, overlap=1.0):
    return Match(i, j, relation, transform, overlap, 0.9, 0.99)


@pytest.fixture
def four(texture):
    images = [texture(seed, (60, 80)) for seed in range(4)]
    return images, [tampered(image, np.random.default_rng(n), ("flip left-right",)) for n, image in enumerate(images)]


MIRRORED = Transform(mirrored=True, dx=79)


def test_found_and_wrong_pairs_are_counted(four):
    images, copies = four
    found = [match(0, 4, transform=MIRRORED), match(1, 5, Relation.SAME_SCENE, MIRRORED), match(2, 6), match(0, 7)]
    row = score("flip", images, copies, found, sure=True)
    assert (row.copies, row.recall, row.wrong, row.precision) == (4, 0.75, 1, 0.75)
    assert (row.seen, row.recall_seen) == (4, 0.75)
    assert row.relation == pytest.approx(2 / 3)
    assert row.flip == pytest.approx(2 / 3)
    assert row.corners == pytest.approx(0, abs=1e-9)
    assert row.corners_95 > 10


def test_a_true_transform_has_no_error(four):
    images, copies = four
    assert benchmark.transform_errors(images[0], copies[0], MIRRORED) == pytest.approx((0, 0, 0), abs=1e-9)
    turned = Transform(mirrored=True, rotation=3, scale=1.02, dx=79)
    rotation, scale, corners = benchmark.transform_errors(images[0], copies[0], turned)
    assert (rotation, scale) == pytest.approx((3, 2))
    assert corners > 1


def test_a_shift_is_told_in_percent_of_the_width(four):
    images, copies = four
    moved = Transform(mirrored=True, dx=79 + 8)
    assert benchmark.transform_errors(images[0], copies[0], moved)[2] == pytest.approx(10)


def test_in_real_data_only_pairs_found_mirrored_are_surely_wrong(four):
    images, copies = four
    # Undoing the known flips, the first pair is unmirrored (it may be a copy nobody knew of), the second mirrored.
    unsure = [match(0, 5, transform=MIRRORED), match(2, 7)]
    assert score("flip", images, copies, unsure, sure=False).wrong == 2
    assert score("flip", images, copies, unsure, sure=True).wrong == 2
    assert score("flip", images, copies, unsure[:1], sure=False).wrong == 0
    assert score("flip", images, copies, [match(0, 1, transform=MIRRORED)], sure=False).wrong == 2
    assert score("flip", images, copies, [match(4, 5)], sure=False).wrong == 0


def test_nothing_found_has_no_errors_to_tell(four):
    row = score("flip", *four, [], sure=True)
    assert (row.recall, row.precision, row.relation, row.corners) == (0, None, None, None)


def rows_of(**changes):
    values = dict.fromkeys(("relation", "flip", "rotation", "scale", "corners", "corners_95", "overlap"))
    known = {"copies": 10, "seen": 8, "recall": 0.9, "recall_seen": 1.0, "wrong": 0, "precision": 1.0}
    return Row(**{"tamper": "crop", **known, **values, **changes})


def test_the_pool_weighs_by_copies_and_leaves_out_frames_and_negatives():
    rows = [
        rows_of(),
        rows_of(tamper="gain", seen=2, recall_seen=0.5, recall=0.5, wrong=1),
        rows_of(tamper="three at once", recall=0.7, precision=0.8),
        rows_of(tamper=NEIGHBOUR, recall=0.0),
        rows_of(tamper=NEGATIVES, copies=0, recall=0.0),
    ]
    assert list(benchmark.pooled(rows).values()) == pytest.approx([0.9, 14 / 15, 0.7, 0.8])


def test_the_halves_of_a_data_set_share_no_image(miniature_busi):
    tuning, scoring = (benchmark.half(miniature_busi, 100, seed) for seed in (0, 1))
    assert tuning and scoring
    assert not {image.tobytes() for image in tuning} & {image.tobytes() for image in scoring}


def test_marks_of_one_machine_lie_at_the_same_place(texture):
    marked = [benchmark.same_machine(texture(seed, (200, 260)), 1) for seed in (1, 2)]
    changed = [marked[n] != texture(n + 1, (200, 260)) for n in range(2)]
    assert changed[0].sum() > 50
    assert (changed[0] == changed[1]).mean() > 0.99


def test_phantoms_differ_between_seeds():
    a, b = benchmark.phantoms(1, 0)[0], benchmark.phantoms(1, 1)[0]
    assert a.shape != b.shape or (a != b).any()


def test_each_tamper_draws_for_itself(texture):
    images = [texture(1), texture(2)]
    alone = benchmark.copies_of(images[:1], "crop", TAMPERS["crop"], 1)
    both = benchmark.copies_of(images, "crop", TAMPERS["crop"], 1)
    assert (alone[0].image == both[0].image).all()


def test_the_engine_finds_easy_copies_and_nothing_else(monkeypatch):
    chosen = {name: TAMPERS[name] for name in ("exact", "gain")}
    monkeypatch.setattr(benchmark, "TAMPERS", chosen)
    rows = {row.tamper: row for row in benchmark.measure(benchmark.phantoms(3, 5), 5, True, MatchSettings())}
    assert list(rows) == ["exact", "gain", NEIGHBOUR, NEGATIVES]
    assert rows["exact"].recall == rows["gain"].recall == 1
    assert rows["exact"].relation == 1
    assert [row.wrong for row in rows.values()] == [0, 0, 0, 0]


def test_the_command_prints_a_table_and_writes_its_rows(monkeypatch, capsys, tmp_path, miniature_busi):
    monkeypatch.setattr(benchmark, "TAMPERS", {"exact": TAMPERS["exact"]})
    out = tmp_path / "rows.json"
    words = ["--images", "2", "--data", str(miniature_busi), "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["curation_tampers", *words])
    benchmark.main()
    table = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert [row["tamper"] for row in json.loads(out.read_text())["rows"]] == ["exact", NEIGHBOUR, NEGATIVES]
