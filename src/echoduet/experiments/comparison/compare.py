"""Several systems on the same cases: each one's figures, and what the differences between them are worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from echoduet.errors import PairingError
from echoduet.evaluation.cases import CaseScore
from echoduet.evaluation.totals import difference
from echoduet.experiments.collect import Plan
from echoduet.experiments.comparison.arm_figures import ArmFigures
from echoduet.experiments.comparison.arms import Arm, paired
from echoduet.experiments.comparison.exchange import Part, exchangeable
from echoduet.experiments.comparison.exploratory import across_arms, between_two, cohens_effect
from echoduet.experiments.comparison.published import AGREEMENT, SOURCE, TABLE5, beside, may_stand_beside, partners
from echoduet.statistics.multiplicity import holm
from echoduet.statistics.paired import SwapStatistic, swap_test

T = TypeVar("T")

COMPARED = ("dsc_lesion", "dsc_all", "normal_empty_share", "accuracy", "f1_weighted", "auroc_malignant")
"""The figures whose differences are tested; fixed beforehand, and all of them in one family."""

SHOWN = (
    "dsc_benign", "dsc_malignant", "dsc_normal", "dsc_all", "dsc_lesion", "normal_empty_share",
    "f1_benign", "f1_malignant", "f1_normal", "f1_weighted", "accuracy", "auc_macro", "auroc_malignant",
)  # fmt: skip
"""The figures of each arm; every run's own `metrics.json` has the others."""

PAPER = (
    f"{SOURCE}. Its Dice of lesion images alone is computed from its own figures and has no spread. "
    f"Agrees: {AGREEMENT}. A lenient rule: it asks whether the figures of single folds overlap."
)
"""How the paper's figures are to be read beside ours."""

Pair = tuple[str, str]
"""Two arms by name; the difference is the first minus the second."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How much chance is simulated.

    Attributes:
        n_boot: bootstrap resamples behind an interval.
        n_exchanges: exchanges behind a p value, which cannot be below 1 / (n_exchanges + 1).
        seed: of both.
    """

    n_boot: int = 1000
    n_exchanges: int = 9999
    seed: int = 1993


DEFAULT = Sampling()


def compare(
    arms: Sequence[Arm],
    reference: str | None = None,
    pairs: Sequence[Pair] | None = None,
    sampling: Sampling = DEFAULT,
    *,
    papers_folds: bool = True,
) -> dict[str, Any]:
    """Return every figure of every arm and every comparison, as `comparisons.json` holds them.

    Args:
        arms: the systems, scored on the same seeds, folds and cases.
        reference: the arm that the others are compared with; the first one by default.
        pairs: the family of comparisons; `family(names, reference)` by default.
        sampling: how much chance is simulated.
        papers_folds: the cases are tested in the paper's folds, as far as is known; the paper's figures stand beside
            those of its settings only if so, and if each fold has as many cases of a class as a fold of the paper's.

    Raises:
        PairingError: the arms do not pair, or a name among `reference` and `pairs` is not an arm's.
    """
    arms = paired(arms)
    names = [arm.name for arm in arms]
    reference = names[0] if reference is None else reference
    _require_known([reference, *(name for pair in pairs or () for name in pair)], names)
    plan = Plan(arms[0].cases, sampling.n_boot, sampling.seed)
    figures = {arm.name: ArmFigures.of(arm) for arm in arms}
    asked = family(names, reference) if pairs is None else tuple(pairs)
    comparisons = with_holm([entry for pair in asked for entry in _compare_two(figures, pair, plan, sampling)])
    beside_paper = papers_folds and may_stand_beside((case.label, case.fold) for case in arms[0].cases)
    return {
        "reference": reference,
        "beside_paper": beside_paper,
        "arms": [_arm_entry(held, plan, beside_paper) for held in figures.values()],
        "comparisons": comparisons,
        "exploratory": across_arms(arms),
        "conventions": conventions(sampling, sum(entry["p"] is not None for entry in comparisons), beside_paper),
    }


def _require_known(asked: Sequence[str], names: Sequence[str]) -> None:
    unknown = [name for name in asked if name not in names]
    if unknown:
        raise PairingError(f"There is no system called {unknown[0]} here, only {', '.join(names)}.")


def family(names: Sequence[str], reference: str) -> tuple[Pair, ...]:
    """Return who is compared with whom: every arm with the reference, and each MT setting with its ST partners."""
    against = [(name, reference) for name in names if name != reference]
    duets = [(name, single) for name in names for single in partners(name, tuple(names))]
    known = {frozenset(pair) for pair in against}
    return (*against, *(pair for pair in duets if frozenset(pair) not in known))


def _arm_entry(figures: ArmFigures, plan: Plan, beside_paper: bool) -> dict[str, Any]:
    arm = figures.arm
    totals = _merged(figures.over_seeds())
    entries = {key: plan.value(totals[key]) for key in SHOWN if key in totals}
    published = TABLE5.get(arm.name, {}) if beside_paper else {}
    return {
        "name": arm.name,
        "seeds": list(arm.rows),
        "folds": sorted({case.fold for case in arm.cases if case.fold is not None}),
        "n": len(arm.cases),
        "figures": entries,
        "paper": {key: beside(value, entries[key]) for key, value in published.items() if key in entries},
    }


def _merged(blocks: Mapping[str, Mapping[str, T]]) -> dict[str, T]:
    return {key: value for block in blocks.values() for key, value in block.items()}


def _compare_two(
    figures: Mapping[str, ArmFigures], pair: Pair, plan: Plan, sampling: Sampling
) -> Iterator[dict[str, Any]]:
    one, other = (figures[name] for name in pair)
    totals = [_merged(held.over_seeds()) for held in (one, other)]
    keys = [key for key in COMPARED if all(key in held for held in totals)]
    statistics = exchangeable(one.arm, other.arm, keys, _parts(plan))
    for key in keys:
        entry = plan.value(difference(*(held[key] for held in totals)))
        found = {"arm": pair[0], "against": pair[1], "figure": key, "difference": entry.pop("mean"), **entry}
        p = None if found["difference"] is None else _p_value(statistics[key], one.arm.cases, sampling)
        effect = cohens_effect(one.arm, other.arm, key)
        yield found | {"p": p, "cohen_dz": effect, "exploratory": between_two(one, other, key, plan.folds)}


def _p_value(statistic: SwapStatistic, cases: Sequence[CaseScore], sampling: Sampling) -> float:
    return swap_test(statistic, [case.group for case in cases], sampling.n_exchanges, sampling.seed).p


def _parts(plan: Plan) -> list[Part]:
    return [np.flatnonzero(fold) for fold in (plan.all[np.newaxis] if plan.folds is None else plan.folds)]


def with_holm(comparisons: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the comparisons, each with `p_holm` adjusted over all of them."""
    adjusted = holm([entry["p"] for entry in comparisons])
    return [entry | {"p_holm": p} for entry, p in zip(comparisons, adjusted, strict=True)]


def conventions(sampling: Sampling, tests: int, beside_paper: bool) -> dict[str, str]:
    """Return, in words, how each figure of a comparison was made."""
    return {
        "pairing": "Every system answered the same cases in the same folds with the same seeds; otherwise nothing is "
        "compared.",
        "mean": "Each fold's figure is averaged over seeds, then over folds. Without folds: over all cases.",
        "sd over folds": "Sample standard deviation (n - 1) of the fold figures, each averaged over seeds first.",
        "95 % interval": f"Percentiles over {sampling.n_boot} bootstrap resamples (seed {sampling.seed}) of whole "
        "groups of copies, the same resamples for all systems and seeds; networks stay fixed. It says how the figure "
        "would vary with other images, not with another training.",
        "normals left empty": "The share of normal images without any outline; the paper calls it the DSC of normal "
        "images. It enters the Dice of all images, and no other Dice.",
        "difference": "The first system minus the second, of the same figure in the same folds.",
        "p": f"Two-sided, from {sampling.n_exchanges} random exchanges of the two systems' answers to whole groups "
        "(all exchanges, where they are fewer), those of all seeds together; of the very difference that is shown.",
        "Holm": f"p adjusted over all {tests} differences of this report: all pairs, all figures.",
        "effect": "Cohen's dz: mean of the per-case difference over its standard deviation, scores of a case averaged "
        "over seeds first. A figure that is no mean over cases (F1, AUROC) has none.",
        **({"the paper": PAPER} if beside_paper else {}),
        "exploratory": "Corrected t: fold and seed differences, variance corrected for overlapping training parts "
        "(Nadeau and Bengio 2003), n_test / n_train = 1 / (folds - 1), as if the folds compared were all. "
        "Wilcoxon: group means of the cases' differences. "
        "McNemar: exact, a case counts as right when more than half of the seeds are. DeLong: "
        "probabilities averaged over seeds, all folds pooled. Friedman and Nemenyi: ranks of group means.",
    }
