"""References and thresholds of refusals: nothing that judges a case has seen it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from echoduet.config.schema import ExperimentConfig
from echoduet.data.images import read_gray, write_png
from echoduet.errors import ImageError
from echoduet.experiments.release.refusals import MARGIN, USUAL, chosen_thresholds, fit_refusals, see
from echoduet.inference.appearance import NAMES, features
from echoduet.inference.refusal import PLAIN_THRESHOLDS, Gatekeeper, Judge, Signs, threshold_name
from echoduet.models.info import BundleInfo
from echoduet.models.reference import Reference
from echoduet.records import Case, Ground, Label, Scan
from echoduet.splits.folds import clean_folds

BY_REFERENCE = (Ground.NOT_ULTRASOUND, Ground.OUT_OF_DISTRIBUTION)


def signs_of(values, **others):
    """Return signs with these features, and nothing else to be seen."""
    plain = {"coloured": 0.0, "doppler": 0.0, "panels": 0.0, "smallness": 0.2}
    return Signs(features=values, **(plain | others))


@pytest.fixture
def cases(tmp_path):
    """Forty cases without files; six share a group."""
    labels = [Label.BENIGN, Label.MALIGNANT, Label.NORMAL, Label.BENIGN]
    return [Case(f"c{i}", tmp_path / f"c{i}.png", (), labels[i % 4], group="g" if i < 6 else None) for i in range(40)]


@pytest.fixture
def signs(cases, rng):
    """What is seen in each."""
    return {case.case_id: signs_of(rng.normal(size=len(NAMES))) for case in cases}


@pytest.fixture
def splits(cases):
    """Four folds that keep groups together."""
    return clean_folds(cases, folds=4)


def test_a_case_is_judged_by_a_reference_and_thresholds_of_the_other_folds(signs, splits):
    made, fold_of = fit_refusals(signs, splits), splits.test_folds()
    for case_id, fold in fold_of.items():
        others = [i for i, other in fold_of.items() if other != fold]
        reference = Reference.fit(NAMES, np.array([signs[i].features for i in others]))
        scores = Judge(reference).scores(signs[case_id])
        assert made.references[fold] == reference
        assert {c.ground: c.score for c in made.checks[case_id]} == scores
        assert {c.ground: c.threshold for c in made.checks[case_id]} == made.fold_thresholds[fold]


def test_a_case_does_not_change_what_judges_it(signs, splits):
    before = fit_refusals(signs, splits)
    changed = fit_refusals(signs | {"c9": signs_of(np.full(len(NAMES), 9.0))}, splits)
    fold = splits.test_folds()["c9"]
    assert changed.references[fold] == before.references[fold]
    assert changed.reference != before.reference
    [check] = [c for c in changed.checks["c9"] if c.ground is Ground.OUT_OF_DISTRIBUTION]
    assert check.refuses


def test_what_ships_is_made_of_all(signs, splits):
    made = fit_refusals(signs, splits)
    assert made.reference.cases == len(signs)
    everything = [{c.ground: c.score for c in checks} for checks in made.checks.values()]
    assert made.thresholds == {threshold_name(g): v for g, v in chosen_thresholds(everything).items()}


def test_thresholds_lie_a_margin_beyond_the_usual_or_are_fixed():
    scores = [dict.fromkeys(Ground, value) for value in np.linspace(0, 1, 1001)]
    chosen = chosen_thresholds(scores)
    assert list(chosen) == list(Ground)
    for ground in BY_REFERENCE:
        assert chosen[ground] == pytest.approx(MARGIN * USUAL, abs=1e-4)
    assert {ground: chosen[ground] for ground in PLAIN_THRESHOLDS} == PLAIN_THRESHOLDS


def test_the_summary_counts_each_picture_once(signs, splits):
    both = {"c20": signs_of(np.full(len(NAMES), 9.0), doppler=1.0), "c21": replace(signs["c21"], panels=0.9)}
    told = fit_refusals(signs | both, splits).summary()
    assert told["cases"] == 40
    assert (told["refused"]["colour_doppler"], told["refused"]["multi_panel"], told["refused"]["too_small"]) == (
        1,
        1,
        0,
    )
    assert told["refused"]["out_of_distribution"] >= 1
    assert 2 <= told["at_all"] < sum(told["refused"].values())


def test_a_bundle_with_refusals_keeps_what_it_said(signs, splits):
    made = fit_refusals(signs, splits)
    info = made.into(BundleInfo(ExperimentConfig(name="x"), thresholds={"mask": 0.4}, provenance={"seeds": [1]}))
    assert info.appearance == made.reference
    assert info.thresholds["mask"] == 0.4
    assert info.provenance["seeds"] == [1]
    assert info.provenance["refusals"] == made.summary()
    assert list(Gatekeeper(info).thresholds) == list(Ground)


def test_a_case_is_looked_at_in_its_colours(tmp_path, rng):
    colour = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    write_png(tmp_path / "a.png", colour)
    case = Case("a", tmp_path / "a.png", (), Label.NORMAL)
    seen = see([case])["a"]
    assert seen.coloured > 0.5
    assert np.array_equal(seen.features, features(read_gray(case.image)))
    assert np.array_equal(seen.features, Signs.of(Scan("a", read_gray(case.image))).features)


def test_an_image_that_is_missing_is_named(cases):
    with pytest.raises(ImageError, match=r"c0\.png: is missing"):
        see(cases[:1])
