"""Phantoms as a scanner would send them: ultrasound objects with a user interface around the picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from echoduet.data.dicom.objects import Region, Syntax, encode, make_dataset
from echoduet.data.phantom_scan import scan_phantom
from echoduet.files import write_bytes
from echoduet.records import Box, GrayImage, Label, Mask, Spacing

_ABOVE, _BELOW, _LEFT, _RIGHT = 36, 28, 56, 72
"""Widths of the user interface around the picture, in pixels."""

_WIDTH_MM = 40.0
"""How wide the picture is said to be."""


@dataclass(frozen=True, slots=True)
class PhantomExam:
    """What is examined, and how it is written.

    Attributes:
        label: what the picture shows.
        seed: where all of it comes from.
        width: of the ultrasound picture, pixels; the frame is wider by the user interface.
        frames: how many; in a loop the probe glides a little from side to side.
        photometric: MONOCHROME1, MONOCHROME2, RGB, PALETTE COLOR, or YBR_FULL (by the standard in RLE only).
        syntax: the transfer syntax.
        panels: 1, or 2 for the same picture twice, side by side.
        regions: whether the file tells where the picture lies, and how large its pixels are.
    """

    label: Label = Label.BENIGN
    seed: int = 0
    width: int = 400
    frames: int = 1
    photometric: str = "MONOCHROME2"
    syntax: Syntax = Syntax.EXPLICIT
    panels: int = 1
    regions: bool = True


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is in the frames: gray pictures, `(F, H, W)`, lesion masks, `(F, H, W)`, and the parts of each frame."""

    frames: NDArray[np.uint8]
    masks: NDArray[np.bool_]
    regions: tuple[Region, ...]


def draw_exam(exam: PhantomExam) -> Drawing:
    """Draw the frames of an examination."""
    scan = scan_phantom(exam.label, np.random.default_rng([exam.seed, exam.label.position]), exam.width)
    sides = [round(3 * np.sin(2 * np.pi * n / exam.frames)) for n in range(exam.frames)]
    boxes = [Box(_ABOVE, _LEFT + n * exam.width, *scan.image.shape) for n in range(exam.panels)]
    screen = _draw_interface(boxes)
    frames = np.stack([_place(screen, np.roll(scan.image, side, axis=1), boxes) for side in sides])
    masks = np.stack([_place(np.zeros_like(screen), np.roll(scan.mask, side, axis=1), boxes) for side in sides])
    pixel = _WIDTH_MM / exam.width
    return Drawing(frames, masks.astype(np.bool_), tuple(Region(box, Spacing(pixel, pixel)) for box in boxes))


def _place(screen: GrayImage, picture: GrayImage | Mask, boxes: list[Box]) -> GrayImage:
    placed = screen.copy()
    for box in boxes:
        placed[box.slices] = picture
    return placed


def _draw_interface(boxes: list[Box]) -> GrayImage:
    """Draw what surrounds the picture: a caption, a scale of depth and one of gray."""
    height, right = _ABOVE + boxes[0].height + _BELOW, boxes[-1].left + boxes[-1].width
    picture = Image.new("L", ((right + _RIGHT + 1) // 2 * 2, height))
    pen = ImageDraw.Draw(picture)
    pen.text((_LEFT, _ABOVE // 3), "PHANTOM  L12-5  BREAST", fill=200)
    for depth in range(_ABOVE, height - _BELOW, 40):
        pen.line((_LEFT - 12, depth, _LEFT - 4, depth), fill=160)
    for shade in range(128):
        pen.line((right + 24, _ABOVE + shade, right + 40, _ABOVE + shade), fill=255 - 2 * shade)
    return np.array(picture)


def make_phantom(exam: PhantomExam) -> Dataset:
    """Return an examination as an object, not yet compressed."""
    drawing = draw_exam(exam)
    values = _stored(drawing.frames, exam.photometric)
    dataset = make_dataset(values, exam.photometric, drawing.regions if exam.regions else (), identity=repr(exam))
    if exam.photometric == "PALETTE COLOR":
        _add_palette(dataset)
    return dataset


def _stored(frames: NDArray[np.uint8], photometric: str) -> NDArray[np.uint8]:
    """Return the values that show the frames in a photometric interpretation."""
    if photometric == "MONOCHROME1":
        return np.asarray(255 - frames, np.uint8)
    if photometric == "RGB":
        return _tinted(frames)
    if photometric == "YBR_FULL":
        flat = Image.fromarray(_tinted(frames).reshape(-1, frames.shape[2], 3)).convert("YCbCr")
        return np.array(flat).reshape((*frames.shape, 3))
    return frames


def _tinted(frames: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the frames with a green mark in the user interface, as many scanners have one."""
    coloured = np.repeat(frames[..., None], 3, axis=3)
    coloured[:, 8:20, 8:20] = (0, 200, 80)
    return coloured


def _add_palette(dataset: Dataset) -> None:
    """Add tables that show every value as its gray."""
    entries = (np.arange(256, dtype="<u2") * 257).tobytes()
    for colour in ("Red", "Green", "Blue"):
        setattr(dataset, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(dataset, f"{colour}PaletteColorLookupTableData", entries)


def phantom_file(exam: PhantomExam) -> bytes:
    """Return an examination as the bytes of a DICOM file; the same examination gives the same bytes."""
    return encode(make_phantom(exam), exam.syntax)


def write_phantom_dicom(path: Path, exam: PhantomExam) -> Path:
    """Write an examination as a DICOM file, atomically, and return its path.

    Raises:
        OutputError: the file cannot be written.
    """
    write_bytes(path, phantom_file(exam))
    return path
