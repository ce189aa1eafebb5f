from __future__ import annotations

import pytest

from echoduet.experiments.collect import metrics_json
from echoduet.reporting import tables
from echoduet.reporting.tables import Metric

SCORE, SHARE, PIXELS = Metric("a", "A"), Metric("b", "B", "share"), Metric("c", "C", "pixels", "lower")


@pytest.fixture
def metrics(scores):
    return metrics_json(*scores(), n_boot=30)


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [(SCORE, 0.75049, "0.750"), (SHARE, 0.6875, "68.8 %"), (PIXELS, 12.345, "12.3 px"), (SCORE, None, "\N{EM DASH}")],
)
def test_figures_are_written_with_their_decimals_and_unit(metric, value, text):
    assert metric.text(value) == text


def test_intervals_name_their_unit_once():
    assert SHARE.interval({"ci95": [0.5, 0.75]}) == "50.0 \N{EN DASH} 75.0 %"
    assert PIXELS.interval({"ci95": [1.0, 2.0]}) == "1.0 \N{EN DASH} 2.0 px"
    assert SCORE.interval({"mean": 0.5}) == ""


def test_spread_stands_only_where_there_are_folds():
    assert SCORE.spread({"sd_folds": 0.018}) == "± 0.018"
    assert SCORE.spread({"sd_folds": None}) == SCORE.spread({}) == ""


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [(0.5, 0.75, "+0.250"), (0.75, 0.5, "\N{MINUS SIGN}0.250"), (0.5, 0.5001, ""), (None, 0.5, ""), (0.5, None, "")],
)
def test_changes_have_a_sign_and_nothing_is_no_change(before, after, text):
    assert SCORE.change(before, after) == text


@pytest.mark.parametrize(("metric", "verdict"), [(SCORE, "better"), (PIXELS, "worse")])
def test_whether_more_is_better_depends_on_the_figure(metric, verdict):
    metrics = {"raw": {"s": {metric.key: {"mean": 1.0}}}, "refined": {"s": {metric.key: {"mean": 2.0}}}}
    assert tables.row(metrics, "s", metric).verdict == verdict


def test_bars_stay_on_the_scale_from_0_to_1():
    figure = tables.figure(SCORE, {"mean": 0.5, "ci95": [-0.25, 1.5]})
    assert (figure.low, figure.at, figure.high) == (0.0, 50.0, 100.0)
    assert tables.figure(SCORE, {"mean": None, "reason": "no cases"}).at is None


def test_every_figure_of_the_metrics_has_a_row_with_a_name_and_the_known_ones_come_first(metrics):
    for block in ("segmentation", "classification"):
        rows = tables.metric_rows(metrics, block)
        assert len(rows) == len(metrics["raw"][block])
        listed = [metric.name for metric in tables.METRICS[block]]
        assert [row.name for row in rows] == listed
        assert all(row.n for row in rows)


def test_a_figure_that_nobody_listed_is_shown_under_its_key(metrics):
    metrics["raw"]["segmentation"]["new_figure"] = {"mean": 0.25}
    last = tables.metric_rows(metrics, "segmentation")[-1]
    assert (last.name, last.raw.text, last.refined.text, last.n) == ("new figure", "0.250", "\N{EM DASH}", "")


def test_headlines_put_the_three_dice_figures_first(metrics):
    names = [row.name for row in tables.headline_rows(metrics)]
    assert names[:3] == ["Lesion-only Dice", "Normals left empty", "All-image Dice"]
    del metrics["raw"]["segmentation"]
    assert [row.name for row in tables.headline_rows(metrics)] == names[3:]


def test_table_5_has_the_papers_columns_and_both_variants(metrics):
    names, rows = tables.table5(metrics)
    assert names[:4] == ["DSC benign", "DSC malignant", "DSC normal", "DSC all"]
    assert [name for name, _ in rows] == ["raw", "refined"]
    assert rows[1][1][3].text == f"{metrics['refined']['segmentation']['dsc_all']['mean']:.3f}"


def test_fold_rows_have_one_value_a_fold(metrics):
    names, rows = tables.fold_rows(metrics)
    assert names == ["0", "1"]
    assert ("Accuracy", [f"{v:.3f}" for v in metrics["refined"]["classification"]["accuracy"]["folds"]]) in rows
    assert {len(values) for _, values in rows} == {2}


def test_working_points_say_how_their_threshold_was_chosen(metrics):
    (row,) = [r for r in tables.metric_rows(metrics, "classification") if r.name.startswith("Sensitivity")]
    assert row.note.startswith("threshold chosen out of fold; reached ")


def test_provenance_becomes_dotted_keys_and_long_lists_their_length():
    values = {"model": {"name": "a", "size": None}, "folds": [0, 1], "ids": list(range(9))}
    assert list(tables.flatten(values)) == [
        ("model.name", "a"),
        ("model.size", ""),
        ("folds", "0, 1"),
        ("ids", "9 entries: 0, 1, 2, 3, 4, 5, 6, 7, ..."),
    ]
