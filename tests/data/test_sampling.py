"""Deterministic oversampling."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from echoduet.data.sampling import oversample, repeats
from echoduet.records import CLASSES, Label

LABELS = st.lists(st.sampled_from(CLASSES), min_size=1, max_size=60)


def test_the_papers_training_part_gets_its_published_factors():
    labels = [Label.BENIGN] * 133 + [Label.MALIGNANT] * 98 + [Label.NORMAL] * 38
    assert repeats(labels) == {Label.BENIGN: 2, Label.MALIGNANT: 3, Label.NORMAL: 7}
    assert Counter(labels[i] for i in oversample(labels)) == {
        Label.BENIGN: 266,
        Label.MALIGNANT: 294,
        Label.NORMAL: 266,
    }


def test_a_class_with_factor_one_stays_single():
    assert oversample([Label.BENIGN] * 5) == (0, 1, 2, 3, 4)


@given(LABELS)
def test_every_case_of_a_class_stands_equally_often_and_nobody_is_lost(labels):
    times = Counter(oversample(labels))
    factor = repeats(labels)
    assert times == {i: factor[label] for i, label in enumerate(labels)}


@given(LABELS)
def test_classes_end_up_closer_to_balance(labels):
    before, after = Counter(labels), Counter(labels[i] for i in oversample(labels))
    assert max(after.values()) / min(after.values()) <= max(before.values()) / min(before.values()) + 1e-9
