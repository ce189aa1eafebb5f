"""How many flagged images are flagged rightly: the hand-checked sample of BUSI, as docs/curation-findings.md has it.

    python benchmarks/findings_precision.py
    python benchmarks/findings_precision.py data/Dataset_BUSI_with_GT

Without a folder the table is made from the verdicts in data_lists/findings_checked.csv alone. With BUSI every image is
scored again: the table then counts what is flagged now, and the lists of images to look at are drawn again.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import random
from collections.abc import Mapping, Sequence
from math import sqrt
from pathlib import Path

import numpy as np

from echoduet.curation.quality.flags import flags
from echoduet.curation.quality.image import image_scores
from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.masks import mask_scores
from echoduet.curation.quality.settings import QualitySettings
from echoduet.curation.quality.sizes import size_scores
from echoduet.data.images import read_colour_and_gray
from echoduet.data.manifest import in_threads, open_data
from echoduet.data.masks import read_mask
from echoduet.progress import silent
from echoduet.records import Case

CHECKED = Path(__file__).parents[1] / "data_lists" / "findings_checked.csv"
SEED, MOST = 1993, 20

Row = Mapping[str, str]


def scoring_half(case_id: str) -> bool:
    """Tell whether a case is in the half on which precision is reported; thresholds were chosen on the other."""
    return hashlib.sha256(case_id.encode()).digest()[0] % 2 == 1


def drawn(issue: str, flagged: Sequence[str]) -> list[str]:
    """Return the flagged cases to look at: up to 20, drawn from those of the scoring half."""
    pool = sorted(filter(scoring_half, flagged))
    return random.Random(f"{SEED} {issue}").sample(pool, min(MOST, len(pool)))


def wilson(right: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, 1927)."""
    z, share = 1.96, right / total
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    reach = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def score_all(cases: Sequence[Case]) -> dict[str, dict[Issue, float]]:
    """Return the scores of every case."""
    measured = in_threads(_score, cases, silent, "Scoring")
    odd = size_scores(np.array([size for _, size in measured]))
    return {case.case_id: scores | more for case, (scores, _), more in zip(cases, measured, odd, strict=True)}


def _score(case: Case) -> tuple[dict[Issue, float], tuple[int, int]]:
    colour, gray = read_colour_and_gray(case.image)
    mask = read_mask(case.masks, (gray.shape[0], gray.shape[1]))
    return image_scores(colour, gray) | mask_scores(mask, case.label), (gray.shape[1], gray.shape[0])


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table: per issue, how many flagged images show it, and how many others do as well."""
    lines = ["| issue | flagged and looked at | right | precision | 95 % | not flagged, looked at | missed |"]
    lines.append("|---|---|---|---|---|---|---|")
    for issue in Issue:
        of_issue = [row for row in rows if row["issue"] == issue]
        flagged = [row["verdict"] == "present" for row in of_issue if row["flagged"] == "yes"]
        others = [row["verdict"] == "present" for row in of_issue if row["flagged"] != "yes"]
        low, high = wilson(sum(flagged), len(flagged)) if flagged else (0.0, 1.0)
        share = f"{sum(flagged) / len(flagged):.2f} | {low:.2f}-{high:.2f}" if flagged else "- | -"
        missed = str(sum(others)) if others else "-"
        lines.append(f"| {issue} | {len(flagged)} | {sum(flagged)} | {share} | {len(others)} | {missed} |")
    return "\n".join(lines)


def flagged_now(rows: Sequence[Row], found: Mapping[str, Sequence[Issue]]) -> list[Row]:
    """Return the rows with `flagged` as it is now."""
    return [{**row, "flagged": "yes" if row["issue"] in found[row["case_id"]] else "no"} for row in rows]


def main() -> None:
    """Print the table, and with BUSI what has changed since the images were looked at."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, help="the BUSI folder")
    parser.add_argument("--checked", type=Path, default=CHECKED, help="the verdicts")
    options = parser.parse_args()
    with options.checked.open(newline="") as stream:
        rows: list[Row] = list(csv.DictReader(stream))
    if options.data:
        scores = score_all(open_data(options.data).cases)
        found = {case_id: flags(one, QualitySettings()) for case_id, one in scores.items()}
        rows = flagged_now(rows, found)
        _tell_draws(rows, found)
    print(table(rows))


def _tell_draws(rows: Sequence[Row], found: Mapping[str, Sequence[Issue]]) -> None:
    checked = {(row["issue"], row["case_id"]) for row in rows}
    for issue in Issue:
        flagged = [case_id for case_id, issues in found.items() if issue in issues]
        unseen = [case_id for case_id in drawn(issue, flagged) if (issue, case_id) not in checked]
        print(f"{issue}: {len(flagged)} of {len(found)} flagged; still to be looked at: {', '.join(unseen) or 'none'}")
    print()


if __name__ == "__main__":
    main()
