"""The command: what it writes, prints and refuses."""

from __future__ import annotations

import json

import pytest

from echoduet.cli import console
from echoduet.cli.main import main
from echoduet.cli.phantom import DEFAULT_COUNT, _numbers
from echoduet.errors import ConfigError


@pytest.fixture(autouse=True)
def fresh_mode():
    """Leave the console as it was."""
    yield
    console.mode.quiet = console.mode.json = False


def test_a_data_set_appears_and_is_summed_up(tmp_path, capsys):
    out = tmp_path / "set"
    assert main(["phantom", str(out), "--benign", "2", "--malignant", "1", "--normal", "1", "--size", "48"]) == 0
    assert "4 phantoms (2 benign, 1 malignant, 1 normal)" in capsys.readouterr().out
    assert (out / "benign" / "benign (2)_mask.png").is_file()
    assert not (out / "duplicates.csv").exists()


def test_json_is_one_object_with_copies_and_conflicts(tmp_path, capsys):
    words = ["--benign", "2", "--normal", "1", "--size", "48", "--duplicates", "3", "--conflicts", "1", "--overlays"]
    assert main(["phantom", str(tmp_path / "set"), *words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["cases"] == sum(result["classes"].values()) == 6
    assert (result["duplicates"], result["conflicts"]) == (3, 1)
    assert (tmp_path / "set" / "duplicates.csv").read_text().count("\n") == 4


def test_count_follows_busi_and_the_seed_decides(tmp_path):
    files = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        assert main(["phantom", str(tmp_path / name), "--count", "3", "--size", "32", "--seed", str(seed), "-q"]) == 0
        files.append((tmp_path / name / "benign" / "benign (1).png").read_bytes())
    assert files[0] == files[1] != files[2]


def test_numbers_default_to_a_handful_in_proportion():
    assert sum(_numbers(None, None, None, None)) == DEFAULT_COUNT
    assert _numbers(100, None, None, None) == (56, 27, 17)
    assert _numbers(None, None, 3, None) == (0, 3, 0)


def test_a_total_and_a_class_contradict_each_other():
    with pytest.raises(ConfigError, match="--count"):
        _numbers(5, 1, None, None)
    with pytest.raises(ConfigError, match="all are 0"):
        _numbers(None, 0, None, 0)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--normal", "2", "--duplicates", "1", "--conflicts", "1"], "conflicts: only a lesion's label"),
        (["--count", "4", "--conflicts", "1"], "conflicts: 1 of 0"),
        (["--count", "4", "--size", "8"], "--size"),
    ],
)
def test_what_cannot_be_made_is_one_sentence_and_code_2(tmp_path, capsys, words, sentence):
    assert main(["phantom", str(tmp_path / "set"), *words]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1
    assert not (tmp_path / "set").exists()


def test_the_real_command_refuses_a_folder_in_use(tmp_path, run_cli):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "note.txt").write_text("mine")
    done = run_cli("phantom", tmp_path / "set", "--count", "1", "--size", "32")
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert "Traceback" not in done.stderr
