"""What networks return, and what their parts hand to one another."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Decoded:
    """What a decoder returns.

    Attributes:
        maps: maps that a mask is read from, finest first; one, or several under deep supervision.
        deep: the deepest decoder maps, which the paper's class heads read.
    """

    maps: tuple[Tensor, ...]
    deep: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """What every network returns, whichever parts it has.

    Attributes:
        mask_logits: lesion logits, finest first, each `(B, 1, H, W)` at the input's size; empty without a decoder.
        class_logits: `(B, 3)` in the order of `CLASSES`; None without a class head.
        presence_logit: of "the image shows a lesion", `(B,)`; None without a presence head. The mask logits have taken
            it into account.
        shared: the encoder's deepest map that masks are made of, and classes too, `(B, C, h, w)`; None without a
            decoder. A loss may ask how hard each task pulls at it.
    """

    mask_logits: tuple[Tensor, ...]
    class_logits: Tensor | None
    presence_logit: Tensor | None = None
    shared: Tensor | None = None
