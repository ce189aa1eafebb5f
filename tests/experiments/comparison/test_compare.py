from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score
from statsmodels.stats.multitest import multipletests

from echoduet.errors import PairingError
from echoduet.experiments.comparison.arm_files import read_arm
from echoduet.experiments.comparison.compare import COMPARED, SHOWN, Sampling, compare, family
from echoduet.experiments.comparison.published import TABLE5

QUICK = Sampling(n_boot=60, n_exchanges=99)
RESULTS = Path(__file__).parents[3] / "results" / "fast-paper-128"


@pytest.fixture
def three(make_arm):
    return [
        make_arm("MT", seeds=(1, 2), skill=0.85),
        make_arm("ST(Seg)", seeds=(1, 2), classes=False),
        make_arm("ST(Cls)", seeds=(1, 2), masks=False, skill=0.4),
    ]


def entry(comparison, arm, against, figure):
    (found,) = [c for c in comparison["comparisons"] if (c["arm"], c["against"], c["figure"]) == (arm, against, figure)]
    return found


def test_one_seed_gives_the_figures_of_metrics_json_to_the_digit():
    stored = json.loads((RESULTS / "metrics.json").read_text())["raw"]
    arm = read_arm(RESULTS, "MT", "raw")
    held = compare([arm])["arms"][0]["figures"]
    assert set(held) == set(SHOWN)
    for block in stored.values():
        for key in block.keys() & held.keys():
            assert held[key]["mean"] == block[key]["mean"], key
            assert held[key]["sd_folds"] == block[key]["sd_folds"], key
            assert held[key]["ci95"] == block[key]["ci95"], key


def test_seeds_are_averaged_within_each_fold_first(three):
    comparison = compare(three, sampling=QUICK)
    by_fold = [
        np.mean([
            f1_score(*zip(*((r.label, r.predicted) for r in rows if r.fold == k), strict=True), average="weighted")
            for rows in three[0].rows.values()
        ])
        for k in range(4)
    ]  # fmt: skip
    held = comparison["arms"][0]["figures"]["f1_weighted"]
    assert held["folds"] == pytest.approx(by_fold)
    assert held["mean"] == pytest.approx(np.mean(by_fold))
    assert held["sd_folds"] == pytest.approx(np.std(by_fold, ddof=1))


def test_a_difference_is_that_of_the_arms_figures_and_only_of_those_both_have(three):
    comparison = compare(three, sampling=QUICK)
    means = {arm["name"]: arm["figures"] for arm in comparison["arms"]}
    assert [(c["arm"], c["against"], c["figure"]) for c in comparison["comparisons"]] == [
        *(("ST(Seg)", "MT", key) for key in COMPARED[:3]),
        *(("ST(Cls)", "MT", key) for key in COMPARED[3:]),
    ]
    for found in comparison["comparisons"]:
        key = found["figure"]
        expected = means[found["arm"]][key]["mean"] - means[found["against"]][key]["mean"]
        assert found["difference"] == pytest.approx(expected)
        assert 0.01 <= found["p"] <= found["p_holm"] <= 1
        assert found["ci95"][0] <= found["ci95"][1]


def test_holm_is_over_all_pairs_and_figures(three):
    entries = compare(three, sampling=QUICK)["comparisons"]
    expected = multipletests([c["p"] for c in entries], method="holm")[1]
    assert [c["p_holm"] for c in entries] == pytest.approx(list(expected))


def test_a_real_difference_is_found_and_a_system_against_its_twin_has_none(make_arm):
    good, bad = make_arm("good", n=144, skill=0.9), make_arm("bad", n=144, skill=0.3)
    twin = type(good)("twin", good.rows)
    comparison = compare([good, bad, twin], sampling=Sampling(200, 999))
    worse = entry(comparison, "bad", "good", "dsc_lesion")
    assert worse["ci95"][1] < 0
    assert worse["p"] == pytest.approx(0.001)
    assert worse["cohen_dz"] < -0.3
    same = entry(comparison, "twin", "good", "accuracy")
    assert (same["difference"], same["ci95"], same["p"], same["cohen_dz"]) == (0, [0, 0], 1, 0)


def test_the_interval_widens_when_copies_stay_together(make_arm):
    def width(groups):
        a, b = (make_arm(name, n=144, groups=groups) for name in "AB")
        clones = [type(x)(x.name, {1: tuple(self_similar(x.cases))}) for x in (a, b)]
        low, high = entry(compare(clones, sampling=Sampling(400, 9)), "B", "A", "dsc_lesion")["ci95"]
        return high - low

    def self_similar(rows):
        # Every case of a group scores the same, as copies would.
        first = {}
        for row in rows:
            yield replace(row, dice=first.setdefault((int(row.case_id[1:]) // 6, row.label), row.dice))

    assert width(True) > 1.15 * width(False)


def test_reference_and_pairs_are_chosen_by_name(three):
    comparison = compare(three, reference="ST(Seg)", sampling=QUICK)
    assert comparison["reference"] == "ST(Seg)"
    assert {(c["arm"], c["against"]) for c in comparison["comparisons"]} == {("MT", "ST(Seg)"), ("MT", "ST(Cls)")}
    only = compare(three, pairs=[("MT", "ST(Cls)")], sampling=QUICK)
    assert {c["figure"] for c in only["comparisons"]} == set(COMPARED[3:])
    with pytest.raises(PairingError, match="no system called MTT here, only MT, ST"):
        compare(three, reference="MTT", sampling=QUICK)
    with pytest.raises(PairingError, match="no system called X"):
        compare(three, pairs=[("MT", "X")], sampling=QUICK)


def test_the_family_has_each_multi_task_setting_against_its_single_task_ones():
    pairs = family(("MT+DO", "ST(Seg)+DO", "ST(Cls)+DO", "MT"), "MT+DO")
    assert pairs == (("ST(Seg)+DO", "MT+DO"), ("ST(Cls)+DO", "MT+DO"), ("MT", "MT+DO"))
    assert ("MT+DO", "ST(Cls)+DO") in family(("MT+DO", "ST(Seg)+DO", "ST(Cls)+DO"), "ST(Seg)+DO")


def test_an_arm_named_as_in_the_paper_has_its_figures_beside(make_arm):
    arm = make_arm("MT", papers=True)
    beside = compare([arm], sampling=QUICK)["arms"][0]["paper"]
    assert set(beside) == set(TABLE5["MT"])
    assert beside["accuracy"]["mean"] == 0.742
    assert compare([type(arm)("other", arm.rows)], sampling=QUICK)["arms"][0]["paper"] == {}


def test_other_images_than_the_papers_have_none_of_its_figures_beside(make_arm):
    for arm, expected in ((make_arm("MT"), False), (make_arm("MT", papers=True), True)):
        held = compare([arm], sampling=QUICK)
        assert held["beside_paper"] is expected
        assert bool(held["arms"][0]["paper"]) is expected
        assert ("the paper" in held["conventions"]) is expected


def test_without_folds_figures_are_over_all_cases(make_arm):
    comparison = compare([make_arm("A", folds=0), make_arm("B", folds=0)], sampling=QUICK)
    held = comparison["arms"][0]
    assert held["folds"] == []
    assert "sd_folds" not in held["figures"]["accuracy"]
    assert "corrected_t" not in entry(comparison, "B", "A", "accuracy")["exploratory"]


def test_arms_that_do_not_pair_are_refused(make_arm):
    with pytest.raises(PairingError, match="B: lacks seed 2"):
        compare([make_arm("A", seeds=(1, 2)), make_arm("B")], sampling=QUICK)


def test_the_result_is_plain_json_and_the_same_every_time(three):
    one, other = (json.dumps(compare(three, sampling=QUICK), allow_nan=False) for _ in range(2))
    assert one == other
