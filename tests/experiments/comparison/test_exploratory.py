from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scikit_posthocs
from scipy.stats import friedmanchisquare

from echoduet.experiments.collect import Plan
from echoduet.experiments.comparison.arm_figures import ArmFigures, case_values
from echoduet.experiments.comparison.arms import Arm
from echoduet.experiments.comparison.exploratory import across_arms, between_two, cohens_effect, common_values


@pytest.fixture
def two(make_arm):
    return [ArmFigures.of(make_arm(name, seeds=(1, 2, 3), skill=skill)) for name, skill in (("A", 0.8), ("B", 0.5))]


@pytest.fixture
def folds(two):
    return Plan(two[0].arm.cases, 0).folds


def test_each_figure_has_the_tests_that_suit_it(two, folds):
    applied = {
        key: set(between_two(*two, key, folds)) for key in ("dsc_lesion", "accuracy", "f1_weighted", "auroc_malignant")
    }
    assert applied == {
        "dsc_lesion": {"corrected_t", "wilcoxon"},
        "accuracy": {"corrected_t", "wilcoxon", "mcnemar"},
        "f1_weighted": {"corrected_t"},
        "auroc_malignant": {"corrected_t", "delong"},
    }


def test_the_corrected_t_counts_folds_times_seeds(two, folds):
    test = between_two(*two, "accuracy", folds)["corrected_t"]
    assert test["n"] == 12
    values = [
        np.mean(
            [(x.predicted is x.label) - (y.predicted is y.label) for x, y in zip(*rows, strict=True) if x.fold == k]
        )
        for rows in zip(two[0].arm.rows.values(), two[1].arm.rows.values(), strict=True)
        for k in range(4)
    ]
    error = np.sqrt((1 / 12 + 1 / 3) * np.var(values, ddof=1))
    assert test["difference"] == pytest.approx(np.mean(values))
    assert test["statistic"] == pytest.approx(np.mean(values) / error)


def test_the_corrected_t_counts_what_two_ensembles_repeat_once(make_arm, folds):
    arms = [make_arm(name, seeds=(1,), skill=skill) for name, skill in (("A", 0.8), ("B", 0.5))]
    alone = between_two(*map(ArmFigures.of, arms), "accuracy", folds)["corrected_t"]
    repeated = [ArmFigures.of(Arm(arm.name, dict.fromkeys((1, 2, 3), arm.rows[1]))) for arm in arms]
    assert between_two(*repeated, "accuracy", folds)["corrected_t"] == alone
    assert alone["n"] == 4


def test_the_corrected_t_counts_two_trainings_that_differ_alike_twice(make_arm, folds):
    one, other = (make_arm(name, seeds=(1,), skill=skill) for name, skill in (("A", 0.8), ("B", 0.5)))
    dicier = tuple(replace(row, dice=row.dice and row.dice / 2) for row in one.rows[1])
    trained_twice = Arm("A", {1: one.rows[1], 2: dicier})
    arms = map(ArmFigures.of, (trained_twice, Arm("B", dict.fromkeys((1, 2), other.rows[1]))))
    assert between_two(*arms, "accuracy", folds)["corrected_t"]["n"] == 8


def test_mcnemar_takes_the_majority_of_the_seeds(two, folds):
    def right(figures):
        rows = figures.arm.rows.values()
        return np.array([sum(r.predicted is r.label for r in case) >= 2 for case in zip(*rows, strict=True)])

    first, second = right(two[0]), right(two[1])
    test = between_two(*two, "accuracy", folds)["mcnemar"]
    assert test["only_first"] == (first & ~second).sum()
    assert test["only_second"] == (~first & second).sum()


def test_wilcoxon_counts_groups_of_copies_once(two, folds):
    groups = {row.group for row in two[0].arm.cases if row.has_lesion}
    assert between_two(*two, "dsc_lesion", folds)["wilcoxon"]["n"] == len(groups) == 16


def test_values_are_common_to_both_systems(make_arm):
    both = common_values(make_arm("A"), make_arm("B"), "normal_empty_share")
    assert [len(part) for part in both] == [16, 16, 16]
    assert common_values(make_arm("A"), make_arm("C", masks=False), "dsc_lesion") is None
    assert cohens_effect(make_arm("A"), make_arm("C", masks=False), "dsc_lesion") is None


def test_three_arms_are_ranked_as_other_libraries_do(make_arm):
    arms = [make_arm(name, n=90, groups=False, skill=skill) for name, skill in (("A", 0.9), ("B", 0.5), ("C", 0.45))]
    ranking = across_arms(arms)["dsc_lesion"]
    table = np.stack([case_values(arm, "dsc_lesion") for arm in arms], axis=1)
    table = table[~np.isnan(table).any(axis=1)]
    assert ranking["friedman"]["p"] == pytest.approx(friedmanchisquare(*table.T).pvalue)
    expected = scikit_posthocs.posthoc_nemenyi_friedman(table).to_numpy()
    assert np.array(ranking["nemenyi_p"]) == pytest.approx(expected, abs=1e-3)
    assert ranking["mean_ranks"][0] == min(ranking["mean_ranks"])
    assert ranking["arms"] == ["A", "B", "C"]
    assert all("A" not in clique for clique in ranking["cliques"])


def test_fewer_than_three_arms_with_a_figure_are_not_ranked(make_arm):
    arms = [make_arm("A"), make_arm("B"), make_arm("C", masks=False)]
    assert list(across_arms(arms)) == ["accuracy"]
    assert across_arms(arms[:2]) == {}
