"""What runs a network: PyTorch, or another program that was given its graph. All answer alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Readings:
    """What each member of an ensemble answers to a batch of images; a network alone is one member.

    Attributes:
        lesion: lesion probability on the network's input, `(B, M, S, S)` float32; None without a mask head.
        classes: class probabilities, `(B, M, 3)` float64, not yet at the bundle's temperature; None without a class
            head.
    """

    lesion: NDArray[np.float32] | None
    classes: NDArray[np.float64] | None


class Runtime(Protocol):
    """Runs one network."""

    @property
    def name(self) -> str:
        """How it is asked for: `torch`, `onnx`, `openvino`."""
        ...

    @property
    def members(self) -> int:
        """How many networks answer, `M`; 0 where none of them outlines or classifies."""
        ...

    @property
    def background(self) -> bool:
        """Whether it reads as fast in a thread of its own, so that the caller's can do something else meanwhile."""
        ...

    def read(self, images: NDArray[np.uint8]) -> Readings:
        """Return what the network answers to gray images `(B, S, S)`."""
        ...
