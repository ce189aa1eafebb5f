from __future__ import annotations

import csv
import re

import pytest

from echoduet.experiments.comparison.compare import Sampling, compare
from echoduet.experiments.comparison.published import TABLE5
from echoduet.reporting.ablation_table import (
    escaped,
    interval,
    latex,
    markdown,
    mean_and_sd,
    settings,
    table_rows,
    with_sign,
    write_tables,
)

QUICK = Sampling(n_boot=20, n_exchanges=9)


@pytest.fixture
def comparison(make_arm):
    papers = [("MT+DO", True), ("ours & 100 %", True), ("ST(Seg)+DO", False)]
    arms = [make_arm(name, papers=True, classes=classes) for name, classes in papers]
    return compare(arms, sampling=QUICK)


def lines_of(text):
    return [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in text.splitlines()]


def test_the_papers_settings_come_in_its_order_then_all_others(comparison):
    assert settings(comparison, ["nnU-Net MT"]) == [*TABLE5, "ours & 100 %", "nnU-Net MT"]


def test_without_a_setting_of_the_paper_its_table_does_not_appear(make_arm):
    plain = compare([make_arm("A"), make_arm("B")], sampling=QUICK)
    assert settings(plain) == ["A", "B"]
    assert all(row.ours for row in table_rows(plain))
    assert "paper:" not in markdown(plain)


def test_other_folds_than_the_papers_have_neither_its_figures_nor_its_other_settings(make_arm, tmp_path):
    arms = [make_arm("MT+DO", papers=True), make_arm("ST(Seg)+DO", papers=True, classes=False)]
    apart = compare(arms, sampling=QUICK, papers_folds=False)
    assert [row.name for row in table_rows(apart, ["ST(Cls)+DO"])] == ["MT+DO", "ST(Seg)+DO", "ST(Cls)+DO"]
    assert all(row.ours for row in table_rows(apart))
    lines = lines_of(markdown(apart, ["ST(Cls)+DO"]))
    assert {len(line) for line in lines} == {len(lines[0])}
    write_tables(tmp_path, apart, ["ST(Cls)+DO"])
    texts = [(tmp_path / f"table.{kind}").read_text() for kind in ("md", "tex")]
    assert not any("agrees" in text or "paper" in text for text in texts)
    (tabular,) = re.findall(r"\\begin\{tabular\}\{(l r*|lr*)\}", texts[1])
    assert {line.count(" & ") + 1 for line in texts[1].splitlines() if line.endswith(r"\\")} == {len(tabular)}
    with (tmp_path / "table.csv").open(newline="") as stream:
        assert not any(row["paper_mean"] or row["agrees"] for row in csv.DictReader(stream))


def test_what_was_not_run_says_so_and_has_the_papers_figures_below(comparison):
    lines = {line[0]: line for line in lines_of(markdown(comparison, ["nnU-Net MT"]))}
    for name in set(TABLE5) - {"MT+DO", "ST(Seg)+DO"}:
        assert lines[name][1] == "not run"
        assert not any(lines[name][2:])
        assert f"paper: {name}" in lines
    assert lines["nnU-Net MT"][1] == "not run"
    assert lines["paper: MT"][2].removeprefix("≠ ") == "0.713 ± 0.066"


def test_every_line_has_every_column(comparison):
    lines = markdown(comparison).splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {15}
    body = latex(comparison)
    assert {line.count(" & ") for line in body.splitlines() if line.endswith(r"\\")} == {13}


def test_our_figures_stand_with_spread_and_interval(comparison):
    held = comparison["arms"][0]["figures"]["accuracy"]
    lines = {line[0]: line for line in lines_of(markdown(comparison))}
    at = lines["setting"].index("Accuracy")
    low, high = held["ci95"]
    assert lines["MT+DO"][at] == f"{held['mean']:.3f} ± {held['sd_folds']:.3f} ({low:.3f} – {high:.3f})"
    assert lines["ST(Seg)+DO"][at] == ""


def test_a_figure_of_the_paper_that_ours_misses_is_marked_and_counted(comparison):
    told = comparison["arms"][0]["paper"]
    judged = [entry["agrees"] for entry in told.values() if entry["agrees"] is not None]
    assert not all(judged), "these made-up scores are far from the paper's"
    lines = {line[0]: line for line in lines_of(markdown(comparison))}
    marked = [cell for cell in lines["paper: MT+DO"] if cell.startswith("≠")]
    assert len(marked) == len(judged) - sum(judged)
    assert lines["MT+DO"][-1] == f"{sum(judged)} of {len(judged)}"
    assert lines["ours & 100 %"][-1] == ""


def test_latex_needs_no_package_and_holds_no_bare_special_character(comparison):
    text = latex(comparison, ["a_b^c~d\\e{f}#$"])
    assert r"ours \& 100 \% " in text
    assert r"a\_b\textasciicircum{}c\textasciitilde{}d\textbackslash{}e\{f\}\#\$" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == 1
    assert r"\toprule" not in text
    body = text.split("\n", 1)[1]  # the first line is a comment
    assert body.isascii()
    assert re.findall(r"(?<!\\)[%#_]", body) == []
    assert body.count("{") == body.count("}") + text.count(r"\{") - text.count(r"\}")


def test_escaping_happens_once():
    assert escaped(r"\%") == r"\textbackslash{}\%"
    assert escaped("0.7 ± 0.1") == r"0.7 $\pm$ 0.1"


def test_the_csv_has_every_number_in_full_and_the_papers_beside(comparison, tmp_path):
    write_tables(tmp_path, comparison, ["later"])
    with (tmp_path / "table.csv").open(newline="") as stream:
        rows = {(row["setting"], row["figure"]): row for row in csv.DictReader(stream)}
    held = comparison["arms"][0]["figures"]["dsc_all"]
    row = rows["MT+DO", "dsc_all"]
    assert float(row["mean"]) == held["mean"]
    assert [float(row["ci_low"]), float(row["ci_high"])] == held["ci95"]
    assert float(row["paper_mean"]) == 0.742
    assert float(row["difference"]) == pytest.approx(held["mean"] - 0.742)
    assert row["agrees"] in ("yes", "no")
    assert rows["MT", "accuracy"]["status"] == "not run"
    assert rows["MT", "accuracy"]["mean"] == ""
    assert rows["ours & 100 %", "auc_macro"]["paper_mean"] == ""
    assert (tmp_path / "table.md").read_text() == markdown(comparison, ["later"])
    assert (tmp_path / "table.tex").read_text() == latex(comparison, ["later"])


def test_numbers_as_text():
    assert mean_and_sd(0.5, None) == "0.500"
    assert mean_and_sd(None, None) == "undefined"
    assert interval(None) == ""
    assert interval([-0.01, 0.2], with_sign) == "−0.010 – +0.200"
    assert with_sign(-0.0001) == with_sign(0) == "0.000"
