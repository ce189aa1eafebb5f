"""The paper's commands become ours, with the paper's places as defaults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.cli import paper
from echoduet.config.load import load_config
from echoduet.models.bundle import load_bundle, save_bundle
from echoduet.models.info import BundleInfo
from echoduet.models.registry import build_network

ROOT = Path(__file__).resolve().parents[2]
WORD = st.text("abc-", min_size=1, max_size=5)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """Stand in for the command line in an empty folder; return the list of what it was asked."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ECHODUET_DEBUG", raising=False)
    calls = []
    monkeypatch.setattr(paper, "main", lambda words: calls.append(words) or 0)
    return calls


def small_model(path, **provenance):
    """Write a small bundle to `path`."""
    config = load_config(None, ["model.architecture=efficientnet_lite0", "model.tasks=classification"])
    save_bundle(path, build_network(config.model, pretrained=False), BundleInfo(config, provenance=provenance))


def curated():
    """Pretend that curation was done."""
    Path("curated").mkdir()
    Path("curated/manifest.csv").touch()


def test_curate_without_the_data_says_where_it_belongs(asked, capsys):
    assert paper.curate([]) == 2
    assert capsys.readouterr().err.startswith("error: data/Dataset_BUSI_with_GT: no such folder. Unpack BUSI there")
    assert asked == []


def test_curate_follows_the_published_list_when_it_is_there(asked):
    Path("data/Dataset_BUSI_with_GT").mkdir(parents=True)
    assert paper.curate([]) == 0
    Path("data/mapping_curated_BUSI.csv").touch()
    assert paper.curate(["--quiet"]) == 0
    assert paper.curate(["--policy", "audit"]) == 0
    data = ["curate", "data/Dataset_BUSI_with_GT"]
    assert asked == [
        [*data, "--out", "curated", "--policy", "drop-all"],
        [*data, "--quiet", "--out", "curated", "--published-list", "data/mapping_curated_BUSI.csv"],
        [*data, "--policy", "audit", "--out", "curated"],
    ]


def test_curate_takes_another_folder(asked):
    Path("busi").mkdir()
    assert paper.curate(["busi", "--out=there"]) == 0
    assert asked == [["curate", "busi", "--out=there", "--policy", "drop-all"]]


@pytest.mark.parametrize("command", [paper.train, paper.evaluate])
def test_without_curation_it_is_asked_for(asked, capsys, command):
    small_model(Path("models/multi_task_model.pth"))
    assert command([]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: curated/manifest.csv: no such file. Make it with python src/curate.py")
    assert asked == []


def test_train_leaves_the_papers_model(asked):
    curated()
    small_model(Path("models/multi_task_run/model.safetensors"), fold=0)
    assert paper.train(["--config", "configs/multi_task_config.json", "--set", "optim.epochs=1"]) == 0
    given_words = "--config configs/multi_task_config.json --set optim.epochs=1"
    defaults = "--data curated/manifest.csv --out models/multi_task_run --fold 0"
    assert asked == [f"train {given_words} {defaults}".split()]
    assert load_bundle(Path("models/multi_task_model.pth"))[1].provenance == {"fold": 0}


def test_train_names_the_model_after_the_configuration(asked):
    curated()
    small_model(Path("there/model.safetensors"), fold=3)
    assert paper.train(["--config=fast", "--out", "there", "--fold", "3"]) == 0
    assert asked == [["train", "--config=fast", "--out", "there", "--fold", "3", "--data", "curated/manifest.csv"]]
    assert Path("models/fast_model.pth").is_file()


def test_a_training_that_fails_leaves_no_model(asked, monkeypatch):
    curated()
    monkeypatch.setattr(paper, "main", lambda words: 2)
    assert paper.train([]) == 2
    assert not Path("models").exists()


@pytest.mark.parametrize(("provenance", "words"), [({"fold": 2}, ["--fold", "2"]), ({"fold": None}, []), ({}, [])])
def test_evaluate_scores_the_part_the_model_never_saw(asked, provenance, words):
    curated()
    small_model(Path("models/multi_task_model.pth"), **provenance)
    assert paper.evaluate(["--model", "models/multi_task_model.pth"]) == 0
    defaults = "--data curated/manifest.csv --out models/multi_task_evaluation --at-size 128"
    assert asked == [["evaluate", "--model", "models/multi_task_model.pth", *defaults.split(), *words]]


def test_evaluate_without_a_model_names_it(asked, capsys):
    curated()
    assert paper.evaluate([]) == 2
    assert "models/multi_task_model.pth" in capsys.readouterr().err


@pytest.mark.parametrize("command", [paper.curate, paper.train, paper.evaluate])
def test_help_needs_nothing(asked, command):
    assert command(["--help"]) == 0
    assert "--help" in asked[0]


@given(given_words=st.lists(WORD, max_size=4), defaults=st.dictionaries(WORD, WORD, max_size=3))
def test_defaults_never_replace_what_is_given(given_words, defaults):
    words = paper.with_defaults(given_words, defaults)
    assert words[: len(given_words)] == given_words
    added = dict(zip(words[len(given_words) :: 2], words[len(given_words) + 1 :: 2], strict=True))
    assert added == {key: value for key, value in defaults.items() if key not in paper.spelled(given_words)}


@pytest.mark.parametrize(
    ("words", "value"),
    [(["--out", "a"], "a"), (["--out=b"], "b"), (["--out"], None), (["--other", "c"], None), ([], None)],
)
def test_value_of_an_option(words, value):
    assert paper.value_of(words, "--out") == value


@pytest.mark.parametrize("script", ["curate", "train", "evaluate"])
def test_the_scripts_run_from_a_checkout(tmp_path, script):
    done = subprocess.run(
        [sys.executable, str(ROOT / "src" / f"{script}.py")], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
