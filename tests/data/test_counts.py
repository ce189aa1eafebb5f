"""Counts per class, and which numbered ids are missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from echoduet.data.counts import Counts
from echoduet.data.formats import SOURCES
from echoduet.records import CLASSES, Case, Label


def test_cases_are_counted_by_class():
    labels = [Label.NORMAL, Label.BENIGN, Label.NORMAL, Label.MALIGNANT, Label.NORMAL]
    cases = [Case(str(n), Path(f"{n}.png"), (), label) for n, label in enumerate(labels)]
    counts = Counts.of(cases)
    assert counts == Counts(benign=1, malignant=1, normal=3)
    assert counts.total == 5
    assert [counts.of_label(label) for label in CLASSES] == [1, 1, 3]
    assert str(counts) == "1 benign, 1 malignant, 3 normal"


def test_missing_numbers_are_named_per_class():
    counts = Counts(3, 2, 0, numbered="{label} ({number})")
    present = ["benign (1)", "benign (3)", "malignant (1)", "malignant (2)"]
    assert counts.missing_ids(Label.BENIGN, present) == ("benign (2)",)
    assert counts.missing_ids(Label.MALIGNANT, present) == ()
    assert Counts(3, 2, 0).missing_ids(Label.BENIGN, []) == ()


@pytest.mark.parametrize(
    ("name", "images"), [("busi", 780), ("curated_busi", 450), ("bus_bra", 1875), ("breast", 256), ("bus_uclm", 683)]
)
def test_the_published_sets_have_their_published_sizes(name, images):
    assert SOURCES[name].EXPECTED.total == images
