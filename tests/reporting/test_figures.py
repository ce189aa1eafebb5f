from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import pytest
from sklearn.metrics import roc_auc_score

from echoduet.records import Label
from echoduet.reporting import figures


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.tag.endswith("text")]


@pytest.fixture
def drawn(scores):
    raw, refined = scores()
    return {
        "dice": figures.dice_by_class(raw, refined),
        "roc": figures.roc_curves(raw, refined),
        "reliability": figures.reliability_diagram(refined),
    }


def test_figures_are_inline_vectors_in_the_pages_colours_and_type(drawn):
    for name, svg in drawn.items():
        root = ET.fromstring(svg)
        assert root.tag.endswith("svg"), name
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert root.get("viewBox")
        assert root.get("width") is None
        assert "var(--ink)" in svg
        assert "DejaVu" not in svg
        # No stand-in colour may survive: the page would show near-black on black.
        assert not [colour for colour in figures._VARIABLES if colour in svg]


def test_figures_name_no_outside_resource(drawn):
    for svg in drawn.values():
        links = re.findall(r'href="([^"]*)"', svg)
        assert all(link.startswith("#") for link in links)


def test_identifiers_differ_between_figures_and_every_reference_finds_its_own(drawn):
    used = {name: re.findall(r' id="([^"]+)"', svg) for name, svg in drawn.items()}
    everything = [identifier for identifiers in used.values() for identifier in identifiers]
    assert len(everything) == len(set(everything))
    for name, svg in drawn.items():
        references = re.findall(r'(?:url\(|href=")#([^)"]+)', svg)
        assert references
        assert set(references) <= set(used[name])


def test_drawing_twice_gives_the_same_bytes(scores):
    both = scores()
    assert figures.dice_by_class(*both) == figures.dice_by_class(*both)


def test_dice_by_class_states_each_mean(scores):
    raw, refined = scores()
    labels = texts(figures.dice_by_class(raw, refined))
    for rows in (raw, refined):
        values = [row.dice for row in rows if row.label is Label.MALIGNANT]
        assert f"mean {sum(values) / len(values):.3f}" in labels


def test_the_roc_states_the_area_of_scikit_learn(scores):
    raw, refined = scores()
    area = roc_auc_score([row.label is Label.MALIGNANT for row in raw], [row.p_malignant for row in raw])
    labels = texts(figures.roc_curves(raw, refined))
    assert f"malignant vs rest, area {area:.3f}" in labels
    assert "answered malignant, refined" in labels


def test_a_class_without_cases_has_no_curve(scores):
    raw, refined = ([row for row in rows if row.label is not Label.NORMAL] for rows in scores())
    assert not [text for text in texts(figures.roc_curves(raw, refined)) if text.startswith("normal")]
    assert figures.dice_by_class(raw, refined)


def test_drawing_leaves_matplotlibs_settings_as_they_were(scores):
    before = dict(mpl.rcParams)
    figures.roc_curves(*scores())
    assert dict(mpl.rcParams) == before
