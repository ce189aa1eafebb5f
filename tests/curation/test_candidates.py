from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from echoduet.curation import candidates
from echoduet.curation.candidates import Candidate, candidate_pairs

stacks = arrays(np.float32, st.tuples(st.integers(2, 7), st.just(4), st.just(4)), elements=st.integers(0, 255))


@settings(max_examples=40)
@given(stacks, st.sampled_from([0.2, 0.5, 0.8]))
def test_pairs_are_those_of_numpys_correlation(thumbnails, threshold) -> None:
    found = {(pair.a, pair.b) for pair in candidate_pairs(thumbnails, threshold) if not pair.mirrored}
    flipped = {(pair.a, pair.b) for pair in candidate_pairs(thumbnails, threshold) if pair.mirrored}
    for a in range(len(thumbnails)):
        for b in range(a + 1, len(thumbnails)):
            for pairs, other in ((found, thumbnails[b]), (flipped, thumbnails[b][:, ::-1])):
                if thumbnails[a].std() == 0 or other.std() == 0:
                    assert (a, b) not in pairs
                    continue
                correlation = np.corrcoef(thumbnails[a].ravel(), other.ravel())[0, 1]
                if abs(correlation - threshold) > 1e-4:
                    assert ((a, b) in pairs) == (correlation > threshold)


def test_gain_and_offset_do_not_matter() -> None:
    image = np.random.default_rng(0).uniform(0, 100, (8, 8)).astype(np.float32)
    assert candidate_pairs(np.stack([image, 2 * image + 30]), 0.999, mirrored=False) == [Candidate(0, 1, False)]


def test_blank_images_correlate_with_nothing() -> None:
    assert candidate_pairs(np.full((3, 8, 8), 7, np.float32), 0.01) == []


def test_mirrored_pairs_only_on_request() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (8, 8)).astype(np.float32)
    both = np.stack([image, image[:, ::-1]])
    assert candidate_pairs(both, 0.9) == [Candidate(0, 1, True)]
    assert candidate_pairs(both, 0.9, mirrored=False) == []


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_the_blocks_do_not_show(rows: int, monkeypatch) -> None:
    thumbnails = np.random.default_rng(1).uniform(0, 255, (20, 4, 4)).astype(np.float32)
    whole = candidate_pairs(thumbnails, 0.3)
    monkeypatch.setattr(candidates, "ROWS_AT_ONCE", rows)
    assert candidate_pairs(thumbnails, 0.3) == whole
    assert len(whole) > 5
