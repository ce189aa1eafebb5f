from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from echoduet.experiments.comparison.compare import Sampling, compare
from echoduet.reporting import comparison_figures as drawn
from echoduet.reporting import figures

QUICK = Sampling(n_boot=20, n_exchanges=99)


def texts(svg):
    return [element.text for element in ET.fromstring(svg).iter() if element.tag.endswith("text")]


@pytest.fixture
def comparison(make_arm):
    arms = [
        make_arm("MT", skill=0.9, n=96),
        make_arm("ST(Seg)", classes=False, n=96),
        make_arm("C", skill=0.4, n=96),
        make_arm("ST(Cls)", n=96, masks=False),
        make_arm("E", n=96),
    ]
    return compare(arms, sampling=QUICK)


def log(n, **scores):
    return [{"epoch": e, "validation": dict(scores)} for e in range(1, n + 1)]


@pytest.fixture
def all_figures(comparison):
    curves = {"MT": [log(3, lesion_dice=0.5, accuracy=0.7), log(5, lesion_dice=0.7, accuracy=0.9)], "C": [log(2)]}
    return {
        "dice": drawn.dice_by_arm(comparison["arms"]),
        "forest": drawn.forest(comparison["comparisons"]),
        "curves": drawn.learning_curves(curves),
        **{key: drawn.critical_difference_diagram(ranking, key) for key, ranking in comparison["exploratory"].items()},
    }


def test_all_are_inline_vectors_in_the_pages_colours(all_figures):
    assert set(all_figures) == {"dice", "forest", "curves", "dsc_lesion", "accuracy"}
    for name, svg in all_figures.items():
        root = ET.fromstring(svg)
        assert root.get("role") == "img"
        assert root.get("aria-label"), name
        assert not [colour for colour in figures._VARIABLES if colour in svg], name
        assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', svg))
    identifiers = [found for svg in all_figures.values() for found in re.findall(r' id="([^"]+)"', svg)]
    assert len(identifiers) == len(set(identifiers))


def test_dice_has_a_row_for_each_system_with_masks(all_figures):
    words = texts(all_figures["dice"])
    assert {"MT", "ST(Seg)", "C", "E", "benign", "malignant", "normal"} <= set(words)
    assert "ST(Cls)" not in words


def test_the_forest_of_many_pairs_has_a_panel_for_each_figure(all_figures, comparison):
    words = texts(all_figures["forest"])
    assert set(drawn.NAMES.values()) <= set(words)
    assert {drawn.pair_name(entry) for entry in comparison["comparisons"]} <= set(words)


def test_the_forest_of_one_pair_has_a_row_for_each_figure(make_arm):
    entries = compare([make_arm("A"), make_arm("B")], sampling=QUICK)["comparisons"]
    words = texts(drawn.forest(entries))
    assert [word for word in words if word in drawn.NAMES.values()] == list(drawn.NAMES.values())
    assert "B − A" in words


def test_what_holm_tells_apart_is_coloured_and_nothing_else(comparison):
    entries = [{**entry, "p_holm": 1.0} for entry in comparison["comparisons"]]
    assert "var(--accent)" not in drawn.forest(entries)
    entries[0]["p_holm"] = 0.01
    assert "var(--accent)" in drawn.forest(entries)


def test_the_rank_diagram_names_all_with_their_ranks_and_bars_the_cliques(all_figures, comparison):
    ranking = comparison["exploratory"]["accuracy"]
    words = texts(all_figures["accuracy"])
    for name, rank in zip(ranking["arms"], ranking["mean_ranks"], strict=True):
        assert any(name in word and f"{rank:.2f}" in word for word in words), name
    bars = re.findall(r"stroke: var\(--accent\); stroke-width: 4", all_figures["accuracy"])
    assert len(bars) == len(ranking["cliques"])


def test_curves_name_the_runs_and_leave_out_scores_that_were_not_logged(all_figures):
    words = texts(all_figures["curves"])
    assert {"MT (2 runs)", "C (1 run)", "lesion Dice", "accuracy"} <= set(words)
    alone = texts(drawn.learning_curves({"A": [log(4, accuracy=0.5)]}))
    assert "accuracy" in alone
    assert "lesion Dice" not in alone


def test_a_file_of_its_own_has_colours_and_a_size(all_figures):
    for svg in all_figures.values():
        text = figures.standalone(str(svg))
        root = ET.fromstring(text)
        assert "var(--" not in text
        assert root.get("width").endswith("pt")
        assert "#0b6b76" in figures.standalone('<svg viewBox="0 0 2 1"><path fill="var(--accent)"/></svg>')
