"""Which kinds of copies curation finds, on phantoms of which every copy is known.

    python benchmarks/curation_phantoms.py --count 240 --copies 160

Prints, for each way in which a copy differs from its original, how many of the pairs are found; and how many pairs
are found that are none. Copies of one original are copies of each other, but only those of an original are counted.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from pathlib import Path

from echoduet.curation.groups import membership
from echoduet.curation.pipeline import curate
from echoduet.data.phantom_plan import busi_proportions
from echoduet.data.synthetic import PhantomSpec, write_phantoms


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Count which kinds of copies curation finds among phantoms.")
    parser.add_argument("--count", type=int, default=240, help="originals")
    parser.add_argument("--copies", type=int, default=160, help="copies of them")
    parser.add_argument("--seed", type=int, default=7)
    args = parser.parse_args()
    spec = PhantomSpec(*busi_proportions(args.count), seed=args.seed, duplicates=args.copies, overlays=True)
    with tempfile.TemporaryDirectory() as folder:
        copies = write_phantoms(Path(folder) / "phantoms", spec).copies
        curation = curate([Path(folder) / "phantoms"], Path(folder) / "index")
    group_of = membership(curation.groups)
    origin = {copy.identity.case_id: copy.original.case_id for copy in copies}
    planted, found = Counter(copy.change.relation for copy in copies), Counter()
    for copy in copies:
        group = group_of.get(copy.identity.case_id)
        found[copy.change.relation] += group is not None and group == group_of.get(copy.original.case_id)
    false = [p for p in curation.pairs if origin.get(p.case_a, p.case_a) != origin.get(p.case_b, p.case_b)]
    print("| the copy differs by | copies | found |\n|---|---|---|")
    for relation, number in sorted(planted.items()):
        print(f"| {relation} | {number} | {found[relation]} |")
    print(f"| all | {planted.total()} | {found.total()} |")
    print(f"\nPairs that are no copies: {len(false)} of {len(curation.pairs)}.")


if __name__ == "__main__":
    main()
