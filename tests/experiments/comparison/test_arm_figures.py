from __future__ import annotations

import numpy as np
import pytest

from echoduet.experiments.comparison.arm_figures import ArmFigures, case_values, malignant_scores
from echoduet.records import Label


def test_a_figure_over_seeds_is_the_mean_of_the_seeds_figures(make_arm):
    arm = make_arm("A", seeds=(1, 2, 3), skill=0.3)
    figures = ArmFigures.of(arm)
    ones = np.ones(len(arm.cases))
    for key in ("dsc_lesion", "f1_weighted", "auroc_malignant"):
        block = "segmentation" if key.startswith("dsc") else "classification"
        single = [float(total.value(ones)) for total in figures.of_seeds(key)]
        assert len(set(single)) == 3
        assert float(figures.over_seeds()[block][key].value(ones)) == pytest.approx(np.mean(single))


def test_an_arm_without_classes_has_no_block_of_them(make_arm):
    figures = ArmFigures.of(make_arm("A", classes=False))
    assert list(figures.over_seeds()) == ["segmentation"]
    assert figures.of_seeds("accuracy") == []


@pytest.mark.parametrize("key", ["dsc_lesion", "dsc_all", "normal_empty_share", "accuracy"])
def test_the_mean_of_the_case_values_is_the_figure(make_arm, key):
    arm = make_arm("A", seeds=(1, 2))
    blocks = ArmFigures.of(arm).over_seeds()
    total = {name: total for block in blocks.values() for name, total in block.items()}[key]
    values = case_values(arm, key)
    assert np.nanmean(values) == pytest.approx(float(total.value(np.ones(len(values)))))
    assert np.count_nonzero(~np.isnan(values)) == total.n


def test_f1_has_no_value_of_one_case(make_arm):
    assert case_values(make_arm("A"), "f1_weighted") is None


def test_probabilities_are_averaged_over_seeds(make_arm):
    arm = make_arm("A", seeds=(1, 2))
    assert malignant_scores(arm)[5] == pytest.approx((arm.rows[1][5].p_malignant + arm.rows[2][5].p_malignant) / 2)
    assert np.isnan(malignant_scores(make_arm("B", classes=False))).all()
    assert arm.cases[4].label is Label.MALIGNANT
