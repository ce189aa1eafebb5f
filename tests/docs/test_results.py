"""Every published number recomputes from the per-case rows that are published with it."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import fmean

import pytest

from echoduet.evaluation.cases import read_cases
from echoduet.experiments.collect import metrics_json

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "results").glob("*/cases.csv"))
OUT_OF_FOLD = sorted((ROOT / "results").glob("*/oof.csv"))
HEADLINES = (
    "dsc_lesion",
    "normal_empty_share",
    "dsc_all",
    "accuracy",
    "f1_weighted",
    "auc_macro",
    "auroc_malignant",
    "ece",
)


def test_there_are_results():
    assert {path.parent.name for path in RESULTS} >= {"fast-paper-128", "fast-paper-native"}


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_the_totals_recompute_from_the_rows(path):
    stored = json.loads((path.parent / "metrics.json").read_text())
    recomputed = metrics_json(*read_cases(path), {})
    for variant in ("raw", "refined"):
        for block, metrics in stored[variant].items():
            for name, value in metrics.items():
                assert recomputed[variant][block][name]["mean"] == pytest.approx(value["mean"], abs=1e-6), name


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.parent.name)
def test_every_row_of_the_table_stands_in_the_docs(path):
    page = (ROOT / "docs" / "results.md").read_text().splitlines()
    assert [line for line in table_of(path) if line not in page] == []


@pytest.mark.parametrize("path", OUT_OF_FOLD, ids=lambda path: path.parent.name)
def test_the_headlines_of_what_ships_stand_in_the_docs(path):
    page = (ROOT / "docs" / "results.md").read_text().splitlines()
    headlines = [line for line in table_of(path) if line.split("`")[1:2] and line.split("`")[1] in HEADLINES]
    assert len(headlines) == len(HEADLINES)
    assert [line for line in headlines if line not in page] == []


def table_of(path):
    """Return the lines that the program prints for one file of rows."""
    program = ROOT / "benchmarks" / "results_table.py"
    return subprocess.run(
        [sys.executable, program, path], capture_output=True, text=True, check=True
    ).stdout.splitlines()


GRIDS = {
    "duet": ["duet"],
    "duet clean": ["duet-clean"],
    "where": ["where"],
    "where clean": ["where-clean"],
    "long": ["long"],
    "untrained": ["untrained"],
    "ours": ["ours"],
    "short": ["ablation-short"],
    "nnunet": ["ablation-nnunet-short"],
    "nnunet folds": ["ablation-nnunet-folds"],
    "clock": ["ablation-clock"],
    "baselines": ["baselines"],
    "baselines clean": ["baselines-clean", "native"],
}


@pytest.mark.parametrize("block", GRIDS)
def test_the_table_of_a_grid_is_that_of_its_rows(block):
    folder, *size = GRIDS[block]
    words = [sys.executable, ROOT / "benchmarks" / "grid_table.py", ROOT / "results" / folder, *size]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    page = (ROOT / "docs" / "results.md").read_text()
    assert page.split(f"<!-- {block}: begin -->")[1].split(f"<!-- {block}: end -->")[0].strip() == told


def test_what_was_reached_is_that_of_the_rows():
    program = [sys.executable, ROOT / "benchmarks" / "scoreboard.py"]
    told = subprocess.run(program, capture_output=True, text=True, check=True).stdout.strip()
    page = (ROOT / "docs" / "results.md").read_text()
    assert page.split("<!-- scoreboard: begin -->")[1].split("<!-- scoreboard: end -->")[0].strip() == told


def test_the_rows_and_differences_of_the_longer_training_are_those_of_its_rows(tmp_path):
    for folder in ("duet", "duet-longer"):
        lines = (ROOT / "results" / folder / "rows.csv").read_text().splitlines()
        ours = [line for line in lines if line.startswith(("setting,", "MT,0,"))]
        (tmp_path / f"{folder}.csv").write_text("\n".join(line.split(",", 3)[3] for line in ours) + "\n")
    names = ["--names", "MT+PR of duet,MT+PR for longer"]
    differences = compared([tmp_path / "duet.csv", tmp_path / "duet-longer.csv", *names], tmp_path / "out")
    page = (ROOT / "docs" / "results.md").read_text()
    block = page.split("<!-- longer: begin -->")[1].split("<!-- longer: end -->")[0].strip()
    table, _, told = block.partition("\n\n")
    assert told == f"```\n{differences}\n```"
    program = [sys.executable, ROOT / "benchmarks" / "grid_table.py", ROOT / "results" / "duet-longer"]
    whole = subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(table.splitlines()) == 4
    assert [line for line in table.splitlines() if line not in whole] == []


@pytest.mark.parametrize("grid", ["where", "where-clean"])
def test_what_lesion_images_alone_bring_is_that_of_the_rows(grid, tmp_path):
    with (ROOT / "results" / grid / "rows.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    for name, setting in (("all", "MT, all images"), ("lesions", "MT")):
        ours = [dict(list(row.items())[3:]) for row in rows if row["setting"] == setting]
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, list(ours[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(ours)
    names = ["--names", "all images,lesions only"]
    told = compared([tmp_path / "all.csv", tmp_path / "lesions.csv", *names], tmp_path / "out")
    page = (ROOT / "docs" / "results.md").read_text()
    assert f"```\n{told}\n```" in page.split("<!-- where pairs: begin -->")[1].split("<!-- where pairs: end -->")[0]


def test_the_lesions_that_none_outlines_are_those_of_the_rows():
    words = [sys.executable, ROOT / "benchmarks" / "misses.py", "results/duet", "MT", "ST(Seg)"]
    program = [*words, "--others", "results/baselines"]
    told = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    page = (ROOT / "docs" / "results.md").read_text()
    assert page.split("<!-- misses: begin -->")[1].split("<!-- misses: end -->")[0].strip() == told


def test_networks_taught_on_lesion_images_alone_outline_some_of_them():
    words = [sys.executable, ROOT / "benchmarks" / "misses.py", "results/duet", "MT", "ST(Seg)"]
    told = subprocess.run([*words, "--others", "results/where"], capture_output=True, text=True, check=True, cwd=ROOT)
    expected = {"| ST(Seg) | 39 | 4 |", "| MT | 39 | 2 |", "| ST(Seg), all images | 39 | 0 |"}
    assert expected <= {*told.stdout.splitlines()}


def test_longer_training_outlines_as_many_of_these_as_the_page_says():
    page = (ROOT / "docs" / "results.md").read_text()
    never = page.split("Outlined by none: ")[1].split(".\n")[0].split(", ")
    with (ROOT / "results" / "echoduet-base" / "oof.csv").open(newline="", encoding="utf-8") as stream:
        dice = {row["case_id"]: row["raw_dice"] for row in csv.DictReader(stream)}
    missed = [name for name in never if float(dice[name]) < 0.5]
    assert f"{len(missed)} of the {len(never)} stay below .5" in page


def test_what_dynunet_gains_on_clean_busi_is_what_the_page_says():
    dice = {"fast": {}, "DynUNet": {}}
    with (ROOT / "results" / "baselines-clean" / "rows_native.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["setting"] in dice and row["label"] != "normal":
                dice[row["setting"]][row["case_id"]] = float(row["raw_dice"])
    ours, theirs = dice.values()
    missed = [{name for name, value in held.items() if value < 0.5} for held in (ours, theirs)]
    both = ours.keys() - missed[0] - missed[1]
    assert [len(ours), *map(len, missed), len(missed[0] - missed[1]), len(missed[1] - missed[0])] == [122, 17, 11, 7, 1]
    page = (ROOT / "docs" / "results.md").read_text()
    means = [f"{fmean(held[name] for name in both):.3f}".lstrip("0") for held in (theirs, ours)]
    assert f"on the {len(both)} that both outline\n  the Dice is {means[0]} against {means[1]}" in page
    gains = {name: theirs[name] - ours[name] for name in ours}
    assert sum(gains[name] for name in gains.keys() - both) / sum(gains.values()) == pytest.approx(3 / 5, abs=0.05)


BY_COPIES = ["results/extras/without_copies.csv", "results/extras/with_copies.csv", "--names", "without,with copies"]
BY_SHARES = [f"results/fold-ensemble/{kind}.csv" for kind in ("seeds", "shares")] + ["--names", "seeds,shares"]
BY_LENGTH = ["results/extras/base_30_epochs.csv", "results/echoduet-base/oof.csv", "--names", "30 epochs,60 epochs"]
BY_MEMBERS = [f"results/echoduet-{name}/oof.csv" for name in ("small", "base")] + ["--names", "one network,three"]
BY_ENCODER = ["results/extras/small_shallow.csv", "results/echoduet-small/oof.csv", "--names", "shallow,whole"]
PAIRED = {"length": BY_LENGTH, "members": BY_MEMBERS, "shallow": BY_ENCODER}
"""Blocks that show the refined and the raw difference."""


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ("copies", BY_COPIES),
        ("shares", BY_SHARES),
        *((block, [*words, *raw]) for block, words in PAIRED.items() for raw in ([], ["--raw"])),
    ],
)
def test_the_differences_of_two_files_are_those_of_their_rows(block, words, tmp_path):
    told = compared(words, tmp_path)
    page = (ROOT / "docs" / "results.md").read_text()
    assert f"```\n{told}\n```" in page.split(f"<!-- {block}: begin -->")[1].split(f"<!-- {block}: end -->")[0]


def compared(words, out):
    """Return the differences that `echoduet compare` prints."""
    program = [sys.executable, "-m", "echoduet.cli.main", "compare", *words, "--out", out]
    done = subprocess.run(program, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.split("report:")[0].strip()


def test_the_table_of_leaks_is_that_of_its_rows(tmp_path):
    for path in (ROOT / "results" / "leakage").glob("*.csv"):
        shutil.copy(path, tmp_path)
    words = [sys.executable, ROOT / "benchmarks" / "leakage.py", "--results", tmp_path]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    page = (ROOT / "docs" / "results.md").read_text()
    assert page.split("<!-- leakage: begin -->")[1].split("<!-- leakage: end -->")[0].strip() == told
    assert "<svg" in (tmp_path / "leakage.svg").read_text()
