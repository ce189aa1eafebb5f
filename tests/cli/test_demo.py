"""`echoduet demo`: its steps, and the folder it may use. That it runs is tested end to end."""

from __future__ import annotations

import json

import pytest

from echoduet.cli import demo
from echoduet.cli.demo import claim, steps
from echoduet.config.load import load_config
from echoduet.data.phantom_plan import PhantomSpec
from echoduet.errors import OutputError


@pytest.fixture
def told(monkeypatch, tmp_path):
    """Let no step run; leave what the last of them would, and record the words."""
    words = []

    def run(context, step):
        words.append(step)
        if step[0] == "evaluate":
            folder = tmp_path / "demo" / "evaluation"
            folder.mkdir(parents=True)
            values = {"segmentation": {"dsc_lesion": {"mean": 0.81}}, "classification": {"accuracy": {"mean": 0.9}}}
            (folder / "metrics.json").write_text(json.dumps({"n": 59, "refined": values}))

    monkeypatch.setattr(demo, "_run", run)
    return words


def test_it_goes_the_whole_way_and_ends_with_the_report(call, told, tmp_path):
    done = call("demo", "--out", tmp_path / "demo")
    assert done.code == 0, done.err
    assert [step[0] for step in told] == ["phantom", "curate", "split", "train", "evaluate", "phantom", "predict"]
    assert all(f"$ echoduet {step[0]} " in done.err for step in told)
    assert "59 phantoms that the model never saw: lesion Dice 0.81, accuracy 0.90" in done.out
    assert done.out.splitlines()[-1] == f"Report: {(tmp_path / 'demo' / 'evaluation' / 'report.html').resolve()}"


def test_with_json_there_is_one_object(call, told, tmp_path):
    done = call("demo", "--out", tmp_path / "demo", "--json")
    assert done.json["lesion_dice"] == 0.81
    assert done.json["report"].endswith("report.html")
    assert done.err == ""


@pytest.mark.parametrize("quick", [True, False])
def test_training_never_sees_the_test_part_and_the_quick_way_is_shorter(tmp_path, quick):
    by_name = {words[0]: words for words in reversed(steps(tmp_path, quick))}
    for name in ("train", "evaluate"):
        place = by_name[name].index("--fold")
        assert by_name[name][place : place + 2] == ("--fold", "0")
        assert str(tmp_path / "splits.csv") in by_name[name]
    assert ("optim.epochs=2" in by_name["train"]) == quick


def test_its_configuration_ships():
    config = load_config("demo")
    assert config.model.pretrained
    assert config.split.protocol == "clean"


def test_the_new_phantoms_are_not_those_it_learnt_from(tmp_path):
    first, new = (words for words in steps(tmp_path, False) if words[0] == "phantom")
    assert "--seed" not in first
    assert PhantomSpec().seed != int(new[new.index("--seed") + 1])


def test_an_earlier_demo_is_replaced(tmp_path):
    claim(tmp_path / "demo")
    (tmp_path / "demo" / "run").mkdir()
    (tmp_path / "demo" / "run" / "model.safetensors").touch()
    claim(tmp_path / "demo")
    assert [path.name for path in (tmp_path / "demo").iterdir()] == ["demo.json"]


def test_nobody_elses_folder_is_touched(call, told, tmp_path):
    (tmp_path / "demo" / "run").mkdir(parents=True)
    (tmp_path / "demo" / "run" / "thesis.txt").touch()
    with pytest.raises(OutputError, match="not a demo's"):
        claim(tmp_path / "demo")
    done = call("demo", "--out", tmp_path / "demo")
    assert done.code == 2
    assert told == []
    assert (tmp_path / "demo" / "run" / "thesis.txt").exists()


def test_a_step_that_fails_stops_it_with_its_own_sentence(call, monkeypatch, tmp_path):
    monkeypatch.setattr(
        demo, "steps", lambda out, quick: (("phantom", str(out / "p"), "--count", "2", "--benign", "1"),)
    )
    done = call("demo", "--out", tmp_path / "demo")
    assert done.code == 2
    assert "--count" in done.err
    assert "Traceback" not in done.err
