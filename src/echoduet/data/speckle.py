"""From tissue to B-mode image: scatterers, point-spread function, envelope, attenuation, log compression.

The model is the usual linear one: a complex Gaussian random field (many scatterers per resolution cell) whose amplitude
is the tissue's echogenicity, seen through a separable Gaussian point-spread function. Its envelope is Rayleigh
distributed, mean / standard deviation = 1.91, before log compression (Wagner et al., IEEE Trans. Sonics Ultrason. 30,
1983).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from scipy.signal import lfilter

from echoduet.records import GrayImage

Field = NDArray[np.float32]
"""A map over the grid, `(H, W)`."""

ComplexField = NDArray[np.complex64]


@dataclass(frozen=True, slots=True)
class Grid:
    """The sampled plane: depth runs down the rows, the transducer lies along the top row. `pitch` is mm per pixel."""

    height: int
    width: int
    pitch: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def depth_mm(self) -> float:
        """Imaged depth in mm."""
        return self.height * self.pitch

    @property
    def width_mm(self) -> float:
        """Imaged width in mm."""
        return self.width * self.pitch

    @property
    def z(self) -> Field:
        """Depth of each row in mm, `(H, 1)`."""
        return (np.arange(self.height, dtype=np.float32) * np.float32(self.pitch))[:, None]

    @property
    def x(self) -> Field:
        """Lateral position of each column in mm, `(1, W)`."""
        return (np.arange(self.width, dtype=np.float32) * np.float32(self.pitch))[None, :]


@dataclass(slots=True)
class Tissue:
    """What the sound meets, over the grid; drawing functions change it in place.

    Attributes:
        echo: backscatter in dB, `(H, W)`; 0 is subcutaneous fat.
        specular: amplitude of smooth reflectors such as fasciae and capsules, linear, 1 is the mean speckle of fat.
        loss: two-way attenuation in dB per mm beyond what the time-gain compensation expects.
    """

    grid: Grid
    echo: Field
    specular: Field
    loss: Field


@dataclass(frozen=True, slots=True)
class Probe:
    """Transducer and scanner settings.

    Attributes:
        axial, lateral: standard deviations of the point-spread function in mm.
        looks: how many beam directions are compounded.
        smoothing: speckle reduction, a blur of the compressed image as a share of the point-spread function.
        dynamic_range: decibels between black and white.
        brightness: the gray value that the gain gives to typical tissue.
        floor: electronic noise in dB below that tissue.
        shadow_length: depth in mm over which shadow and enhancement fade; compounding fills them from the sides.
    """

    axial: float = 0.12
    lateral: float = 0.26
    looks: int = 3
    smoothing: float = 0.6
    dynamic_range: float = 56.0
    brightness: float = 85.0
    floor: float = 32.0
    shadow_length: float = 30.0


def draw_probe(width_mm: float, rng: np.random.Generator) -> Probe:
    """Draw the settings of one examination; a probe for a narrow view has the finer resolution."""
    return Probe(
        axial=width_mm * rng.uniform(0.0016, 0.0025),
        lateral=width_mm * rng.uniform(0.0032, 0.0060),
        looks=int(rng.integers(2, 4)),
        smoothing=rng.uniform(0.55, 1.0),
        dynamic_range=rng.uniform(34.0, 50.0),
        brightness=rng.uniform(68.0, 125.0),
        floor=rng.uniform(22.0, 36.0),
        shadow_length=rng.uniform(18.0, 45.0),
    )


def smooth_noise(grid: Grid, rng: np.random.Generator, axial: float, lateral: float) -> Field:
    """Return a smooth random map, `(H, W)`, mean 0 and variance 1, with correlation lengths in mm."""
    rows = max(4, round(grid.depth_mm / axial) + 2)
    columns = max(4, round(grid.width_mm / lateral) + 2)
    coarse = Image.fromarray(rng.standard_normal((rows, columns), dtype=np.float32))
    fine = np.asarray(coarse.resize((grid.width, grid.height), Image.Resampling.BICUBIC), dtype=np.float32)
    return np.asarray((fine - fine.mean()) / max(float(fine.std()), 1e-6), dtype=np.float32)


def scatterers(shape: tuple[int, int], rng: np.random.Generator) -> ComplexField:
    """Return circular complex Gaussian scatterers of unit mean power, `(H, W)`."""
    parts = rng.standard_normal((*shape, 2), dtype=np.float32)
    return np.asarray(parts.view(np.complex64)[..., 0] * np.float32(sqrt(0.5)), dtype=np.complex64)


def blur_by_probe(field: ComplexField, axial: float, lateral: float) -> ComplexField:
    """Convolve with a Gaussian point-spread function of standard deviations `axial`, `lateral` in pixels.

    The gain keeps white scatterers at their power: the kernel's energy is 1 / (4 pi axial lateral).
    """
    blurred = gaussian_filter(field, (axial, lateral), mode="reflect", truncate=3.0)
    return np.asarray(blurred * np.float32(_gain(axial, lateral)), dtype=np.complex64)


def _gain(axial: float, lateral: float) -> float:
    return 2.0 * sqrt(pi * axial * lateral)


def envelope(tissue: Tissue, probe: Probe, rng: np.random.Generator) -> Field:
    """Return the detected echo amplitude, `(H, W)`, averaged over the probe's looks, without attenuation."""
    pitch = tissue.grid.pitch
    axial, lateral = max(probe.axial / pitch, 0.5), max(probe.lateral / pitch, 0.5)
    amplitude = decibel_to_amplitude(tissue.echo)
    coherent = tissue.specular / np.float32(_gain(axial, lateral))
    looks = [
        np.abs(blur_by_probe(scatterers(tissue.grid.shape, rng) * amplitude + coherent, axial, lateral))
        for _ in range(probe.looks)
    ]
    return np.asarray(np.mean(looks, axis=0), dtype=np.float32)


def decibel_to_amplitude(decibel: Field) -> Field:
    """Return 10^(dB / 20)."""
    return np.asarray(np.power(np.float32(10.0), decibel / np.float32(20.0)), dtype=np.float32)


def accumulated_loss(tissue: Tissue, probe: Probe) -> Field:
    """Return the loss in dB that the echo of each pixel has suffered, `(H, W)`; negative where sound passed too easily.

    The loss adds up along the beam and is forgotten over `shadow_length`; the beam's width blurs its sides.
    """
    pitch = tissue.grid.pitch
    memory = np.exp(-pitch / probe.shadow_length)
    summed = lfilter([pitch], [1.0, -memory], tissue.loss, axis=0)
    return np.asarray(gaussian_filter1d(summed, 2.0 * probe.lateral / pitch, axis=1, truncate=3.0), dtype=np.float32)


def detect(tissue: Tissue, probe: Probe, rng: np.random.Generator) -> GrayImage:
    """Scan tissue into gray, `(H, W)`: envelope, attenuation, noise, gain, log compression, speckle reduction."""
    received = envelope(tissue, probe, rng) * decibel_to_amplitude(-accumulated_loss(tissue, probe))
    typical = float(np.median(received[: max(1, int(0.7 * len(received)))]))
    noise = gaussian_filter(np.abs(scatterers(tissue.grid.shape, rng)), (0.8, 1.2), truncate=3.0)
    received = np.hypot(received, noise * np.float32(typical * 10 ** (-probe.floor / 20)))
    gray = probe.brightness + compress(received / np.float32(typical)) * np.float32(255.0 / probe.dynamic_range)
    blur = probe.smoothing / tissue.grid.pitch
    gray = gaussian_filter(gray, (blur * probe.axial, blur * probe.lateral), truncate=3.0)
    return display(gray)


def display(level: Field) -> GrayImage:
    """Map levels to gray, `(H, W)`: straight between black and white, with the soft toe of a scanner's gray map."""
    toe = np.float32(18.0)
    return np.asarray(np.clip(np.rint(toe * np.logaddexp(np.float32(0.0), level / toe)), 0, 255), dtype=np.uint8)


def compress(amplitude: Field) -> Field:
    """Return amplitudes in decibels; nothing is below -120 dB."""
    return np.asarray(20.0 * np.log10(np.maximum(amplitude, np.float32(1e-6))), dtype=np.float32)
