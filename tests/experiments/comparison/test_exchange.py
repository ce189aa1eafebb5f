from __future__ import annotations

import numpy as np
import pytest

from echoduet.experiments.collect import summarise
from echoduet.experiments.comparison.arm_figures import case_values
from echoduet.experiments.comparison.arms import Arm
from echoduet.experiments.comparison.exchange import exchangeable
from echoduet.statistics.paired import permutation_test, swap_test

KEYS = ("dsc_lesion", "dsc_all", "normal_empty_share", "accuracy", "f1_weighted", "auroc_malignant")


def parts_of(arm):
    folds = np.array([row.fold for row in arm.cases])
    return [np.flatnonzero(folds == fold) for fold in np.unique(folds)]


def figure(rows, key):
    return next(block[key]["mean"] for block in summarise(rows, n_boot=0).values() if key in block)


def test_exchanging_cases_is_exchanging_rows(make_arm):
    """The reference does by hand what the weights do: it swaps rows, and takes both figures again."""
    a, b = make_arm("A", n=96), make_arm("B", n=96)
    swapped = np.random.default_rng(0).random((5, 96)) < 0.5
    statistics = exchangeable(a, b, KEYS, parts_of(a))
    for key in KEYS:
        expected = []
        for swap in swapped:
            mixed = [(y, x) if s else (x, y) for x, y, s in zip(a.cases, b.cases, swap, strict=True)]
            expected.append(figure([x for x, _ in mixed], key) - figure([y for _, y in mixed], key))
        assert statistics[key](swapped) == pytest.approx(expected), key


def test_without_folds_a_mean_over_cases_has_the_plain_permutation_test(make_arm):
    a, b = make_arm("A", folds=0, skill=0.8, seeds=(1, 2)), make_arm("B", folds=0, skill=0.6, seeds=(1, 2))
    groups = [row.group for row in a.cases]
    statistic = exchangeable(a, b, ["accuracy"], [np.arange(48)])["accuracy"]
    ours = swap_test(statistic, groups, 500)
    plain = permutation_test(case_values(a, "accuracy"), case_values(b, "accuracy"), groups, 500)
    assert ours.statistic == pytest.approx(plain.statistic)
    assert ours.p == plain.p


def test_exchanging_the_others_turns_the_sign(make_arm, rng):
    arms = make_arm("A", seeds=(1, 2)), make_arm("B", seeds=(1, 2))
    swapped = rng.random((20, 48)) < 0.5
    for statistic in exchangeable(*arms, KEYS, parts_of(arms[0])).values():
        assert statistic(swapped) == pytest.approx(-statistic(~swapped))


def test_an_arm_does_not_differ_from_itself(make_arm):
    a = make_arm("A")
    same = Arm("B", a.rows)
    for statistic in exchangeable(a, same, KEYS, parts_of(a)).values():
        assert swap_test(statistic, [row.group for row in a.cases], 200).p == 1
