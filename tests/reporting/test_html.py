from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from echoduet.errors import OutputError
from echoduet.experiments.collect import metrics_json
from echoduet.records import Label
from echoduet.reporting.gallery import GalleryItem, failures, gallery_cases
from echoduet.reporting.html import write_evaluation_report

VOID = {"meta", "link", "input", "br", "img", "image", "path", "use", "rect"}


class Page(HTMLParser):
    """Text, ids, links and whether every element is closed."""

    def __init__(self, source):
        super().__init__()
        self.open, self.ids, self.links, self.text = [], [], [], ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values[name] for name in ("src", "href", "xlink:href") if name in values]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("style", "script"):
            self.text += data


def items(rows, rng, case_ids):
    for row in rows:
        if row.case_id in case_ids:
            image = rng.integers(0, 255, (row.height or 48, row.width or 64), dtype=np.uint8)
            mask = np.zeros(image.shape, dtype=bool)
            mask[5:20, 8:30] = True
            yield GalleryItem(row.case_id, image, mask, np.roll(mask, 3), row.label)


@pytest.fixture
def report(tmp_path, scores, rng):
    """Write a report of made-up scores; returns its source and the scores."""

    def write(title="A title", meta=None, **kwargs):
        raw, refined = scores(**kwargs)
        metrics = metrics_json(raw, refined, {"model": {"name": "m"}}, n_boot=20)
        gallery = list(items(refined, rng, gallery_cases(refined)))
        path = write_evaluation_report(tmp_path / "report.html", metrics, raw, refined, gallery, title, meta)
        return path.read_text(encoding="utf-8"), raw, refined, metrics

    return write


def section(source, name):
    return source.split(f'<section id="{name}">', 1)[1].split("</section>", 1)[0]


def test_the_page_is_well_formed_and_needs_nothing_from_outside(report):
    source, *_ = report()
    page = Page(source)
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert not re.search(r"url\((?!#)|@import|<script[^>]+src", source)


def test_it_says_research_use_only_before_any_figure(report):
    source, *_ = report()
    text = Page(source).text
    assert 0 < text.index("Research use only") < text.index("Lesion-only Dice")


def test_it_shows_both_variants_of_the_headline_figures(report):
    source, _, _, metrics = report()
    summary = section(source, "summary")
    for key in ("dsc_lesion", "dsc_all"):
        for variant in ("raw", "refined"):
            assert f"{metrics[variant]['segmentation'][key]['mean']:.3f}" in summary
    assert f"{100 * metrics['refined']['segmentation']['normal_empty_share']['mean']:.1f} %" in summary


def test_failures_stand_before_everything_but_the_summary(report):
    source, _, refined, _ = report()
    order = re.findall(r'<section id="(\w+)">', source)
    assert order == ["summary", "failures", "outlines", "classes", "gallery", "cases", "conventions", "provenance"]
    shown = section(source, "failures")
    for kind in failures(refined):
        assert kind.title in shown
        assert all(row.case_id in shown for row in kind.scores)
    assert shown.index("Missed lesions") < shown.index("False alarms") < shown.index("Wrong classes")


def test_a_removed_outline_is_told(report):
    source, raw, refined, _ = report()
    emptied = [
        before
        for before, after in zip(raw, refined, strict=True)
        if before.has_lesion and before.predicted_area and not after.predicted_area
    ]
    assert emptied
    assert f"outline removed by refining (raw Dice {emptied[0].dice:.3f})" in section(source, "failures")


def test_every_case_has_a_row_and_every_picture_both_outlines(report):
    source, _, refined, _ = report()
    table = section(source, "cases")
    assert all(f">{row.case_id}</th>" in table for row in refined)
    pictures = section(source, "gallery").count("data:image/jpeg;base64,")
    assert pictures > 0
    legend = 1
    for name in ("reference", "predicted"):
        assert section(source, "gallery").count(f'<path class="{name}"') == pictures + legend


def test_confusion_matrices_conventions_and_provenance_are_there(report):
    source, _, _, metrics = report()
    for count in np.ravel(metrics["confusion"]["raw"]):
        assert f">{count}<small>" in section(source, "classes")
    assert all(name in section(source, "conventions") for name in metrics["conventions"])
    assert "<code>pooled</code>" in section(source, "conventions")
    assert "model.name" in section(source, "provenance")


def test_a_segmenters_page_has_no_classes_and_a_classifiers_no_outlines(report):
    source, *_ = report(classes=False)
    assert '<section id="classes">' not in source
    assert "Wrong classes" not in source
    source, *_ = report(masks=False)
    assert '<section id="outlines">' not in source
    assert '<section id="gallery">' not in source
    assert "Missed lesions" not in source
    assert Page(source).open == []


def test_without_folds_there_is_no_table_of_folds(report):
    assert "Fold by fold" in report()[0]
    assert "Fold by fold" not in report(folds=0)[0]


def test_names_from_files_cannot_become_markup(report):
    evil = '<script>alert("x")</script>'
    source, *_ = report(title=evil, meta={evil: evil, "warnings": [evil]})
    assert evil not in source
    assert Page(source).text.count(evil) >= 5


def test_warnings_stand_at_the_head_and_not_in_the_provenance(report):
    source, *_ = report(meta={"warnings": ["The model saw these."], "data": "d"})
    assert source.index("The model saw these.") < source.index('<section id="summary">')
    assert "warnings" not in section(source, "provenance")


def test_a_case_without_a_picture_is_still_named(tmp_path, scores):
    raw, refined = scores()
    path = write_evaluation_report(tmp_path, metrics_json(raw, refined, n_boot=5), raw, refined)
    assert path == tmp_path / "report.html"
    assert "no picture" in path.read_text(encoding="utf-8")


def test_a_single_image_makes_a_page(tmp_path, scores):
    raw, refined = scores(n=1, folds=0)
    source = write_evaluation_report(tmp_path, metrics_json(raw, refined), raw, refined).read_text(encoding="utf-8")
    assert "undefined for these 0 malignant images" in source


def test_a_page_of_many_cases_stays_small(tmp_path, scores, rng):
    raw, refined = scores(n=450)
    noise = rng.integers(0, 255, (500, 600), dtype=np.uint8)  # noise compresses worst
    gallery = [GalleryItem(case_id, noise, None, None, Label.NORMAL) for case_id in gallery_cases(refined)]
    path = write_evaluation_report(tmp_path, metrics_json(raw, refined, n_boot=2), raw, refined, gallery)
    assert path.stat().st_size < 6_000_000


def test_a_place_that_cannot_be_written_is_named(tmp_path, scores):
    raw, refined = scores(n=6)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_evaluation_report(tmp_path / "file" / "report.html", metrics_json(raw, refined, n_boot=2), raw, refined)
