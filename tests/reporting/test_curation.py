from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.pipeline import Curation, Rules, conclude
from echoduet.curation.quality.issues import Issue
from echoduet.curation.relations import Pair, Relation
from echoduet.curation.settings import Policy
from echoduet.data.images import write_png
from echoduet.data.manifest import Manifest
from echoduet.errors import OutputError
from echoduet.reporting import curation as report
from echoduet.reporting.curation import within, write_curation_report
from echoduet.reporting.curation_pairs import PairChapter
from echoduet.reporting.curation_pictures import Panels

SOLO = ("meta", "link", "input", "br", "image", "path", "rect")


class Page(HTMLParser):
    """The page's tags in order, and what it would fetch from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in SOLO:
            self.open.append(tag)
        links = [value for name, value in attributes if name in ("src", "href") and value]
        self.outside += [link for link in links if not link.startswith(("data:", "#"))]
        self.links += [link[1:] for link in links if link.startswith("#")]
        self.ids += [given["id"]] if "id" in given else []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def written(curation: Curation, folder: Path, **more) -> str:
    return write_curation_report(curation, folder / "report.html", "A <title> & more", **more).read_text("utf-8")


def sections(text: str) -> dict[str, str]:
    """Return the page's sections by their ids, in order."""
    return dict(re.findall(r'<section id="([^"]+)">(.*?)</section>', text, re.S))


@pytest.fixture
def flagged(curation: Curation) -> Curation:
    scores = {case_id: {Issue.CALIPERS: 0.1 * i} for i, case_id in enumerate(curation.cases)}
    flags = dict.fromkeys(list(curation.cases)[5:], (Issue.CALIPERS,))
    return replace(curation, scores=scores, flags=flags)


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(flagged: Curation, tmp_path: Path) -> None:
    text = written(flagged, tmp_path, listed=set(list(flagged.cases)[::2]))
    page = Page(text)
    assert page.open == []
    assert page.outside == []
    assert len(page.ids) == len(set(page.ids))
    assert set(page.links) <= set(page.ids)
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)
    assert "A &lt;title&gt; &amp; more" in text
    assert len(text) < 2_000_000


def test_conflicts_come_first_then_the_list_then_the_relations(flagged: Curation, tmp_path: Path) -> None:
    order = list(sections(written(flagged, tmp_path, listed=set())))
    assert order == [
        "summary", "conflicts", "list", "copy", "same-scan", "same-scene", "issues", "decisions", "reading",
    ]  # fmt: skip


def test_each_pair_stands_in_three_pictures(curation: Curation, tmp_path: Path) -> None:
    text = written(curation, tmp_path)
    assert text.count('class="card pair"') == 4
    drawn = re.findall(r'<svg viewBox[^>]*aria-label="([^"]+)"', text)
    assert len(drawn) == 12
    first, second = "malignant (3)", "malignant (4)"
    assert drawn[-3:] == [first, f"{second} laid over {first}", f"difference of {first} and {second}"]


def test_a_pair_is_told_in_words_and_figures(curation: Curation, tmp_path: Path) -> None:
    conflicts = sections(written(curation, tmp_path))["conflicts"]
    words = re.sub(r"<[^>]+>|\s+", " ", re.sub(r"<svg.*?</svg>", "", conflicts, flags=re.S))
    words = re.sub(r" +", " ", words)
    assert "benign (1) and benign (2) same-scan masks differ" in words
    assert "laid over the first shifted by (20, 10) px" in words
    assert "overlap 50 % similarity 0.93 confidence 0.99 Dice of the masks 0." in words
    assert "benign (3) and normal (1) same-scan a normal is a lesion&#39;s copy classes differ" in words
    assert "laid over the first mirrored" in words


def test_decisions_are_shown_beside_the_images_and_by_reason(curation: Curation, tmp_path: Path) -> None:
    parts = sections(written(curation, tmp_path))
    assert 'class="chip review" title="one scan, outlined in different places">review' in parts["conflicts"]
    rows = re.findall(r"<tr><th.*?>(\w+)</span></th><td>(.*?)</td><td>(\d+)</td>", parts["decisions"])
    assert ("drop", "copy of another image", "1") in rows
    assert ("keep", "no copy found", "4") in rows
    assert sum(int(count) for _, _, count in rows) == len(curation.decisions)


def test_examples_of_findings_carry_their_scores(flagged: Curation, tmp_path: Path) -> None:
    shelf = sections(written(flagged, tmp_path))["issues"]
    assert "Calipers" in shelf
    assert re.findall(r"score (\d\.\d\d)", shelf) == ["0.90", "0.80", "0.70", "0.60", "0.50"]


def test_outlines_are_drawn_where_the_mask_is_the_trouble(curation: Curation, tmp_path: Path) -> None:
    flags = {"benign (4)": (Issue.CALIPERS,), "malignant (5)": (Issue.MASK_SMALL,)}
    scores = {case_id: dict.fromkeys(issues, 1.0) for case_id, issues in flags.items()}
    shelf = sections(written(replace(curation, flags=flags, scores=scores), tmp_path))["issues"]
    drawn = dict(re.findall(r'aria-label="([^"]+)">(.*?)</svg>', shelf, re.S))
    assert {name: 'class="reference"' in svg for name, svg in drawn.items()} == {
        "benign (4)": False,
        "malignant (5)": True,
    }


def test_coloured_images_are_examples_in_their_colours(flagged: Curation, tmp_path: Path) -> None:
    red = np.zeros((96, 120, 3), np.uint8)
    red[..., 0] = 200
    write_png(flagged.cases["malignant (5)"].image, red)
    sizes = [len(sections(written(flagged, tmp_path))["issues"])]
    write_png(flagged.cases["malignant (5)"].image, np.full((96, 120), 60, np.uint8))
    sizes.append(len(sections(written(flagged, tmp_path))["issues"]))
    assert sizes[0] != sizes[1]


def test_lesions_without_masks_and_normals_with_them_have_a_chapter(curation: Curation, tmp_path: Path) -> None:
    alone = Finding(FindingKind.LESION_WITHOUT_MASK, ("benign (4)",), "benign (4) shows a lesion, but has no mask.")
    text = written(replace(curation, findings=(*curation.findings, alone)), tmp_path)
    assert "lesion without mask" in sections(text)["outlines-missing"]
    assert "outlines-missing" not in sections(written(curation, tmp_path))


def test_pairs_across_sets_have_a_chapter(related: Manifest, tmp_path: Path) -> None:
    two = related.with_cases(
        replace(case, source="other" if case.case_id == "malignant (4)" else "set") for case in related
    )
    pairs = (Pair("malignant (3)", "malignant (4)", Relation.SAME_SCENE),)
    parts = sections(written(conclude(two, pairs, Rules(Policy.AUDIT)), tmp_path))
    assert "malignant (4) laid over malignant (3)" in parts["across"]
    assert '<span class="source">other</span>' in parts["across"]
    assert "1</b><span>pairs across data sets" in parts["summary"]


def test_without_related_images_the_page_says_so(related: Manifest, tmp_path: Path) -> None:
    alone = replace(conclude(related, ()), flags={})
    text = written(alone, tmp_path, listed={case.case_id for case in related})
    assert text.count('<p class="none">None.</p>') == 5
    assert "They agree about every image." in text
    assert "laid over benign" not in text


def test_a_copy_with_a_conflict_is_not_shown_twice(related: Manifest, tmp_path: Path) -> None:
    only = conclude(related, (Pair("benign (1)", "malignant (1)", Relation.COPY),))
    parts = sections(written(only, tmp_path))
    assert "Those with a conflict stand above: 1." in parts["copy"]
    assert "card pair" not in parts["copy"]


def test_findings_without_pictures_are_listed(curation: Curation, tmp_path: Path) -> None:
    problem = Finding(FindingKind.UNUSABLE, ("benign (99)",), "benign (99).png: <is> empty.")
    text = written(replace(curation, findings=(*curation.findings, problem)), tmp_path)
    assert "benign (99).png: &lt;is&gt; empty." in sections(text)["further"]
    assert "further" not in sections(written(curation, tmp_path))


def test_a_page_of_too_many_pictures_is_cut_at_the_end_and_says_so(curation, tmp_path, monkeypatch) -> None:
    whole = written(curation, tmp_path)
    monkeypatch.setattr(report, "ROOM", len(whole) // 2)
    text = written(curation, tmp_path)
    assert text.count("<image") == 9
    parts = sections(text)
    assert "card pair" in parts["conflicts"]
    assert "Shown: 0 of 1; all are in <code>pairs.csv</code>" in parts["same-scene"]


def test_what_does_not_fit_goes_and_what_is_smaller_may_stay(curation: Curation) -> None:
    cards = report.Cards(curation)
    chapter = PairChapter("x", "X", "", tuple(map(cards.of, curation.pairs)), 4)
    drawn = {card.ids: Panels("a" * size, "", "") for card, size in zip(chapter.cards, (5, 5, 1, 1), strict=True)}
    assert [len(one.cards) for one in within([chapter], drawn, 10)] == [2]
    assert [len(one.cards) for one in within([chapter, chapter], drawn, 17)] == [4, 1]


def test_the_page_is_the_same_every_time(flagged: Curation, tmp_path: Path) -> None:
    assert written(flagged, tmp_path / "a") == written(flagged, tmp_path / "b")


def test_pictures_are_small(related: Manifest, tmp_path: Path) -> None:
    large = np.random.default_rng(0).integers(0, 255, (400, 640), np.uint8)
    for case in related:
        Image.fromarray(large).save(case.image)
        write_png(case.masks[0], np.zeros((400, 640), np.uint8))
    sized = related.with_cases(replace(case, width=640, height=400) for case in related)
    text = written(conclude(sized, (Pair("benign (1)", "benign (2)", Relation.COPY),)), tmp_path)
    assert set(re.findall(r'viewBox="0 0 (\d+) (\d+)" role="img"', text)) == {("288", "180")}


def test_an_unwritable_place_is_named(curation: Curation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"report\.html: cannot be written"):
        written(curation, tmp_path / "file")
