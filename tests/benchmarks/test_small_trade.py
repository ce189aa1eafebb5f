"""Candidates for the small bundle: what they weigh, how fast they are, what they scored, which the rule takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import small_trade
from echoduet.config.load import load_config
from echoduet.config.load_grid import load_grid
from echoduet.errors import ModelError

PAGE = Path(__file__).parents[2] / "docs" / "experiments.md"


def shown():
    """Return the table on the page, a list of cells a candidate."""
    text = PAGE.read_text(encoding="utf-8")
    block = text.split("<!-- small: begin -->")[1].split("<!-- small: end -->")[0]
    lines = [line for line in block.splitlines() if line.startswith("| `")]
    return {cells[0].strip("`"): cells[1:] for cells in ([c.strip() for c in line.split("|")[1:-1]] for line in lines)}


def test_the_page_shows_every_candidate_with_the_scores_of_its_rows():
    rows = shown()
    assert list(rows) == list(small_trade.CANDIDATES)
    for name, cells in rows.items():
        assert " | ".join(cells[3:]) == small_trade.scores(name)


def test_the_rule_takes_the_fastest_of_those_close_to_the_best():
    assert small_trade.chosen({"a": 0.80, "b": 0.79, "c": 0.77}, {"a": 1, "b": 2, "c": 3}) == "b"
    assert small_trade.chosen({"a": 0.80, "b": 0.77}, {"a": 1, "b": 2}) == "a"


def test_what_the_rule_chooses_is_named_and_ships():
    speeds = {name: float(cells[2].split()[0]) for name, cells in shown().items()}
    objectives = {name: small_trade.objective(name) for name in small_trade.CANDIDATES}
    chosen = small_trade.chosen(objectives, speeds)
    assert f"By the rule: `{chosen}`." in PAGE.read_text(encoding="utf-8")
    ships, candidate = load_config("echoduet-small"), load_grid("recipe_search", []).settings[chosen].config
    assert [ships.model, ships.optim] == [candidate.model, candidate.optim]
    assert ships.preprocess == candidate.preprocess


def test_weights_are_stored_as_finely_as_the_limit_allows(monkeypatch):
    network, _ = small_trade.candidate("shallow-60")
    assert small_trade.stored(network) == ("float16", pytest.approx(2.2, abs=0.1))
    monkeypatch.setattr(small_trade, "LIMIT_MB", 1.5)
    assert small_trade.stored(network) == ("int8", pytest.approx(1.2, abs=0.1))
    monkeypatch.setattr(small_trade, "LIMIT_MB", 1)
    with pytest.raises(ModelError, match="more than 1"):
        small_trade.stored(network)


def test_speed_is_the_median_round_of_each(monkeypatch):
    seconds = iter([0.0, 1.0, 0.0, 2.0, 0.0, 3.0, 0.0, 4.0, 0.0, 2.0, 0.0, 1.0])
    answered = []
    step = lambda predictor, scans: lambda: answered.append((predictor, len(scans)))  # noqa: E731
    monkeypatch.setattr(small_trade, "predicting", step)
    monkeypatch.setattr(small_trade.time, "perf_counter", lambda: next(seconds))
    scans = [("case", np.zeros((8, 8), dtype=np.uint8))] * 12
    assert small_trade.speeds({"a": "a", "b": "b"}, scans, rounds=3) == {"a": 6.0, "b": 6.0}
    assert answered == [("a", 4), ("b", 4), *[("a", 12), ("b", 12)] * 3]


def test_every_candidate_answers_at_its_own_size():
    scan = np.zeros((40, 50), dtype=np.uint8)
    for name, cells in shown().items():
        _, predictor = small_trade.candidate(name)
        assert predictor.preprocess.image(scan).shape == (int(cells[0]), int(cells[0]))
    (answer,) = predictor.predict([("case", scan)])
    assert answer.mask.shape == (40, 50)
