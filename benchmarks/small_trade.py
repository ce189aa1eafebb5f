"""What a candidate for `echoduet-small` weighs, how fast it answers, and what it reached on validation parts.

python benchmarks/small_trade.py curated/manifest.csv

Scores are those of `results/recipe-search`, refined, folds 0 and 1. Speed is from decoded image to refined mask and
class at the image's own size, mirrored image included, with weights that were not trained here: it does not depend on
them. The candidates answer in turn, round after round, so that a slower minute slows all; told is the median round.

The rule, set before the candidates at 128 and 160 px and the shallow ones were scored: of those whose mean of all-image
Dice and accuracy, which `echoduet release` tunes by, is less than `CLOSE` below the best, the fastest.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import torch

from echoduet.config.load_grid import load_grid
from echoduet.data.images import read_gray
from echoduet.data.manifest import open_data
from echoduet.errors import EchoDuetError, ModelError
from echoduet.inference.predictor import Predictor
from echoduet.models.info import BundleInfo
from echoduet.models.network import Network
from echoduet.models.registry import build_network
from echoduet.models.storage import Storage, stored_size
from echoduet.records import CLASSES, GrayImage
from echoduet.runs import processor
from inference_rows import predicting
from recipe_search import MEASURES, RESULTS, mean, read

LIMIT_MB = 6
CLOSE = 0.02
"""What two candidates may differ by on these 136 images without either being shown the better."""
IMAGES = 48
ROUNDS = 7

CANDIDATES = ("shallow-30", "shallow-60", "frozen-128-60", "frozen-160-60", "frozen-60", "frozen-224-60")
"""The settings of the grid `recipe_search` that `echoduet-small` was chosen from."""

STORAGES: tuple[Storage, ...] = ("float16", "int8")

FOLDS = (0, 1)
"""The folds that every candidate was trained on."""


def candidate(name: str) -> tuple[Network, Predictor]:
    """Return the candidate's network as its training starts, and a predictor of it."""
    config = load_grid("recipe_search", []).settings[name].config
    torch.manual_seed(0)
    network, labels = build_network(config.model), tuple(label.value for label in CLASSES)
    return network, Predictor.of_network(network, BundleInfo(config, labels, {"mask": 0.5}, {}))


def stored(network: Network) -> tuple[Storage, float]:
    """Return the finest way to store the weights that the limit allows, and the megabytes they take so.

    Raises:
        ModelError: no way is small enough.
    """
    for storage in STORAGES:
        size = stored_size(network.state_dict(), storage) / 1e6
        if size <= LIMIT_MB:
            return storage, size
    raise ModelError(f"a candidate takes {size:.1f} MB even as {storage}, more than {LIMIT_MB}.")


def speeds(
    predictors: Mapping[str, Predictor], scans: Sequence[tuple[str, GrayImage]], rounds: int
) -> dict[str, float]:
    """Return images a second of each, the median over rounds in which each answers about all of `scans`."""
    seen: dict[str, list[float]] = {name: [] for name in predictors}
    for predictor in predictors.values():
        predicting(predictor, list(scans[:4]))()
    for _ in range(rounds):
        for name, predictor in predictors.items():
            started = time.perf_counter()
            predicting(predictor, list(scans))()
            seen[name].append(len(scans) / (time.perf_counter() - started))
    return {name: median(rates) for name, rates in seen.items()}


def scores(name: str, results: Path = RESULTS) -> str:
    """Return the cells of a candidate's scores on the validation parts of both folds."""
    rows = read(name, results)
    return " | ".join(f"{mean(rows, FOLDS, measure):.3f}" for measure in MEASURES.values())


def objective(name: str, results: Path = RESULTS) -> float:
    """Return the mean of all-image Dice and accuracy on the validation parts, by which `echoduet release` tunes."""
    rows = read(name, results)
    return sum(mean(rows, FOLDS, MEASURES[key]) for key in ("all-image Dice", "accuracy")) / 2


def chosen(objectives: Mapping[str, float], rates: Mapping[str, float]) -> str:
    """Return the fastest of the candidates whose objective is less than `CLOSE` below the best."""
    best = max(objectives.values())
    return max((name for name, value in objectives.items() if best - value < CLOSE), key=rates.__getitem__)


def page(scans: Sequence[tuple[str, GrayImage]], rounds: int = ROUNDS) -> str:
    """Return the table of all candidates as Markdown; rates are also told as multiples of the first one's."""
    candidates = {name: candidate(name) for name in CANDIDATES}
    rates = speeds({name: predictor for name, (_, predictor) in candidates.items()}, scans, rounds)
    first = rates[next(iter(rates))]
    lines = [
        f"{processor()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "",
        f"| candidate | px | MB | images/s | {' | '.join(MEASURES)} |",
        "|---" * (len(MEASURES) + 4) + "|",
    ]
    for name, (network, predictor) in candidates.items():
        storage, size = stored(network)
        weight = f"{size:.1f} ({storage})"
        speed = f"{rates[name]:.1f} ({rates[name] / first:.2f}x)"
        lines.append(f"| `{name}` | {predictor.preprocess.size} | {weight} | {speed} | {scores(name)} |")
    return "\n".join([*lines, "", f"By the rule: `{chosen({name: objective(name) for name in CANDIDATES}, rates)}`."])


def main() -> None:
    """Measure on the images of the manifest given, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a data-set folder or a manifest")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    if given.rounds < 1:
        parser.error(f"--rounds {given.rounds}: needs a whole number of at least 1.")
    cases = open_data(given.data).cases[:IMAGES]
    print(page([(case.case_id, read_gray(case.image)) for case in cases], given.rounds))


if __name__ == "__main__":
    try:
        main()
    except EchoDuetError as error:
        sys.exit(f"error: {error}")
