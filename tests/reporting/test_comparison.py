from __future__ import annotations

import csv
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from echoduet.errors import OutputError, PairingError
from echoduet.experiments.comparison.arms import Arm
from echoduet.experiments.comparison.compare import Sampling
from echoduet.reporting.comparison import ReportContext, p_text, require_own, signed, write_comparison

QUICK = Sampling(n_boot=20, n_exchanges=99)
WRITTEN = {"table.md", "table.tex", "table.csv", "comparisons.json", "comparisons.csv", "report.html", "figures"}


@pytest.fixture
def arms(make_arm):
    return [
        make_arm("MT<+>DO", seeds=(1, 2), papers=True),
        make_arm("MT", seeds=(1, 2), papers=True),
        make_arm("ST(Seg)", seeds=(1, 2), papers=True, classes=False),
    ]


@pytest.fixture
def write(tmp_path, arms):
    def run(held=arms, **context):
        out = tmp_path / "out"
        return out, write_comparison(out, held, ReportContext(sampling=QUICK, **context))

    return run


def test_everything_is_written(write):
    run = [{"epoch": 1, "validation": {"lesion_dice": 0.5}}]
    out, comparison = write(curves={"MT": [run], "ST(Seg)": []}, meta={"who": "me"})
    assert {path.name for path in out.iterdir()} == WRITTEN
    drawn = {"dice-by-class", "differences", "ranks-dsc-lesion", "learning-curves"}
    assert {path.stem for path in (out / "figures").iterdir()} == drawn
    for path in (out / "figures").iterdir():
        assert ET.parse(path).getroot().tag.endswith("svg")
    assert json.loads((out / "comparisons.json").read_text()) == comparison
    with (out / "comparisons.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(comparison["comparisons"])
    for row, entry in zip(rows, comparison["comparisons"], strict=True):
        assert float(row["difference"]) == entry["difference"]
        assert float(row["p_holm"]) == entry["p_holm"]
        assert [float(row["ci_low"]), float(row["ci_high"])] == entry["ci95"]
        assert float(row["exploratory_corrected_t_p"]) == entry["exploratory"]["corrected_t"]["p"]


def test_the_page_is_whole_escaped_and_needs_nothing_from_outside(write):
    out, comparison = write(title="A & <b>", warnings=["Mind the <gap>."], not_run=["later"], meta={"k": "v"})
    source = (out / "report.html").read_text()
    assert "<title>A &amp; &lt;b&gt;" in source
    assert "Mind the &lt;gap&gt;." in source
    assert "MT&lt;+&gt;DO" in source
    assert "MT<+>DO" not in source
    links = re.findall(r'(?:src|href)="([^"]*)"', source)
    assert all(link.startswith(("#", "data:")) for link in links)
    identifiers = re.findall(r'\sid="([^"]+)"', source)
    assert len(identifiers) == len(set(identifiers))
    assert {link[1:] for link in links if link.startswith("#")} <= set(identifiers)
    for entry in comparison["comparisons"]:
        assert signed(entry["difference"]) in source
    assert source.count("not run</td>") >= 9
    for sentence in comparison["conventions"].values():
        assert sentence.split("`")[0].split("'")[0].split("<")[0].split("|")[0][:40] in source


def test_one_arm_alone_has_a_table_and_no_comparison(write, arms):
    out, comparison = write(arms[1:2])
    assert comparison["comparisons"] == []
    source = (out / "report.html").read_text()
    assert 'id="differences"' not in source
    assert "the paper" in source
    assert {path.stem for path in (out / "figures").iterdir()} == {"dice-by-class"}


def test_classes_alone_have_no_dice(write, make_arm):
    out, _ = write([make_arm(name, masks=False) for name in "AB"])
    assert 'id="dice"' not in (out / "report.html").read_text()


def test_another_grid_is_told_at_the_head(write, arms):
    wide = {seed: tuple(replace(row, width=99) for row in rows) for seed, rows in arms[1].rows.items()}
    out, comparison = write([arms[0], Arm("MT", wide)])
    assert "scored on another grid" in comparison["warnings"][0]
    assert "scored on another grid" in (out / "report.html").read_text()


def test_arms_that_do_not_pair_leave_nothing(tmp_path, make_arm):
    with pytest.raises(PairingError, match="B: lacks seed 2"):
        write_comparison(tmp_path / "out", [make_arm("A", seeds=(1, 2)), make_arm("B")], ReportContext(sampling=QUICK))
    assert not (tmp_path / "out").exists()


def test_a_folder_knows_what_it_was_made_of(write, arms, tmp_path):
    out, _ = write()
    require_own(out, arms)
    require_own(tmp_path / "fresh", arms)
    other = [Arm(arms[0].name, {**arms[0].rows, 2: arms[0].rows[1]}), *arms[1:]]
    with pytest.raises(OutputError, match=r"out: holds the comparison of other results \(MT<\+>DO, MT, ST\(Seg\)\)"):
        require_own(out, other)
    (out / "comparisons.json").write_text("{}")
    with pytest.raises(OutputError, match=r"comparisons\.json: cannot be read"):
        require_own(out, arms)


@pytest.mark.parametrize("name", ["cases.csv", "metrics.json", "config.json", "report.html"])
def test_results_of_another_command_are_not_written_into(tmp_path, arms, name):
    (tmp_path / name).write_text("x")
    with pytest.raises(OutputError, match=f"holds {re.escape(name)} of another command"):
        require_own(tmp_path, arms)


def test_p_values_as_text():
    assert [p_text(p) for p in (None, 0.0001, 0.04999, 1.0)] == ["—", "< 0.001", "0.050", "1.000"]
    assert signed(None) == "—"
