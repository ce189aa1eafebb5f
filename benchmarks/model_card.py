"""Write a model card anew from its bundle and the rows of its out-of-fold scores: no image is needed.

python benchmarks/model_card.py models/echoduet-base.md [results/echoduet-base/oof.csv]
"""

from __future__ import annotations

import sys
from pathlib import Path

from echoduet.reporting.model_card import write_card

ROOT = Path(__file__).resolve().parents[1]


def main(card: Path, rows: Path | None = None) -> None:
    """Write `card` from the bundle beside it."""
    print(write_card(card, card.with_suffix(".safetensors"), rows or ROOT / "results" / card.stem / "oof.csv"))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
