from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from echoduet.cli.main import main
from echoduet.data.images import read_gray, write_png
from echoduet.data.manifest import read_manifest

OUTPUTS = {
    "pairs.csv",
    "groups.csv",
    "findings.csv",
    "decisions.csv",
    "cases.csv",
    "issues.csv",
    "manifest.csv",
    "report.html",
    "summary.json",
}


@pytest.fixture
def copies(miniature_busi: Path) -> Path:
    """The miniature with benign (1) once more, a little brighter, and to the pixel among the malignant."""
    image, mask = (read_gray(miniature_busi / "benign" / f"benign (1){end}.png") for end in ("", "_mask"))
    for name, picture in (("benign/benign (6)", np.clip(image * 1.1, 0, 255)), ("malignant/malignant (6)", image)):
        write_png(miniature_busi / f"{name}.png", picture.astype(np.uint8))
        write_png(miniature_busi / f"{name}_mask.png", mask)
    return miniature_busi


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_curate_leaves_every_output_and_tells_what_it_found(copies: Path, tmp_path: Path, run_cli) -> None:
    done = run_cli("curate", copies, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == OUTPUTS
    assert "16 images, 3 of them with copies; groups of copies: 1 (pairs: 1 copy, 2 same-scan, 0 same-scene)" in done.stdout
    assert "drop-all keeps 13 (4 benign, 5 malignant, 4 normal)" in done.stdout
    assert done.stdout.splitlines()[-1] == f"report: {tmp_path / 'out' / 'report.html'}"
    assert len(read_manifest(tmp_path / "out" / "manifest.csv")) == 13


@pytest.mark.parametrize(("policy", "expected"), [("keep-one", 13), ("audit", 16)])
def test_policies(copies: Path, tmp_path: Path, policy: str, expected: int) -> None:
    assert main(["curate", str(copies), "--out", str(tmp_path / "out"), "--policy", policy, "-q"]) == 0
    assert len(read_manifest(tmp_path / "out" / "manifest.csv")) == expected


def test_a_published_list_is_followed_and_scored_against(copies: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "list.csv").write_text("class;id\nbenign;2\nbenign;3\nnormal;1\n")
    listed = str(tmp_path / "list.csv")
    code = main(
        ["curate", str(copies), "--out", str(tmp_path / "out"), "--published-list", listed, "--score-against", listed,
         "--json"]
    )  # fmt: skip
    result = json.loads(capsys.readouterr().out)
    assert code == 0
    assert result["policy"] == "published"
    assert result["kept"]["all"] == 3
    assert result["score"]["precision"] == 1.0
    assert result["score"]["recall"] == pytest.approx(3 / 13, abs=1e-4)
    kept = [case.case_id for case in read_manifest(tmp_path / "out" / "manifest.csv")]
    assert kept == ["benign (2)", "benign (3)", "normal (1)"]


def test_options_reach_the_settings(copies: Path, tmp_path: Path, capsys) -> None:
    options = ["--threshold", "0.99", "--candidate-threshold", "0.5", "--mask-threshold", "0.2", "--side", "32"]
    assert main(["curate", str(copies), "--out", str(tmp_path), *options, "--no-mirrored", "--json"]) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert settings == {"side": 32, "candidate": 0.5, "near": 0.99, "mask_agreement": 0.2, "mirrored": False}


def test_damaged_files_are_listed_and_the_rest_is_done(copies: Path, tmp_path: Path, capsys) -> None:
    broken = copies / "normal" / "normal (2).png"
    broken.write_bytes(broken.read_bytes()[:100])
    assert main(["curate", str(copies), "--out", str(tmp_path / "out")]) == 1
    assert "normal (2).png" in capsys.readouterr().err
    assert rows(tmp_path / "out" / "decisions.csv")[-1]["case_id"] == "normal (2)"
    assert rows(tmp_path / "out" / "findings.csv")[0]["kind"] == "unusable"


def test_the_curated_manifest_is_curated_again(copies: Path, tmp_path: Path) -> None:
    assert main(["curate", str(copies), "--out", str(tmp_path / "a"), "--policy", "audit", "-q"]) == 0
    assert main(["curate", str(tmp_path / "a" / "manifest.csv"), "--out", str(tmp_path / "b"), "-q"]) == 0
    assert len(read_manifest(tmp_path / "b" / "manifest.csv")) == 13


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policy", "published"], "go together"),
        (["--policy", "audit", "--published-list", "LIST"], "go together"),
        (["--published-list", "nowhere.csv"], "nowhere.csv"),
        (["--published-list", "WRONG"], "names none of the 16 cases"),
        (["--policy", "keep"], "--policy"),
        (["--threshold", "2"], "--threshold"),
    ],
)
def test_wrong_input_is_one_sentence(copies: Path, tmp_path: Path, capsys, options: list[str], words: str) -> None:
    (tmp_path / "list.csv").write_text("class;id\nbenign;1\n")
    (tmp_path / "wrong.csv").write_text("class;id\nbenign;1000\n")
    files = {"LIST": str(tmp_path / "list.csv"), "WRONG": str(tmp_path / "wrong.csv")}
    given = [files.get(option, option) for option in options]
    assert main(["curate", str(copies), "--out", str(tmp_path / "out"), *given]) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert not (tmp_path / "out").exists()


def test_an_unwritable_place_is_named(copies: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "file").write_text("")
    assert main(["curate", str(copies), "--out", str(tmp_path / "file")]) == 2
    assert "cannot be written" in capsys.readouterr().err
