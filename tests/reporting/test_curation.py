from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from echoduet.curation.conflicts import Finding, FindingKind
from echoduet.curation.pipeline import Curation, curate
from echoduet.curation.published import PublishedList
from echoduet.curation.settings import Policy
from echoduet.data.images import read_gray, write_png
from echoduet.data.manifest import build_manifest
from echoduet.errors import OutputError
from echoduet.records import Label
from echoduet.reporting import curation as report
from echoduet.reporting.curation import write_curation_report


class Page(HTMLParser):
    """The page's tags in order, and what it would fetch from elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.ids: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag not in ("meta", "link", "input", "br", "image", "path", "rect"):
            self.open.append(tag)
        links = [value for name, value in attributes if name in ("src", "href") and value]
        self.outside += [link for link in links if not link.startswith(("data:", "#"))]
        self.ids += [given["id"]] if "id" in given else []

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def copies(miniature_busi: Path) -> Path:
    """The miniature with three copies: one in another class, one with another mask, one mirrored."""
    benign, malignant = miniature_busi / "benign", miniature_busi / "malignant"
    write_png(malignant / "malignant (6).png", read_gray(benign / "benign (1).png"))
    write_png(malignant / "malignant (6)_mask.png", read_gray(benign / "benign (1)_mask.png"))
    image = read_gray(benign / "benign (3).png")
    write_png(benign / "benign (6).png", np.clip(image * 1.1, 0, 255).astype(np.uint8))
    write_png(benign / "benign (6)_mask.png", np.rot90(read_gray(benign / "benign (3)_mask.png"), 2).copy())
    write_png(benign / "benign (7).png", read_gray(benign / "benign (4).png")[:, ::-1].copy())
    write_png(benign / "benign (7)_mask.png", read_gray(benign / "benign (4)_mask.png")[:, ::-1].copy())
    return miniature_busi


@pytest.fixture
def curation(copies: Path) -> Curation:
    return curate(build_manifest(copies), Policy.KEEP_ONE)


def written(curation: Curation, folder: Path) -> str:
    return write_curation_report(curation, folder / "report.html", "A <title> & more").read_text(encoding="utf-8")


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(curation: Curation, tmp_path: Path) -> None:
    text = written(curation, tmp_path)
    page = Page(text)
    assert page.open == []
    assert page.outside == []
    assert len(page.ids) == len(set(page.ids))
    assert "@import" not in text
    assert "A &lt;title&gt; &amp; more" in text
    assert len(text) < 2_000_000


def test_conflicts_come_first(curation: Curation, tmp_path: Path) -> None:
    text = written(curation, tmp_path)
    order = [text.index(f'aria-label="{name}"') for name in ("benign (1)", "benign (3)", "benign (4)")]
    assert order == sorted(order)
    assert [text.index(f'<section id="{key}"') for key in ("classes", "masks", "copies")] == sorted(
        text.index(f'<section id="{key}"') for key in ("classes", "masks", "copies")
    )
    assert text.count("classes differ") == 1
    assert text.count("masks differ") == 1
    assert "(mirrored)" in text
    assert "(exact)" in text


def test_every_copy_is_shown_once_with_its_fate(curation: Curation, tmp_path: Path) -> None:
    text = written(curation, tmp_path)
    shown = re.findall(r'<svg [^>]*aria-label="([^"]+)"', text)
    assert sorted(shown) == sorted(member for group in curation.groups for member in group.members)
    assert text.count(">keep</span>") == 2  # of the group in two classes nothing is kept
    assert text.count(">drop</span>") == 4
    assert 'title="copy of benign (3)"' in text


def test_the_contradicting_outline_is_drawn_dashed(curation: Curation, tmp_path: Path) -> None:
    text = written(curation, tmp_path)
    assert text.count('class="predicted"') == 2
    assert "dashed: outline of benign (6)" in text
    assert "dashed: outline of benign (3)" in text


def test_an_empty_partner_has_no_outline_to_name(copies: Path, tmp_path: Path) -> None:
    empty = copies / "benign" / "benign (6)_mask.png"
    write_png(empty, np.zeros_like(read_gray(empty)))
    text = written(curate(build_manifest(copies)), tmp_path)
    assert "dashed: outline of benign (6)" not in text
    assert "dashed: outline of benign (3)" in text


def test_a_mirrored_partner_is_flipped_and_stretched() -> None:
    mask = np.zeros((10, 20), bool)
    mask[:, :5] = True
    fitted = report._fitted(mask, (20, 40), mirrored=True)
    assert fitted.shape == (20, 40)
    assert fitted[:, 30:].all()
    assert not fitted[:, :30].any()


def test_without_copies_the_page_says_so(miniature_busi: Path, tmp_path: Path) -> None:
    text = written(curate(build_manifest(miniature_busi)), tmp_path)
    assert text.count('<p class="none">None.</p>') == 3
    assert "<svg" not in text


def test_loose_findings_and_the_score_are_told(copies: Path, tmp_path: Path) -> None:
    published = PublishedList(Path("list.csv"), ((Label.BENIGN, 1), (Label.BENIGN, 2)))
    problem = Finding(FindingKind.UNUSABLE, ("benign (99)",), "benign (99).png: <is> empty.")
    found = curate(build_manifest(copies), Policy.PUBLISHED, None, published, published, [problem])
    text = written(found, tmp_path)
    assert "benign (99).png: &lt;is&gt; empty." in text
    assert "The list drops malignant (1), of which no copy was found." in text
    assert "kept by the list" in text
    assert "precision <b>0.833</b>" in text


def test_a_page_of_too_many_pictures_is_cut_and_says_so(curation: Curation, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(report, "SHOWN_IMAGES", 4)
    text = written(curation, tmp_path)
    assert text.count("<svg") == 4
    assert "Shown: 0 of 1; all are in <code>groups.csv</code>" in text


def test_the_page_is_the_same_every_time(curation: Curation, tmp_path: Path) -> None:
    assert written(curation, tmp_path / "a") == written(curation, tmp_path / "b")


def test_pictures_are_small(curation: Curation, tmp_path: Path) -> None:
    large = np.random.default_rng(0).integers(0, 255, (400, 640), np.uint8)
    for case in curation.cases.values():
        Image.fromarray(large).save(case.image)
        for mask in case.masks:
            write_png(mask, np.zeros((400, 640), np.uint8))
    text = written(curation, tmp_path)
    assert set(re.findall(r'viewBox="0 0 (\d+) (\d+)"', text)) == {("320", "200")}


def test_an_unwritable_place_is_named(curation: Curation, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"report\.html: cannot be written"):
        written(curation, tmp_path / "file")
