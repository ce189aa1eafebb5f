"""The related pairs of a run: what the index has found before, and the search for what is new."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from echoduet.curation.index.columns import release
from echoduet.curation.index.folder import Index
from echoduet.curation.index.found import FoundPairs, as_matches, as_pairs
from echoduet.curation.matching.features import FeatureTable
from echoduet.curation.matching.search import find_pairs
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.relations import Pair
from echoduet.progress import Progress, silent


def related(
    index: Index, rows: Mapping[str, int], settings: MatchSettings, progress: Progress = silent
) -> tuple[Pair, ...]:
    """Return every related pair of the cases, in their order; only images that are new are searched for.

    Args:
        index: holds the cases.
        rows: the row of each case, as `read_cases` returns them.
        settings: the thresholds; pairs found with others are kept apart.
        progress: shows how far the search is.

    Raises:
        CurationError: the index is damaged.
        OutputError: the index cannot be written.
    """
    found = index.found(settings)
    asked = np.fromiter(rows.values(), np.int64, len(rows))
    _forget_absent(index, found, asked)
    searched = found.searched()
    order = np.concatenate([searched, asked[~np.isin(asked, searched)]])
    if len(order) > len(searched):
        _search(index.table(order), order, found, settings, progress)
    return as_pairs(found.matches(), {row: case_id for case_id, row in rows.items()})


def _search(
    table: FeatureTable, order: NDArray[np.int64], found: FoundPairs, settings: MatchSettings, progress: Progress
) -> None:
    for block in find_pairs(table, settings, len(found.searched()), progress):
        found.add(order[block.start : block.stop], as_matches(block.matches, order))
        # Pages that were looked at count as ours until they are given back, and all of them do not fit.
        for rows in (table.pictures, table.overlays, table.points, table.descriptors):
            release(rows)


def _forget_absent(index: Index, found: FoundPairs, asked: NDArray[np.int64]) -> None:
    """Take rows out of the search that this run does not ask for.

    Of equal images only the first is compared with all others. Where it is gone, those equal to it have to be searched
    anew, or their likeness to others would be lost with it.
    """
    searched = found.searched()
    here = np.isin(searched, asked)
    gone = {index[row].pixels for row in searched[~here]}
    orphans = [row for row in searched[here] if index[row].pixels in gone]
    if gone:
        found.forget(np.concatenate([searched[~here], np.array(orphans, np.int64)]))
