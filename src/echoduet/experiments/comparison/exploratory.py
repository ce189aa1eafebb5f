"""Secondary tests, for readers used to them: none of them decides anything here.

They take cases, or groups of copies, or folds for independent, or look at many systems at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from echoduet.evaluation.cases import CaseScore
from echoduet.experiments.comparison.arm_figures import ArmFigures, case_values, malignant_scores
from echoduet.experiments.comparison.arms import Arm
from echoduet.records import Label
from echoduet.statistics.answers import delong, discordant, mcnemar
from echoduet.statistics.effects import cohen_dz
from echoduet.statistics.paired import Difference, Significance, corrected_t, wilcoxon_signed_rank
from echoduet.statistics.ranking import average_ranks, cliques, critical_difference, friedman, nemenyi
from echoduet.statistics.samples import group_means

FloatArray = NDArray[np.float64]

RANKED = ("dsc_lesion", "accuracy")
"""The figures by which more than two systems are ranked."""

ALPHA = 0.05


def between_two(one: ArmFigures, other: ArmFigures, key: str, folds: FloatArray | None) -> dict[str, Any]:
    """Return what the usual tests say of one figure's difference; a test that does not apply is left out.

    Args:
        one: a system.
        other: the one compared with.
        key: the figure.
        folds: one row of case weights a fold, `(F, N)`; None without folds.
    """
    tests: dict[str, Any] = {"corrected_t": _corrected_t(one, other, key, folds)}
    values = common_values(one.arm, other.arm, key)
    if values is not None:
        groups, first, second = values
        tests["wilcoxon"] = _test(wilcoxon_signed_rank(group_means(first, groups), group_means(second, groups)))
        if key == "accuracy":
            tests["mcnemar"] = _mcnemar(first > 0.5, second > 0.5)
    if key == "auroc_malignant":
        tests["delong"] = _delong(one.arm, other.arm)
    return {name: test for name, test in tests.items() if test is not None}


def common_values(one: Arm, other: Arm, key: str) -> tuple[list[str | None], FloatArray, FloatArray] | None:
    """Return groups and both systems' values of the cases that have a part in the figure; None where there is none."""
    first, second = case_values(one, key), case_values(other, key)
    if first is None or second is None:
        return None
    held = ~np.isnan(first) & ~np.isnan(second)
    groups = [row.group for row, kept in zip(one.cases, held, strict=True) if kept]
    return (groups, first[held], second[held]) if groups else None


def cohens_effect(one: Arm, other: Arm, key: str) -> float | None:
    """Return Cohen's dz of the cases' differences; None where the figure is no mean over cases, or has no spread."""
    values = common_values(one, other, key)
    return None if values is None else cohen_dz(*values[1:])


def _corrected_t(one: ArmFigures, other: ArmFigures, key: str, folds: FloatArray | None) -> dict[str, Any] | None:
    if folds is None:
        return None
    totals = zip(one.of_seeds(key), other.of_seeds(key), strict=True)
    once = _differing_seeds(one.arm, other.arm)
    values = np.concatenate([a.value(folds) - b.value(folds) for (a, b), new in zip(totals, once, strict=True) if new])
    defined = values[~np.isnan(values)]
    return _difference(corrected_t(defined, test_share=1 / len(folds))) if defined.size else None


def _differing_seeds(one: Arm, other: Arm) -> list[bool]:
    """Return which seeds are a further training: two ensembles answer the same under every seed, which is one."""
    pairs = [(one.rows[seed], other.rows[seed]) for seed in one.rows]
    return [pair not in pairs[:place] for place, pair in enumerate(pairs)]


def _mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> dict[str, Any]:
    only_first, only_second = discordant(first, second)
    return {"only_first": only_first, "only_second": only_second} | _test(mcnemar(first, second))


def _delong(one: Arm, other: Arm) -> dict[str, Any] | None:
    first, second = malignant_scores(one), malignant_scores(other)
    held = ~np.isnan(first) & ~np.isnan(second)
    truth = np.array([row.label is Label.MALIGNANT for row in one.cases])
    return _difference(delong(truth[held], first[held], second[held])) if held.any() else None


def _test(test: Significance) -> dict[str, Any]:
    return {"statistic": test.statistic + 0.0, "p": test.p, "n": test.n}


def _difference(difference: Difference | None) -> dict[str, Any] | None:
    if difference is None:
        return None
    return {"difference": difference.value, "ci95": list(difference.interval)} | _test(difference.test)


def across_arms(arms: Sequence[Arm]) -> dict[str, Any]:
    """Return per figure the mean ranks of three systems or more, Friedman's test and Nemenyi's pairs.

    Only arms that have the figure are ranked; each group of copies is one block, its score the mean over its cases and
    seeds. Nothing where fewer than three have it.
    """
    found = {}
    for key in RANKED:
        columns = {arm.name: values for arm in arms if (values := case_values(arm, key)) is not None}
        columns = {name: values for name, values in columns.items() if not np.isnan(values).all()}
        if len(columns) >= 3:
            found[key] = _ranking(list(columns), np.stack(list(columns.values()), axis=1), arms[0].cases)
    return found


def _ranking(names: Sequence[str], table: FloatArray, cases: Sequence[CaseScore]) -> dict[str, Any]:
    held = np.flatnonzero(~np.isnan(table).any(axis=1)).tolist()
    blocks = group_means(table[held], [cases[i].group for i in held])
    ranks, cd = average_ranks(blocks), critical_difference(len(names), len(blocks), ALPHA)
    return {
        "arms": list(names),
        "mean_ranks": ranks.tolist(),
        "critical_difference": cd,
        "alpha": ALPHA,
        "cliques": [[names[i] for i in clique] for clique in cliques(ranks, cd)],
        "friedman": _test(friedman(blocks)),
        "nemenyi_p": nemenyi(blocks).tolist(),
    }
