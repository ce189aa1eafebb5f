"""Tell a released bundle what its probability of malignant was worth out of fold, from the rows of its release.

python benchmarks/bundle_calibration.py models/echoduet-base.safetensors models/echoduet-small.safetensors

For bundles released before `echoduet release` did so itself. The weights stay as they are; the card is written anew.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from echoduet.evaluation.cases import read_cases
from echoduet.experiments.release.calibration import malignant_calibration
from echoduet.models.bundle import rewrite_info
from echoduet.models.info import read_info
from echoduet.models.shipped import record_checksum
from echoduet.reporting.model_card import write_card

ROOT = Path(__file__).resolve().parents[1]


def main(bundles: list[Path]) -> None:
    """Rewrite each bundle's information, its checksum and its card."""
    for bundle in bundles:
        rows = ROOT / "results" / bundle.stem / "oof.csv"
        info = read_info(bundle)
        told = info.provenance["out_of_fold"] | {"malignant_calibration": malignant_calibration(read_cases(rows)[1])}
        rewrite_info(bundle, replace(info, provenance={**info.provenance, "out_of_fold": told}))
        record_checksum(bundle)
        print(write_card(bundle.with_suffix(".md"), bundle, rows))


if __name__ == "__main__":
    main([Path(given) for given in sys.argv[1:]])
