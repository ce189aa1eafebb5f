"""How two images are related: which kind of copy, by which transform, how sure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray


class Relation(StrEnum):
    """What a pair of images has in common, the closest first.

    `copy`: the same content. `same-scan`: one recording, shown twice: cropped, zoomed, shifted, mirrored, padded, with
    another gain, with calipers or text, compressed. `same-scene`: another frame of the same view; no copy, but it must
    not stand on the other side of a split.
    """

    COPY = "copy"
    SAME_SCAN = "same-scan"
    SAME_SCENE = "same-scene"


@dataclass(frozen=True, slots=True)
class Transform:
    """The similarity that lays image b over image a: mirror, then scale, rotate and shift.

    A pixel `(x, y)` of b, whose centre has whole coordinates, lands in a at

        scale * R(rotation) * (-x if mirrored else x, y) + (dx, dy).

    Attributes:
        mirrored: left and right are swapped. Upside down is mirrored with a rotation of 180 degrees.
        rotation: degrees, clockwise on the screen, in (-180, 180].
        scale: pixels of a for one pixel of b.
        dx, dy: where b's origin lands, in pixels of a.
    """

    mirrored: bool = False
    rotation: float = 0.0
    scale: float = 1.0
    dx: float = 0.0
    dy: float = 0.0

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The affine matrix `(2, 3)` from b's pixels to a's."""
        c, s = self.scale * cos(radians(self.rotation)), self.scale * sin(radians(self.rotation))
        sign = -1.0 if self.mirrored else 1.0
        return np.array([[sign * c, -s, self.dx], [sign * s, c, self.dy]])

    def inverse(self) -> Transform:
        """Return the transform that lays image a over image b."""
        # A mirrored similarity is its own inverse but for the scale, so its angle stays; a plain one turns back.
        turned = Transform(self.mirrored, self.rotation if self.mirrored else -self.rotation, 1.0 / self.scale)
        dx, dy = -turned.matrix[:, :2] @ (self.dx, self.dy)
        return replace(turned, dx=float(dx), dy=float(dy))

    def describe(self) -> str:
        """Return the transform in words: "mirrored, rotated by 3.0 degrees, scaled by 1.20, shifted by (12, -3) px"."""
        turn = (self.rotation % 360) - 180 if self.mirrored and abs(self.rotation) > 90 else self.rotation
        flip = ("upside down" if abs(self.rotation) > 90 else "mirrored") if self.mirrored else ""
        parts = [
            flip,
            f"rotated by {turn:.1f} degrees" if abs(turn) >= 0.5 else "",
            f"scaled by {self.scale:.2f}" if abs(self.scale - 1) >= 0.01 else "",
            f"shifted by ({round(self.dx)}, {round(self.dy)}) px"
            if not self.mirrored and max(map(abs, (self.dx, self.dy))) >= 1
            else "",
        ]
        return ", ".join(filter(None, parts)) or "in place"


IDENTITY = Transform()
"""Two images of one size, each pixel over its like."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two related images, in the order of the cases.

    Attributes:
        case_a, case_b: the cases.
        relation: what they have in common.
        transform: what lays b over a.
        overlap: share of the larger image, once both are aligned, that the other covers, 0-1.
        similarity: correlation of the gray values over the aligned overlap, overlays left out, at most 1.
        confidence: probability that the relation holds at all, calibrated (docs/curation.md), 0-1.
    """

    case_a: str
    case_b: str
    relation: Relation
    transform: Transform = IDENTITY
    overlap: float = 1.0
    similarity: float = 1.0
    confidence: float = 1.0

    def reversed(self) -> Pair:
        """Return the same pair told from the other image: b first, and what lays a over b."""
        return replace(self, case_a=self.case_b, case_b=self.case_a, transform=self.transform.inverse())
