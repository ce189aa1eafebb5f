"""`echoduet manifest` from the outside."""

from __future__ import annotations

import json

import pytest

from echoduet.cli.main import main
from echoduet.data.formats import SOURCES
from echoduet.data.manifest import read_manifest


@pytest.fixture
def damaged(miniature_busi):
    (miniature_busi / "benign" / "benign (1).png").unlink()
    (miniature_busi / "normal" / "normal (1).png").write_bytes(b"")
    return miniature_busi


def test_a_manifest_is_written_and_counted(run_cli, miniature_busi, tmp_path):
    done = run_cli("manifest", miniature_busi, "--out", "m.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "14 cases (5 benign, 5 malignant, 4 normal), busi" in done.stdout
    assert "14 of 780 published images" in done.stderr
    assert len(read_manifest(tmp_path / "m.csv")) == 14


def test_problems_are_listed_and_the_rest_is_written(run_cli, damaged, tmp_path):
    done = run_cli("manifest", damaged, "--out", "m.csv", cwd=tmp_path)
    assert done.returncode == 1
    assert "benign (1).png: is missing" in done.stderr
    assert "normal (1).png: is empty" in done.stderr
    assert "Traceback" not in done.stderr
    assert "2 problems" in done.stdout
    assert len(read_manifest(tmp_path / "m.csv")) == 12


def test_json_tells_the_same(damaged, tmp_path, capsys):
    assert main(["manifest", str(damaged), "--out", str(tmp_path / "m.csv"), "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert result["cases"] == 12
    assert result["classes"] == {"benign": 4, "malignant": 5, "normal": 3}
    assert [(p["kind"], p["file"].rpartition("/")[2]) for p in result["problems"]] == [
        ("missing", "benign (1).png"),
        ("unreadable", "normal (1).png"),
    ]
    assert result["format"] == "busi"


def test_without_verification_the_first_fault_stops_it(damaged, tmp_path, capsys):
    assert main(["manifest", str(damaged), "--out", str(tmp_path / "m.csv"), "--no-verify"]) == 2
    assert "benign (1).png: is missing" in capsys.readouterr().err
    assert not (tmp_path / "m.csv").exists()


def test_without_verification_sound_data_are_written(miniature_busi, tmp_path, capsys):
    assert main(["manifest", str(miniature_busi), "--out", str(tmp_path / "m.csv"), "--no-verify", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert len(read_manifest(tmp_path / "m.csv")) == 14


def test_a_manifest_is_verified_too(miniature_busi, tmp_path, capsys):
    assert main(["manifest", str(miniature_busi), "--out", str(tmp_path / "m.csv")]) == 0
    (miniature_busi / "normal" / "normal (2).png").unlink()
    assert main(["manifest", str(tmp_path / "m.csv"), "--out", str(tmp_path / "n.csv")]) == 1
    assert "normal (2).png: is missing" in capsys.readouterr().err
    assert len(read_manifest(tmp_path / "n.csv")) == 13


@pytest.mark.parametrize("name", SOURCES)
def test_every_layout_can_be_named(tmp_path, name, capsys):
    SOURCES[name].write_miniature(tmp_path / "set", 1)
    code = main(["manifest", str(tmp_path / "set"), "--format", name, "--out", str(tmp_path / "m.csv"), "--quiet"])
    assert code == (1 if name == "bus_uclm" else 0)
    assert len(read_manifest(tmp_path / "m.csv")) >= 12


def test_nothing_usable_is_an_error(tmp_path, capsys):
    (tmp_path / "set" / "normal").mkdir(parents=True)
    for n in (1, 2):
        (tmp_path / "set" / "normal" / f"normal ({n}).png").touch()
    assert main(["manifest", str(tmp_path / "set"), "--out", str(tmp_path / "m.csv")]) == 2
    assert "holds no usable case" in capsys.readouterr().err
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone"], "gone: no such file or folder"),
        (["empty"], "empty: the layout is not recognised"),
        (["set", "--format", "busy"], "no such layout, the nearest is busi"),
        (["set", "--out", "file/m.csv"], "m.csv: cannot be written"),
    ],
)
def test_errors_are_one_sentence(tmp_path, monkeypatch, capsys, words, said):
    monkeypatch.chdir(tmp_path)
    SOURCES["busi"].write_miniature(tmp_path / "set", 1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    assert main(["manifest", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert "Traceback" not in captured.err
