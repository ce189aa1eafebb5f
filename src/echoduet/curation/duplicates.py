"""Copies: the same pixels, or a picture so similar that it must be the same scan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from echoduet.curation.candidates import Candidate, candidate_pairs
from echoduet.curation.hashing import Fingerprint
from echoduet.curation.settings import CurationSettings
from echoduet.progress import Progress, silent


class Relation(StrEnum):
    """How two images of a pair are related."""

    EXACT = "exact"
    NEAR = "near"
    MIRRORED = "mirrored"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two copies, in the order of the cases; `similarity` is their SSIM, 1 for equal pixels."""

    case_a: str
    case_b: str
    relation: Relation
    similarity: float


def find_pairs(
    fingerprints: Sequence[Fingerprint], settings: CurationSettings, progress: Progress = silent
) -> tuple[Pair, ...]:
    """Return every pair of copies once, ordered by the positions of its images."""
    exact = {(pair.case_a, pair.case_b): pair for pair in exact_pairs(fingerprints)}
    thumbnails = np.stack([fingerprint.thumbnail for fingerprint in fingerprints])
    candidates = candidate_pairs(thumbnails, settings.candidate, settings.mirrored)
    found = exact | {
        pair: Pair(*pair, relation, similarity)
        for pair, relation, similarity in _near(fingerprints, candidates, settings.near, progress)
        if pair not in exact
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
            yield Pair(a, b, Relation.EXACT, 1.0)


def similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the mean structural similarity of two thumbnails (Wang et al., 2004), at most 1."""
    return float(structural_similarity(a, b, data_range=255.0))


def _near(
    fingerprints: Sequence[Fingerprint], candidates: Sequence[Candidate], least: float, progress: Progress
) -> Iterator[tuple[tuple[str, str], Relation, float]]:
    best: dict[tuple[int, int], tuple[float, Relation]] = {}
    for candidate in progress(candidates, label="comparing candidates", total=len(candidates)):
        a, b = fingerprints[candidate.a].thumbnail, fingerprints[candidate.b].thumbnail
        score = similarity(a, b[:, ::-1] if candidate.mirrored else b)
        relation = Relation.MIRRORED if candidate.mirrored else Relation.NEAR
        # Of a symmetrical picture both ways may pass: the more similar one is the relation, the plain one at a tie.
        if score >= least and score > best.get((candidate.a, candidate.b), (-1.0, relation))[0]:
            best[candidate.a, candidate.b] = (score, relation)
    for (i, j), (score, relation) in best.items():
        yield (fingerprints[i].case_id, fingerprints[j].case_id), relation, score
