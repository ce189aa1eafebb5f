"""Photographs, drawings and slices of other modalities to be refused; nothing is fitted to any of them.

Photographs come from scikit-image and from Debian's packages `plasma-workspace-wallpapers` and `lxqt-themes`; slices
from pydicom's test files and Debian's `mricron-data`. Those of scikit-learn, matplotlib and Debian's `mate-backgrounds`
and `ukui-wallpapers`, and what `design_drawings` draws, were looked at while the features were chosen, and their kinds
say "design"; all other kinds were scored once, when everything was fixed. A package that is not installed gives none.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import skimage
import sklearn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from skimage.data import binary_blobs

from echoduet.data.images import over_black
from echoduet.records import ColourImage, GrayImage, Scan

SHARED = Path("/usr/share")
"""Where Debian's packages lie."""

FONT = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSerif.ttf"
LARGEST = 1600
SUFFIXES = (".png", ".jpg", ".tif", ".gif")
UNREADABLE = ("multipage_rgb.tif",)
"""Of scikit-image's files: Pillow has no decoder for it."""

DRAWN = 40

DICOM = {
    "CT and MR": ("693_J2KI", "J2K_pixelrep_mismatch", "CT_small", "examples_overlay"),
    "ultrasound of other organs": ("examples_jpeg2k", "examples_palette", "examples_rgb_color", "examples_ybr_color"),
}
"""Of pydicom's test files, those that show an organ at a size at which it can be seen."""

Generator = np.random.Generator


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: what kind it is of, its own name, and the image of BUSI that it was made from, if it was."""

    kind: str
    name: str
    gray: GrayImage
    colour: ColourImage | None = None
    case_id: str = ""

    @property
    def scan(self) -> Scan:
        """The picture as it is given to the tests."""
        return Scan(self.name, self.gray, self.colour)


def coloured(kind: str, name: str, colour: ColourImage, case_id: str = "") -> Picture:
    """Return a picture in colours."""
    return Picture(kind, name, np.asarray(cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY), np.uint8), colour, case_id)


def photographs(rng: Generator) -> Iterator[Picture]:
    """Yield scikit-image's pictures and the wallpapers, in colour and in gray, and details of the wallpapers."""
    own = Path(skimage.__file__).parent / "data"
    files = sorted(path for path in own.iterdir() if path.suffix in SUFFIXES and path.name not in UNREADABLE)
    yield from _opened("scikit-image's pictures", files)
    plasma = sorted(SHARED.glob("wallpapers/*/contents/images/*.*g"))
    one_each = [next(group) for _, group in groupby(plasma, lambda path: path.parent)]
    yield from _opened("wallpapers", [*one_each, *sorted(SHARED.glob("lxqt/wallpapers/*.*g"))], rng)


def design_photographs(rng: Generator) -> Iterator[Picture]:
    """Yield the photographs that were looked at while the features were chosen."""
    samples = [Path(sklearn.__file__).parent / "datasets" / "images" / name for name in ("china.jpg", "flower.jpg")]
    samples.append(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")
    debian = [*sorted(SHARED.glob("backgrounds/mate/*/*.*g")), *sorted(SHARED.glob("backgrounds/*.*g"))]
    yield from _opened("design: photographs", [*samples, *debian], rng)


def _opened(kind: str, paths: Sequence[Path], rng: Generator | None = None) -> Iterator[Picture]:
    for path in paths:
        with Image.open(path) as file:
            picture = over_black(file).convert("RGB")
        picture.thumbnail((LARGEST, LARGEST))
        # All of a wallpaper's files are named by their size: its folder tells which it is.
        name = f"{path.parents[2].name}/{path.parent.name}" if "contents" in path.parts else path.name
        seen = coloured(kind, name, np.array(picture))
        yield seen
        yield Picture(f"{kind}, in gray", name, seen.gray)
        for number in range(0 if rng is None else 2):
            assert rng is not None
            yield Picture(f"{kind}, details in gray", f"{name} {number + 1}", _detail(seen.gray, rng))


def _detail(gray: GrayImage, rng: Generator) -> GrayImage:
    height, width = (round(float(rng.uniform(0.3, 0.6)) * side) for side in gray.shape)
    top, left = int(rng.integers(gray.shape[0] - height)), int(rng.integers(gray.shape[1] - width))
    return np.ascontiguousarray(gray[top : top + height, left : left + width])


def drawings(rng: Generator) -> Iterator[Picture]:
    """Yield noise of kinds that no feature was chosen on, printed pages, charts, and blank pictures."""
    for number in range(DRAWN):
        size = _size(rng)
        draw = (_speckle, _salt, _blobs, _clouds)[number % 4]
        yield Picture("noise", f"{draw.__name__[1:]} {number}", draw(size, rng))
        yield Picture("printed pages", f"page {number}", _page(size, rng))
        yield coloured("charts", f"chart {number}", _chart(rng))
    for level in range(0, 256, 17):
        yield Picture("blank", f"gray {level}", np.full(_size(rng), level, np.uint8))


def _size(rng: Generator) -> tuple[int, int]:
    return int(rng.integers(200, 800)), int(rng.integers(200, 900))


def _gray(values: NDArray[np.float64]) -> GrayImage:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _speckle(size: tuple[int, int], rng: Generator) -> GrayImage:
    """Draw fully developed speckle as no beam shapes it: the same along and across, compressed to gray values."""
    blur = float(rng.uniform(0.5, 3))
    parts = [cv2.GaussianBlur(rng.normal(size=size), (0, 0), blur) for _ in range(2)]
    amplitude = np.hypot(*parts)
    return _gray(110 + 40 * np.log(amplitude / amplitude.mean() + 1e-3))


def _salt(size: tuple[int, int], rng: Generator) -> GrayImage:
    return np.asarray(rng.choice([0, 110, 255], size=size, p=[0.1, 0.8, 0.1]), np.uint8)


def _blobs(size: tuple[int, int], rng: Generator) -> GrayImage:
    blobs = binary_blobs(max(size), blob_size_fraction=float(rng.uniform(0.02, 0.1)), rng=rng)
    return _gray(blobs[: size[0], : size[1]] * 140.0 + rng.normal(50, 8, size))


def _clouds(size: tuple[int, int], rng: Generator) -> GrayImage:
    """Add up smoothed noise of doubling grain, as games draw clouds."""
    layers = [
        cv2.resize(rng.normal(size=(2**n + 1, 2**n + 1)), size[::-1], interpolation=cv2.INTER_CUBIC) / 2**n
        for n in range(1, 8)
    ]
    return _gray(110 + 70 * np.sum(layers, axis=0))


def _page(size: tuple[int, int], rng: Generator) -> GrayImage:
    """Print lines of words in a book's type, dark on light or light on dark."""
    paper, ink = (245, 20) if rng.random() < 0.7 else (15, 230)
    picture = Image.new("L", size[::-1], paper)
    pen, height = ImageDraw.Draw(picture), int(rng.integers(9, 30))
    font = ImageFont.truetype(str(FONT), height)
    for top in range(height, size[0] - height, round(1.5 * height)):
        words = ["".join(chr(c) for c in rng.integers(97, 123, int(rng.integers(2, 10)))) for _ in range(20)]
        pen.text((height, top), " ".join(words), fill=ink, font=font)
    return np.array(picture)


def _chart(rng: Generator) -> ColourImage:
    figure = Figure(figsize=tuple(rng.uniform(3, 8, 2)))
    axes, canvas = figure.subplots(), FigureCanvasAgg(figure)
    for _ in range(int(rng.integers(1, 5))):
        steps = np.cumsum(rng.normal(size=60))
        (axes.plot if rng.random() < 0.5 else axes.hist)(steps)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[:, :, :3].copy()


def design_drawings(rng: Generator) -> Iterator[Picture]:
    """Yield what was drawn while the features were chosen: noise of every slope, ramps, stroke letters, shapes."""
    for number in range(DRAWN):
        size = _size(rng)
        for kind, draw in (("noise", _sloped), ("ramps", _ramp), ("letters", _letters), ("shapes", _shapes)):
            yield Picture(f"design: {kind}", f"{kind} {number}", draw(size, rng))


def _sloped(size: tuple[int, int], rng: Generator) -> GrayImage:
    frequency = np.hypot(np.fft.fftfreq(size[0])[:, None], np.fft.rfftfreq(size[1])[None])
    frequency[0, 0] = 1
    waves = np.fft.irfft2(np.fft.rfft2(rng.normal(size=size)) / frequency ** rng.uniform(0, 2.2), s=size)
    return _gray(rng.uniform(60, 180) + 50 * (waves - waves.mean()) / waves.std())


def _ramp(size: tuple[int, int], rng: Generator) -> GrayImage:
    ramp = np.linspace(rng.uniform(0, 255), rng.uniform(0, 255), max(size))
    down = rng.random() < 0.5
    return _gray(np.broadcast_to(ramp[: size[0], None] if down else ramp[None, : size[1]], size))


def _letters(size: tuple[int, int], rng: Generator) -> GrayImage:
    paper = int(rng.choice([0, 30, 200, 255]))
    picture = np.full(size, paper, np.uint8)
    for top in range(20, size[0], int(rng.integers(14, 50))):
        text = "".join(chr(c) for c in rng.integers(65, 122, 40))
        cv2.putText(picture, text, (5, top), int(rng.integers(8)), float(rng.uniform(0.4, 1.5)), 255 - paper, 1)
    return picture


def _shapes(size: tuple[int, int], rng: Generator) -> GrayImage:
    picture = np.zeros(size, np.uint8)
    for _ in range(int(rng.integers(50, 1500))):
        centre = int(rng.integers(size[1])), int(rng.integers(size[0]))
        cv2.circle(picture, centre, 2 + int(40 * rng.power(0.4)), int(rng.integers(256)), -1)
    return picture


def other_modalities(rng: Generator) -> Iterator[Picture]:
    """Yield slices of CT and MR, and ultrasound of other organs, as far as packages have some."""
    if find_spec("pydicom"):
        for kind, names in DICOM.items():
            yield from (_dicom(kind, name) for name in names)
    brain = SHARED / "mricron/templates/ch2.nii.gz"
    if brain.is_file():
        volume = _nifti(brain)
        for axis in range(3):
            for position in np.linspace(0.3, 0.7, 10):
                slice_ = np.take(volume, round(position * volume.shape[axis]), axis=axis)
                yield Picture("CT and MR", f"brain {axis} {position:.2f}", _stretched(np.rot90(slice_)))


def _dicom(kind: str, name: str) -> Picture:
    from pydicom import dcmread
    from pydicom.data import get_testdata_file
    from pydicom.pixels import apply_color_lut, pixel_array

    path = str(get_testdata_file(f"{name}.dcm", download=False))
    pixels = pixel_array(path, index=0)
    if dcmread(path, stop_before_pixels=True).PhotometricInterpretation == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, dcmread(path)) >> 8
    if pixels.ndim == 3:
        return coloured(kind, name, np.ascontiguousarray(pixels, np.uint8))
    return Picture(kind, name, _stretched(pixels.astype(np.float64)))


def _nifti(path: Path) -> NDArray[np.float64]:
    """Read a volume of bytes in NIfTI-1: dimensions stand at byte 40, and where the values begin at byte 108."""
    content = gzip.decompress(path.read_bytes())
    width, height, depth = np.frombuffer(content, "<i2", 3, 42)
    start = int(np.frombuffer(content, "<f4", 1, 108)[0])
    values = np.frombuffer(content, np.uint8, int(width) * int(height) * int(depth), start)
    return values.reshape(depth, height, width).transpose(2, 1, 0).astype(np.float64)


def _stretched(values: NDArray[np.float64]) -> GrayImage:
    """Bring the values between the 1st and the 99.5th percentile to gray."""
    low, high = np.quantile(values, (0.01, 0.995))
    return np.ascontiguousarray(_gray(255 * (values - low) / max(1e-9, high - low)))
