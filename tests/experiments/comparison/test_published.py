from __future__ import annotations

import pytest

from echoduet.experiments.comparison.published import TABLE5, Published, beside, may_stand_beside, partners
from echoduet.records import Label


def test_the_ten_settings_are_there_with_their_figures():
    assert list(TABLE5) == [
        "ST(Seg)", "ST(Seg)+DO", "ST(Cls)", "ST(Cls)+DO", "ST(Seg+Cls)+PR", "ST(Seg+Cls)+PR+DO", "MT", "MT+PR", "MT+DO",
        "MT+PR+DO",
    ]  # fmt: skip
    assert TABLE5["MT+PR+DO"]["dsc_all"] == Published(0.751, 0.018)
    assert TABLE5["ST(Seg)+DO"]["dsc_normal"] == Published(0.234, 0.469)
    assert TABLE5["ST(Cls)+DO"].keys() == {"f1_benign", "f1_malignant", "f1_normal", "f1_weighted", "accuracy"}
    assert TABLE5["ST(Seg)"]["dsc_lesion"].sd is None


@pytest.mark.parametrize("name", [name for name in TABLE5 if "dsc_all" in TABLE5[name]])
def test_the_published_columns_agree_with_one_another(name):
    """222 benign, 164 malignant and 64 normal images make up the Dice of all, but for the rounding of the table."""
    row = {key: value.mean for key, value in TABLE5[name].items()}
    lesions = (222 * row["dsc_benign"] + 164 * row["dsc_malignant"]) / 386
    assert row["dsc_lesion"] == pytest.approx(lesions, abs=0.001)
    assert row["dsc_all"] == pytest.approx((386 * lesions + 64 * row["dsc_normal"]) / 450, abs=0.0035)


def papers_cases(folds=(0, 1, 2, 3), more=0):
    sizes = {Label.BENIGN: (56, 56, 55, 55), Label.MALIGNANT: (41, 41, 41, 41), Label.NORMAL: (16 + more, 16, 16, 16)}
    return [(label, fold) for label, counts in sizes.items() for fold in folds for _ in range(counts[fold])]


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        (papers_cases(), True),
        (papers_cases((2,)), True),
        (papers_cases(more=1), False),
        (papers_cases()[:-1], False),
        ([(label, None) for label, _ in papers_cases()], True),
        ([(label, None) for label, _ in papers_cases((0,))], False),
        ([*papers_cases(), *((label, 4) for label, _ in papers_cases((0,)))], False),
        ([(Label.BENIGN, 0), (Label.MALIGNANT, 0), (Label.NORMAL, 1)], False),
    ],
)
def test_the_papers_figures_stand_beside_its_images_and_whole_folds_of_them_alone(cases, expected):
    assert may_stand_beside(cases) is expected


def test_agreement_is_within_two_standard_deviations_of_the_difference():
    paper = Published(0.70, 0.03)
    assert beside(paper, {"mean": 0.799, "sd_folds": 0.04})["agrees"] is True
    told = beside(paper, {"mean": 0.801, "sd_folds": 0.04})
    assert told["agrees"] is False
    assert told["difference"] == pytest.approx(0.101)


@pytest.mark.parametrize(
    ("paper", "entry"), [(Published(0.7), {"mean": 0.7, "sd_folds": 0.1}), (Published(0.7, 0.1), {"mean": 0.7})]
)
def test_without_a_spread_nothing_is_judged(paper, entry):
    assert beside(paper, entry)["agrees"] is None
    assert beside(paper, entry)["difference"] == 0


def test_an_undefined_figure_has_no_difference():
    assert beside(Published(0.7, 0.1), {"mean": None})["difference"] is None


def test_partners_of_a_multi_task_setting_have_the_same_options():
    names = (*TABLE5, "nnU-Net MT+DO", "nnU-Net ST(Seg)+DO")
    assert partners("MT+DO", names) == ("ST(Seg)+DO", "ST(Cls)+DO")
    assert partners("MT+PR+DO", names) == ("ST(Seg+Cls)+PR+DO",)
    assert partners("nnU-Net MT+DO", names) == ("nnU-Net ST(Seg)+DO",)
    assert partners("ST(Seg)", names) == ()
    assert partners("SMT", names) == ()
