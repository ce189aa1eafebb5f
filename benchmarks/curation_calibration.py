"""Fix the thresholds and the confidence of matching on tampered images, and on images that are surely unrelated.

    python benchmarks/curation_calibration.py data/Dataset_BUSI_with_GT

No list of known duplicates is read. Related pairs: images, real and simulated, and what `tampers.py` makes of them,
neighbouring frames among it. Unrelated pairs: the candidates between different phantoms, between phantoms and real
images, and between a real image and another one turned upside down, unless what is found is the turn itself: no archive
holds the one picture upside down and yet aligned upright with the other.

The even half of the images fixes everything (a logistic regression, weakly regularised, since the classes separate);
the odd half then tells how well calibrated the confidence is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log1p
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from echoduet.curation.matching.alignment import Alignment, align
from echoduet.curation.matching.candidates import CandidateSearch
from echoduet.curation.matching.confidence import FITTED, Weights, confidence
from echoduet.curation.matching.features import Features, extract, tabulate
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.matching.similarity import Likeness, likeness
from echoduet.data.images import read_gray
from echoduet.data.manifest import in_threads, open_data
from echoduet.data.synthetic import simulate
from echoduet.progress import silent
from echoduet.records import CLASSES, GrayImage
from tampers import TAMPERS, neighbour

SETTINGS = MatchSettings()
CHANGES = {**{name: tamper for name, tamper in TAMPERS.items() if name != "exact"}, "neighbour": neighbour}
LOOSE = replace(SETTINGS, votes=2, resemblance=0.7)
"""Settings under which many unrelated pairs become candidates: the few that usually do are too few to learn from."""

WEAK = 10.0
"""The inverse strength of the regression's regularisation."""


@dataclass(frozen=True)
class Seen:
    """What the closer look saw of one pair, and what it is: the name of a change, or empty for unrelated."""

    change: str
    alignment: Alignment
    likeness: Likeness


def look(a: Features, b: Features, change: str, ways: tuple[bool, ...] = (False, True)) -> Seen | None:
    """Align and compare two images; of both ways the one with more features in their places."""
    found = [alignment for mirrored in ways if (alignment := align(a, b, mirrored))]
    if not found:
        return None
    best = max(found, key=lambda alignment: alignment.inliers)
    return Seen(change, best, likeness(a, b, best.transform, SETTINGS.overlap))


def related(images: list[GrayImage], each: int, seed: int) -> tuple[list[Seen], int]:
    """Return what is seen of tampered copies, and how many could not be aligned at all."""
    rng = np.random.default_rng(seed)
    jobs = [(name, int(i)) for name in CHANGES for i in rng.choice(len(images), min(each, len(images)), replace=False)]

    def one(job: tuple[int, tuple[str, int]]) -> Seen | None:
        number, (name, i) = job
        copy = CHANGES[name](images[i], np.random.default_rng([seed, number])).image
        return look(extract(images[i], SETTINGS), extract(copy, SETTINGS), name)

    seen = in_threads(one, list(enumerate(jobs)), silent, "tampering")
    return [each for each in seen if each], sum(each is None for each in seen)


def unrelated(real: list[GrayImage], phantoms: list[GrayImage]) -> Iterator[Seen]:
    """Yield what is seen of candidates that are surely none."""
    turned = [np.ascontiguousarray(image[::-1]) for image in real]
    features = in_threads(lambda image: extract(image, SETTINGS), [*real, *turned, *phantoms], silent, "describing")
    table = tabulate(features, SETTINGS.side)
    search = CandidateSearch(table, LOOSE)
    everything = np.arange(len(table))
    search.enter(everything)
    n = len(real)
    for a, b, mirrored in search.candidates():
        both_real = b < 2 * n
        if both_real and not (a < n <= b and b - n != a):
            continue  # two images as they are may be copies, and so may two that are both turned
        seen = look(table[a], table[b], "", (mirrored,))
        if seen and not (both_real and seen.alignment.transform.mirrored and turn(seen) > 90):
            yield seen


def turn(seen: Seen) -> float:
    """Return the size of the rotation in degrees."""
    return abs(seen.alignment.transform.rotation)


def regressors(rows: list[Seen]) -> NDArray[np.float64]:
    """Return what the confidence depends on, `(n, 4)`."""
    return np.array(
        [
            (log1p(s.alignment.inliers), s.likeness.fine, s.likeness.coarse, s.likeness.overlap)
            for s in rows
            if s.likeness.overlap >= SETTINGS.overlap
        ]
    )


def fit(positive: list[Seen], negative: list[Seen]) -> Weights:
    """Return the weights of the logistic regression that tells related pairs from unrelated ones."""
    x, none = regressors(positive), regressors(negative)
    y = np.repeat([1, 0], [len(x), len(none)])
    model = LogisticRegression(C=WEAK, max_iter=1000).fit(np.concatenate([x, none]), y)
    return Weights(*(round(float(w), 2) for w in (model.intercept_[0], *model.coef_[0])))


def report_thresholds(rows: list[Seen]) -> None:
    """Print, for each change, what bounds the relation `same-scan`."""
    print("| change | pairs | inliers, least | fine, least | fine, 1 % | strain, 99 % | strain, most |")
    print("|---|---|---|---|---|---|---|")
    for name in CHANGES:
        own = [seen for seen in rows if seen.change == name]
        fine = [seen.likeness.fine for seen in own]
        strain = [seen.alignment.strain for seen in own]
        least = min(seen.alignment.inliers for seen in own)
        print(
            f"| {name} | {len(own)} | {least} | {min(fine):.2f} | {np.percentile(fine, 1):.2f} "
            f"| {np.percentile(strain, 99):.2f} | {max(strain):.2f} |"
        )
    moved = [seen for seen in rows if seen.change == "neighbour"]
    print(
        f"\nNeighbouring frames: fine at most {max(s.likeness.fine for s in moved):.2f}, "
        f"strain at least {min(s.alignment.strain for s in moved):.2f}."
    )


def report_calibration(positive: list[Seen], negative: list[Seen], weights: Weights) -> None:
    """Print how the confidence fits another half of the images."""
    pairs = [(confidence(s.alignment, s.likeness, weights), bool(s.change)) for s in (*positive, *negative)]
    sure, true = np.array([p for p, _ in pairs]), np.array([t for _, t in pairs])
    bins = np.minimum((sure * 10).astype(int), 9)
    error = sum(abs(sure[bins == b].mean() - true[bins == b].mean()) * np.mean(bins == b) for b in np.unique(bins))
    print(f"\nOther half: {true.sum()} related, {len(true) - true.sum()} unrelated pairs; expected calibration error")
    print(
        f"{error:.4f}; Brier score {np.mean((sure - true) ** 2):.5f}; of the related {np.mean(sure[true] >= 0.5):.4f}"
    )
    print(f"and of the unrelated {np.mean(sure[~true] >= 0.5):.4f} have a confidence of 0.5 or more.")


def main() -> None:
    """Print thresholds, weights and calibration."""
    parser = argparse.ArgumentParser(description="Fix thresholds and confidence of matching without a list.")
    parser.add_argument("data", type=Path, help="data-set folder or manifest")
    parser.add_argument("--each", type=int, default=100, help="copies for each change")
    parser.add_argument("--phantoms", type=int, default=120)
    args = parser.parse_args()
    files = [case.image for case in open_data(args.data)]
    phantoms = [simulate(CLASSES[i % 3], np.random.default_rng([77, i]))[0] for i in range(args.phantoms)]
    halves = [([read_gray(file) for file in files[start::2]], phantoms[start::2], start) for start in (0, 1)]
    (real, simulated, seed), (other, others, last) = halves
    positive, lost = related(real + simulated, args.each, seed)
    negative = list(unrelated(real, simulated))
    report_thresholds(positive)
    print(
        f"\nNot aligned at all: {lost}. Unrelated pairs looked at: {len(negative)}; the most features in their places"
    )
    overlapping = [seen for seen in negative if seen.likeness.overlap >= SETTINGS.overlap]
    print(f"among the {len(overlapping)} that overlap: {max(seen.alignment.inliers for seen in overlapping)}.")
    weights = fit(positive, negative)
    print(f"\nFITTED = {weights}")
    print("in use" if weights == FITTED else f"in use: {FITTED}")
    report_calibration(related(other + others, args.each, last)[0], list(unrelated(other, others)), weights)


if __name__ == "__main__":
    main()
