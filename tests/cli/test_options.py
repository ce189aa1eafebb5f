"""The shared options mean the same in every command."""

from __future__ import annotations

import json

import pytest
import typer

from echoduet.cli import console, options
from echoduet.cli import main as frame


@pytest.fixture
def echo(monkeypatch, capsys):
    """Return a function that runs a command taking every shared option and returns what it was given."""
    app = typer.Typer()

    @app.callback()
    def root(quiet: options.QuietOption = False, json: options.JsonOption = False) -> None:
        """Take the global options."""

    @app.command()
    def echo(
        data: options.DataArgument,
        out: options.OutOption,
        config: options.ConfigOption,
        model: options.ModelOption,
        set_: options.SetOption = None,
        format_: options.FormatOption = None,
        fold: options.FoldOption = None,
        splits: options.SplitsOption = None,
        seed: options.SeedOption = 1993,
        quiet: options.QuietOption = False,
        json: options.JsonOption = False,
    ) -> None:
        given = {k: v for k, v in locals().items() if k not in ("quiet", "json")}
        console.emit(given, "text")

    monkeypatch.setattr(frame, "app", app)

    def run(*args):
        code = frame.main(args)
        return code, capsys.readouterr()

    return run


REQUIRED = ["echo", "DATA", "--out", "o", "--config", "fast", "--model", "m.safetensors"]


def test_options_are_spelled_as_documented(echo):
    given = [
        "--set",
        "a=1",
        "--set",
        "b=2",
        "--format",
        "busi",
        "--fold",
        "3",
        "--splits",
        "s.csv",
        "--seed",
        "7",
        "--json",
    ]
    code, shown = echo(*REQUIRED, *given)
    assert code == 0
    assert json.loads(shown.out) == {
        "data": "DATA",
        "out": "o",
        "config": "fast",
        "model": "m.safetensors",
        "set_": ["a=1", "b=2"],
        "format_": "busi",
        "fold": 3,
        "splits": "s.csv",
        "seed": 7,
    }


def test_what_is_left_out_is_none(echo):
    code, shown = echo("--json", *REQUIRED)
    assert code == 0
    assert {k: v for k, v in json.loads(shown.out).items() if v is None} == dict.fromkeys(
        ("set_", "format_", "fold", "splits")
    )


@pytest.mark.parametrize("place", ["before", "after"])
def test_quiet_is_taken_before_and_after_the_command(echo, place):
    args = ["--quiet", *REQUIRED] if place == "before" else [*REQUIRED, "-q"]
    assert echo(*args) == (0, ("", ""))


def test_text_without_json(echo):
    assert echo(*REQUIRED) == (0, ("text\n", ""))


@pytest.mark.parametrize(
    ("args", "told"),
    [(["--fold", "-1"], "--fold"), (["--fold", "one"], "--fold"), (["--seed", "1.5"], "--seed")],
)
def test_a_wrong_value_names_its_option(echo, args, told):
    code, shown = echo(*REQUIRED, *args)
    assert code == 2
    assert shown.err.startswith("error: Invalid value for")
    assert told in shown.err


def test_a_missing_option_is_named(echo):
    code, shown = echo(*REQUIRED[:4])
    assert code == 2
    assert "--config" in shown.err
