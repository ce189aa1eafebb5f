"""Copies: the same pixels, or a picture so similar that it must be the same scan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from echoduet.curation.candidates import Candidate, candidate_pairs
from echoduet.curation.hashing import Fingerprint
from echoduet.curation.relations import IDENTITY, Pair, Relation, Transform
from echoduet.curation.settings import CurationSettings
from echoduet.progress import Progress, silent


def find_pairs(
    fingerprints: Sequence[Fingerprint], settings: CurationSettings, progress: Progress = silent
) -> tuple[Pair, ...]:
    """Return every pair of copies once, ordered by the positions of its images."""
    exact = {(pair.case_a, pair.case_b): pair for pair in exact_pairs(fingerprints)}
    thumbnails = np.stack([fingerprint.thumbnail for fingerprint in fingerprints])
    candidates = candidate_pairs(thumbnails, settings.candidate, settings.mirrored)
    found = exact | {
        (pair.case_a, pair.case_b): pair
        for pair in _near(fingerprints, candidates, settings.near, progress)
        if (pair.case_a, pair.case_b) not in exact
    }
    position = {fingerprint.case_id: i for i, fingerprint in enumerate(fingerprints)}
    return tuple(sorted(found.values(), key=lambda pair: (position[pair.case_a], position[pair.case_b])))


def exact_pairs(fingerprints: Sequence[Fingerprint]) -> Iterator[Pair]:
    """Yield the pairs of images with equal pixels, whatever their files."""
    same = defaultdict(list)
    for fingerprint in fingerprints:
        same[fingerprint.pixels].append(fingerprint.case_id)
    for members in same.values():
        for a, b in combinations(members, 2):
            yield Pair(a, b, Relation.COPY)


def similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the mean structural similarity of two thumbnails (Wang et al., 2004), at most 1."""
    return float(structural_similarity(a, b, data_range=255.0))


def laid_over(a: Fingerprint, b: Fingerprint, mirrored: bool) -> Transform:
    """Return what lays image b, stretched to image a's size, over image a."""
    (height, width), (height_b, width_b) = a.shape, b.shape
    scale = (width / width_b + height / height_b) / 2
    plain = replace(IDENTITY, scale=scale, dx=(scale - 1) / 2, dy=(scale - 1) / 2)
    return replace(plain, mirrored=True, dx=width - (scale + 1) / 2) if mirrored else plain


def _near(
    fingerprints: Sequence[Fingerprint], candidates: Sequence[Candidate], least: float, progress: Progress
) -> Iterator[Pair]:
    best: dict[tuple[int, int], tuple[float, bool]] = {}
    for candidate in progress(candidates, label="comparing candidates", total=len(candidates)):
        a, b = fingerprints[candidate.a].thumbnail, fingerprints[candidate.b].thumbnail
        score = similarity(a, b[:, ::-1] if candidate.mirrored else b)
        # Of a symmetrical picture both ways may pass: the more similar one counts, the plain one at a tie.
        if score >= least and score > best.get((candidate.a, candidate.b), (-1.0, False))[0]:
            best[candidate.a, candidate.b] = (score, candidate.mirrored)
    for (i, j), (score, mirrored) in best.items():
        a_print, b_print = fingerprints[i], fingerprints[j]
        transform = laid_over(a_print, b_print, mirrored)
        yield Pair(a_print.case_id, b_print.case_id, Relation.SAME_SCAN, transform, similarity=score)
