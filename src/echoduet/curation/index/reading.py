"""Reading: one pass over every file of a case, and nothing read that the index already knows."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TypeVar

from echoduet.curation.index.entries import Entry, Key, Stamps, keys_of, stamps_of
from echoduet.curation.index.folder import Index
from echoduet.curation.matching.features import Features, extract
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.quality.image import image_scores
from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.masks import mask_scores
from echoduet.curation.quality.overlays import overlay_mask
from echoduet.data.verification import Examination, Problem, Trouble, examine
from echoduet.progress import Progress, silent
from echoduet.records import Case, Label, Mask

T = TypeVar("T")
R = TypeVar("R")

SHARD = 256
"""Cases that are saved at a time: so many are read again after a kill, at most."""

AHEAD = 64
"""Cases that are read while earlier ones are being saved: what of them waits in memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One case after every file of it was opened once.

    Attributes:
        case: with the size and SHA-256 of its image.
        stamps: the state of its files.
        features: what matching needs of the image; None where a file cannot be used.
        outlined: number of lesion pixels in its masks.
        scores: what was measured on image and mask.
        problems: why it cannot be used.
    """

    case: Case
    stamps: Stamps
    features: Features | None
    outlined: int
    scores: Mapping[Issue, float]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class ReadCases:
    """What became of the cases of a run: a row of the index for each that can be used, problems for the others.

    Attributes:
        rows: by case, in the order of the cases.
        problems: by case.
        fresh: number of cases whose files were opened in this run.
    """

    rows: Mapping[str, int]
    problems: Mapping[str, tuple[Problem, ...]]
    fresh: int


def read_case(case: Case, settings: MatchSettings) -> Reading:
    """Open every file of a case once and measure what curation needs of it.

    A lesion of whose masks none is there is read as one without a mask: its image can still be compared.
    """
    before = stamps_of(case)
    seen = examine(case if case.label is Label.NORMAL or _has_masks(case) else replace(case, masks=()))
    problems = seen.problems
    if stamps_of(case) != before:
        problems = (Problem(Trouble.CHANGED, case.image, f"{case.image}: changed while it was read. {RUN_AGAIN}"),)
    if seen.gray is None or problems:
        return Reading(seen.case, before, None, 0, {}, problems)
    overlay = overlay_mask(seen.gray)
    features, scores = extract(seen.gray, settings, overlay), _scores(seen, overlay)
    outlined = 0 if seen.mask is None else int(seen.mask.sum())
    return Reading(seen.case, before, features, outlined, scores, problems)


RUN_AGAIN = "Run again once nothing writes to the data."
"""What to do about data that change under the reader."""


def _has_masks(case: Case) -> bool:
    return any(mask.exists() for mask in case.masks)


def _scores(seen: Examination, overlay: Mask) -> dict[Issue, float]:
    assert seen.colour is not None
    assert seen.gray is not None
    scores = dict(image_scores(seen.colour, seen.gray, overlay))
    if seen.mask is not None and seen.mask.any():
        scores |= mask_scores(seen.mask, seen.case.label)
    return scores


def read_cases(index: Index, cases: Sequence[Case], progress: Progress = silent) -> ReadCases:
    """Read the cases that the index does not know, or whose files have changed since, and save them as they come.

    Raises:
        OutputError: the index cannot be written.
    """
    keys = keys_of(cases)
    known = [_known(index, case, key) for case, key in zip(cases, keys, strict=True)]
    new = [(case, key) for case, key, row in zip(cases, keys, known, strict=True) if row is None]
    problems: dict[str, tuple[Problem, ...]] = {}
    work = partial(read_case, settings=index.settings)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        readings = progress(_ahead(pool, work, (case for case, _ in new)), label="reading images", total=len(new))
        waiting = iter(new)
        while shard := list(islice(readings, SHARD)):
            read = [
                (case, key, reading) for (case, key), reading in zip(islice(waiting, len(shard)), shard, strict=True)
            ]
            problems |= {case.case_id: reading.problems for case, _, reading in read if reading.features is None}
            usable = [(_entry(key, reading), reading.features) for _, key, reading in read if reading.features]
            index.add(usable)
    rows = (
        (case.case_id, index.row_of(key)) for case, key in zip(cases, keys, strict=True) if case.case_id not in problems
    )
    return ReadCases({case_id: row for case_id, row in rows if row is not None}, problems, len(new))


def _known(index: Index, case: Case, key: Key) -> int | None:
    """Return the row of a case that was read, unless its files have changed since, or are not those of its manifest."""
    row = index.row_of(key)
    if row is None:
        return None
    entry = index[row]
    same = stamps_of(case) == entry.stamps and case.sha256 in ("", entry.sha256)
    return row if same else None


def _entry(key: Key, reading: Reading) -> Entry:
    features = reading.features
    assert features is not None
    return Entry(
        key=key,
        stamps=reading.stamps,
        width=reading.case.width,
        height=reading.case.height,
        sha256=reading.case.sha256,
        pixels=features.pixels,
        features=len(features.points),
        shape=(features.picture.shape[0], features.picture.shape[1]),
        outlined=reading.outlined,
        scores={issue.value: float(score) for issue, score in reading.scores.items()},
    )


def _ahead(pool: ThreadPoolExecutor, work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield the results of `work` in the order of `items`, with a bounded number of them under way."""
    waiting: deque[Future[R]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= AHEAD:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
