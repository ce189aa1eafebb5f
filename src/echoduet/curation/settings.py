"""The policies and thresholds of curation. On what the thresholds were fixed: docs/curation.md."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from echoduet.errors import ConfigError


class Policy(StrEnum):
    """What to do with images of one scan.

    `drop-all`, as the paper, keeps no member of a group; `keep-one` keeps the best one; `keep-all-grouped` keeps all
    and ties them, so that splits hold them together; `audit` drops nothing and judges nothing; `published` follows a
    published list.
    """

    DROP_ALL = "drop-all"
    KEEP_ONE = "keep-one"
    KEEP_ALL_GROUPED = "keep-all-grouped"
    AUDIT = "audit"
    PUBLISHED = "published"


class ConflictRule(StrEnum):
    """What to do with images that contradict each other, where the policy would keep them.

    `review` leaves them to a person, and out of the manifest until then; `drop` drops them; `keep` goes on as if they
    agreed.
    """

    REVIEW = "review"
    DROP = "drop"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class CurationSettings:
    """When two images count as copies, and when their masks disagree.

    Attributes:
        side: side of the square thumbnails on which images are compared, in pixels.
        candidate: least correlation of two thumbnails for a closer look; low, so that nothing is lost here.
        near: least structural similarity (SSIM) of near copies.
        mask_agreement: least Dice of the aligned masks of two copies; below it they contradict each other.
        mirrored: also look for images flipped left to right.
        conflicts: what to do with images that contradict each other.

    Raises:
        ConfigError: a value is out of range.
    """

    side: int = 24
    candidate: float = 0.80
    near: float = 0.72
    mask_agreement: float = 0.70
    mirrored: bool = True
    conflicts: ConflictRule = ConflictRule.REVIEW

    def __post_init__(self) -> None:
        if not 8 <= self.side <= 512:  # SSIM looks through a window of 7 pixels
            raise ConfigError(f"side: {self.side} pixels. Choose a thumbnail side from 8 to 512.")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "float" and not 0.0 <= value <= 1.0:
                raise ConfigError(f"{field.name}: {value}. Choose a threshold from 0 to 1.")
