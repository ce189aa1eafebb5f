"""How long one fold trains until it has the paper's scores, on this machine, from cold.

python benchmarks/time_to_scores.py MANIFEST --config fast --fold 0 --set optim.epochs=12 --out runs/time

The whole schedule counts, since a one-cycle schedule is worth nothing before its end, and so does everything else that
`echoduet train` does: decoding, validation after each epoch, checkpoints. The test part is scored once, at the end.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import torch

from echoduet.config.load import load_config
from echoduet.data.manifest import read_manifest
from echoduet.experiments.collect import summarise
from echoduet.experiments.evaluate import evaluate
from echoduet.inference.predictor import Predictor
from echoduet.runs import processor
from echoduet.splits.folds import make_splits
from echoduet.splits.table import Part
from echoduet.training.run import train_fold

PAPER = {"dsc_all": 0.751, "accuracy": 0.802}
"""MT+PR+DO in the paper's Table 5."""
GOAL_MINUTES = 12.0
RECIPE = ("echoduet-base", ["optim.epochs=30", "split.protocol=paper", "inference.refining=hard"])
"""The recipe that `make bench` measures, half as long as what ships."""


def measure(manifest_path: Path, config_name: str, fold: int, out: Path, overrides: list[str]) -> tuple[float, dict]:
    """Return the minutes of training, and the refined scores of the test part at 128 x 128."""
    started = time.perf_counter()
    config, manifest = load_config(config_name, overrides), read_manifest(manifest_path)
    splits = make_splits(manifest.cases, config.split)
    model = train_fold(config, manifest, splits, fold, out)
    minutes = (time.perf_counter() - started) / 60
    tested = splits.ids(fold, Part.TEST)
    (scores,) = evaluate(Predictor.load(model), manifest, tested, dict.fromkeys(tested, fold), (128,))
    blocks = summarise(scores.refined, n_boot=0)
    return minutes, {name: entry["mean"] for block in blocks.values() for name, entry in block.items()}


def met(minutes: float, scores: Mapping[str, float]) -> bool:
    """Tell whether the paper's scores were reached in time."""
    return minutes <= GOAL_MINUTES and all(scores[name] >= value for name, value in PAPER.items())


def main() -> None:
    """Measure once and print a line of the table in docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--config", default="fast")
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], dest="overrides")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as cache:
        os.environ["ECHODUET_CACHE"] = cache  # from cold
        minutes, scores = measure(given.manifest, given.config, given.fold, given.out, given.overrides)
    told = ", ".join(f"{name} {scores[name]:.3f} (paper {value})" for name, value in PAPER.items())
    print(f"{processor()}, {torch.get_num_threads()} threads: {minutes:.1f} minutes")
    print(f"{told}, lesions {scores['dsc_lesion']:.3f}")
    print(f"the paper's scores within {GOAL_MINUTES:g} minutes: {'yes' if met(minutes, scores) else 'NO'}")


if __name__ == "__main__":
    main()
