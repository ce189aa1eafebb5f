from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from echoduet.cli.main import main
from echoduet.config.schema import SplitConfig
from echoduet.data.manifest import build_manifest, write_manifest
from echoduet.splits.folds import make_splits
from echoduet.splits.table import read_splits


@pytest.fixture
def manifest(miniature_busi: Path, tmp_path: Path) -> Path:
    write_manifest(build_manifest(miniature_busi), tmp_path / "manifest.csv")
    return tmp_path / "manifest.csv"


@pytest.mark.parametrize("protocol", ["paper", "clean"])
def test_split_writes_the_folds_of_the_protocol(manifest: Path, tmp_path: Path, protocol: str, run_cli) -> None:
    done = run_cli("split", manifest, "--protocol", protocol, "--out", tmp_path / "splits.csv", "--folds", 3)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "splits.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert list(table[0]) == ["case_id", "fold", "part"]
    assert {row["part"] for row in table} == {"train", "val", "test"}
    assert len(table) == 3 * 14
    expected = make_splits(
        build_manifest(tmp_path / "Dataset_BUSI_with_GT").cases, SplitConfig(protocol=protocol, folds=3)
    )
    assert read_splits(tmp_path / "splits.csv") == expected


def test_seed_share_and_json(manifest: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "deep" / "splits.csv"
    options = ["--protocol", "clean", "--folds", "2", "--seed", "5", "--train-share", "0.5", "--json"]
    assert main(["split", str(manifest), "--out", str(out), *options]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["splits"] == str(out)
    assert result["leaks"] == 0
    assert [sum(fold.values()) for fold in result["folds"]] == [14, 14]
    cases = build_manifest(tmp_path / "Dataset_BUSI_with_GT").cases
    assert read_splits(out) == make_splits(cases, SplitConfig(protocol="clean", folds=2, seed=5, train_share=0.5))


def test_leaks_of_the_papers_folds_are_told(manifest: Path, tmp_path: Path, capsys) -> None:
    manifest.write_text(manifest.read_text().replace(",benign,,,busi", ",benign,P1,,busi"))
    assert main(["split", str(manifest), "--protocol", "paper", "--folds", "3", "--out", str(tmp_path / "s.csv")]) == 0
    told = capsys.readouterr().err
    assert "share patient P1" in told
    assert "--protocol clean" in told


def test_a_class_too_small_for_the_folds_is_one_sentence(manifest: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "splits.csv"
    assert main(["split", str(manifest), "--protocol", "paper", "--folds", "10", "--out", str(out)]) == 2
    assert 'Class "benign" has 5 images, too few for 10 folds.' in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--protocol", "best"], "--protocol"), ([], "--protocol"), (["--protocol", "clean", "--folds", "1"], "--folds")],
)
def test_wrong_options_are_one_sentence(manifest: Path, capsys, options: list[str], words: str) -> None:
    assert main(["split", str(manifest), *options]) == 2
    assert words in capsys.readouterr().err


def test_further_cases_are_trained_on_where_no_relative_is_scored(manifest: Path, tmp_path: Path, capsys) -> None:
    larger, text = tmp_path / "larger.csv", manifest.read_text()
    copied = next(line for line in text.splitlines() if line.startswith("benign (1),")).split(",")
    # The same file under another name: equal bytes tie it to the original.
    larger.write_text(text + ",".join(["benign (99)", *copied[1:]]) + "\n")
    out = tmp_path / "splits.csv"
    options = ["--protocol", "clean", "--folds", "3", "--also-train", str(larger), "--out", str(out), "--json"]
    assert main(["split", str(manifest), *options]) == 0
    told, table = json.loads(capsys.readouterr().out), read_splits(out)
    assert told["leaks"] == 0
    for fold in table.folds:
        original, copy = (table.parts(fold)[name].value for name in ("benign (1)", "benign (99)"))
        assert copy == ("train" if original == "train" else "unused")
    assert sum(fold.get("unused", 0) for fold in told["folds"]) >= 1
