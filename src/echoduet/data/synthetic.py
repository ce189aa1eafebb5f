"""Phantoms: B-mode images of breasts that never were, with masks and labels, in BUSI's layout.

Every picture has a generator of its own, seeded by the data set's seed, its class and its number: a phantom is the same
whatever else is made with it, and in whatever order.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from echoduet.data.images import write_png
from echoduet.data.overlays import Overlay, burn_in, draw_overlay
from echoduet.data.phantom_plan import DUPLICATE_COLUMNS, Copy, PhantomSpec, plan_copies
from echoduet.data.phantom_scan import Scan, scan_phantom
from echoduet.data.tampering import Tampering, tamper
from echoduet.errors import OutputError
from echoduet.files import write_csv
from echoduet.progress import Progress, silent
from echoduet.records import CLASSES, GrayImage, Label, Mask

__all__ = ["PhantomSet", "PhantomSpec", "simulate", "write_phantoms"]

DUPLICATES = "duplicates.csv"
"""Where a data set with copies tells which case is a copy of which."""

# Streams of random numbers beside that of a phantom's own anatomy.
_OVERLAY_STREAM, _COPY_STREAM = 1, 2


def simulate(label: Label, rng: np.random.Generator, size: int | None = None) -> tuple[GrayImage, Mask]:
    """Return a phantom and its lesion mask, `(H, W)` each.

    Args:
        label: what it shows.
        rng: where all of it comes from.
        size: width in pixels; the height is 0.66 to 1 of it. None draws a width as in BUSI, 350 to 700.
    """
    scan = scan_phantom(label, rng, size)
    return scan.image, scan.mask


@dataclass(frozen=True, slots=True)
class PhantomSet:
    """What was written: where, how many pictures of each class (copies included), and which are copies."""

    root: Path
    counts: Mapping[Label, int]
    copies: tuple[Copy, ...]


def write_phantoms(
    root: Path, spec: PhantomSpec, progress: Progress = silent, workers: int | None = None
) -> PhantomSet:
    """Write the phantoms into a new or empty folder, which appears whole or not at all.

    `<class>/<class> (N).png`, `_mask.png`, now and then `_mask_1.png`; normals have an empty mask. With duplicates,
    `duplicates.csv` tells which case is a copy of which. The bytes depend on `spec` alone, not on `workers`.

    Raises:
        OutputError: the folder holds something, or cannot be written.
    """
    copies = plan_copies(spec)
    jobs = [Copy(identity, identity, Tampering()) for identity in spec.originals()] + list(copies)
    with _appearing(root) as folder, ThreadPoolExecutor(workers or min(8, os.cpu_count() or 1)) as pool:
        written = pool.map(lambda job: _write_case(folder, job, spec), jobs)
        for _ in progress(written, label="Phantoms", total=len(jobs)):
            pass
        if copies:
            write_csv(folder / DUPLICATES, DUPLICATE_COLUMNS, [copy.row() for copy in copies])
    counts = {label: sum(job.identity.label is label for job in jobs) for label in CLASSES}
    return PhantomSet(root, counts, copies)


def _write_case(folder: Path, job: Copy, spec: PhantomSpec) -> None:
    scan = render(job, spec)
    stem = job.identity.case_id
    write_png(folder / job.identity.label / f"{stem}.png", scan.image)
    masks = scan.masks if job.identity.label is not Label.NORMAL else ()
    for n, mask in enumerate(masks or (np.zeros_like(scan.mask),)):
        write_png(folder / job.identity.label / f"{stem}_mask{f'_{n}' if n else ''}.png", mask)


def render(job: Copy, spec: PhantomSpec) -> Scan:
    """Simulate the original of `job` and do to it what was done to the copy."""
    stream = [spec.seed, job.original.label.position, job.original.number]
    scan = scan_phantom(job.original.label, np.random.default_rng(stream), spec.size)
    overlay_rng = np.random.default_rng([*stream, _OVERLAY_STREAM])
    worn = draw_overlay(overlay_rng)
    change = job.change
    overlay = Overlay(
        calipers=(worn.calipers and spec.overlays) != change.calipers, text=(worn.text and spec.overlays) != change.text
    )
    image = burn_in(scan.image, scan.mask, overlay, overlay_rng)
    if job.identity == job.original:
        return Scan(image, scan.masks)
    copy_rng = np.random.default_rng([*stream, _COPY_STREAM, job.identity.label.position, job.identity.number])
    return Scan(*tamper(image, scan.masks, change, copy_rng))


@contextmanager
def _appearing(root: Path) -> Iterator[Path]:
    """Yield a folder beside `root` that takes its place when the block ends well, and vanishes otherwise."""
    folder = root.parent / f".{root.name[:40]}-{uuid.uuid4().hex[:8]}"
    try:
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise OutputError(f"{root}: is there already and not empty. Choose another folder, or empty this one.")
        folder.mkdir(parents=True)
        yield folder
        if root.exists():
            root.rmdir()
        folder.replace(root)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"{root}: cannot be written ({reason}). Free space, or choose another folder.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
