from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from echoduet.cli.main import main
from echoduet.curation.answers import ItemKind, answer_now
from echoduet.curation.review import append
from echoduet.data.images import read_gray, write_png
from echoduet.data.manifest import read_manifest

OUTPUTS = {
    "index",
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
    assert done.stdout.splitlines()[0] == (
        "16 images; groups of one scan: 1 (3 images), of one scene: 1 (3 images); "
        "pairs: 1 copy, 1 same-scan, 0 same-scene"
    )
    assert "conflicts: 1 of classes in a group" in done.stdout
    assert "drop-all keeps 13 (4 benign, 5 malignant, 4 normal)" in done.stdout
    assert done.stdout.splitlines()[-1] == f"report: {tmp_path / 'out' / 'report.html'}"
    assert len(read_manifest(tmp_path / "out" / "manifest.csv")) == 13


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["keep-one"], 13),
        (["keep-one", "--conflicts", "keep"], 14),
        (["keep-all-grouped"], 13),
        (["keep-all-grouped", "--conflicts", "keep"], 16),
        (["audit"], 16),
    ],
)
def test_policies(copies: Path, tmp_path: Path, options: list[str], expected: int) -> None:
    assert main(["curate", str(copies), "--out", str(tmp_path / "out"), "--policy", *options, "-q"]) == 0
    assert len(read_manifest(tmp_path / "out" / "manifest.csv")) == expected


def test_what_waits_for_a_person_is_told_and_the_answer_obeyed(copies: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "out"
    words = ["curate", str(copies), "--out", str(out), "--policy", "keep-one"]
    assert main(words) == 0
    assert f"3 images wait for a person: echoduet review {out}" in capsys.readouterr().out
    conflict = rows(out / "findings.csv")[0]
    assert conflict["kind"] == "label-conflict"
    append(out / "review.csv", answer_now(ItemKind.CONFLICT, conflict["cases"].split(";"), "keep benign (1)", "Ada"))
    assert main(words) == 0
    assert "wait for a person" not in capsys.readouterr().out
    kept = {case.case_id for case in read_manifest(out / "manifest.csv")}
    assert "benign (1)" in kept
    assert not {"benign (6)", "malignant (6)"} & kept
    assert rows(out / "decisions.csv")[0]["reason"].startswith("decided by Ada on 20")


def test_answers_may_lie_elsewhere(copies: Path, tmp_path: Path, capsys) -> None:
    answers = tmp_path / "answers.csv"
    append(answers, answer_now(ItemKind.FINDING, ["normal (1)"], "drop", "Ada"))
    words = ["curate", str(copies), "--out", str(tmp_path / "out"), "-q", "--review"]
    assert main([*words, str(answers)]) == 0
    assert "normal (1)" not in {case.case_id for case in read_manifest(tmp_path / "out" / "manifest.csv")}
    answers.write_text("nonsense")
    before = (tmp_path / "out" / "manifest.csv").read_bytes()
    assert main([*words, str(answers)]) == 2
    assert "answers.csv, line 1" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "gone.csv")]) == 2
    assert (tmp_path / "out" / "manifest.csv").read_bytes() == before


def test_several_sets_at_once(copies: Path, tmp_path: Path, capsys) -> None:
    other = tmp_path / "external"
    shutil.copytree(copies, other)
    assert main(["curate", str(copies), str(other), "--out", str(tmp_path / "out"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["cases"]["all"] == 32
    assert result["findings"]["cross-set"] >= 16
    assert rows(tmp_path / "out" / "decisions.csv")[0]["case_id"] == f"{copies.name}/benign (1)"


def test_an_index_is_used_again_and_one_of_other_settings_refused(copies: Path, tmp_path: Path, capsys) -> None:
    words = ["curate", str(copies), "--index", str(tmp_path / "index"), "--out"]
    assert main([*words, str(tmp_path / "a"), "-q"]) == 0
    assert main([*words, str(tmp_path / "b"), "-q"]) == 0
    assert (tmp_path / "a" / "pairs.csv").read_bytes() == (tmp_path / "b" / "pairs.csv").read_bytes()
    assert not (tmp_path / "a" / "index").exists()
    assert main([*words, str(tmp_path / "c"), "--match", "side=128"]) == 2
    assert "side 192, not 128" in capsys.readouterr().err


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
    options = ["--threshold", "calipers=0.9", "--threshold", "text=0.8", "--match", "confidence=0.9"]
    assert main(["curate", str(copies), "--out", str(tmp_path), *options, "--mask-threshold", "0.2", "--json"]) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert (settings["thresholds"]["calipers"], settings["thresholds"]["text"]) == (0.9, 0.8)
    assert (settings["matching"]["confidence"], settings["mask_agreement"]) == (0.9, 0.2)


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
        (["--conflicts", "ignore"], "--conflicts"),
        (["--threshold", "2"], "'2': is not of the form name=number"),
        (["--threshold", "caliper=0.5"], "Did you mean calipers?"),
        (["--match", "sides=100"], "Did you mean side?"),
        (["--mask-threshold", "2"], "--mask-threshold"),
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
    assert "is a file, and a folder is needed there" in capsys.readouterr().err
