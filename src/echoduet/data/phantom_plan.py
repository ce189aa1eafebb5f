"""Which phantoms a data set holds: how many of each class, and which are copies of which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from echoduet.data.tampering import RELATIONS, Tampering, draw_tampering
from echoduet.errors import ConfigError
from echoduet.records import CLASSES, Label

DUPLICATE_COLUMNS = ("case_a", "case_b", "relation", "transform", "label_a", "label_b", "mask")

_PLAN_STREAM = 3  # beside the streams of `synthetic.py`


def busi_proportions(count: int) -> tuple[int, int, int]:
    """Return how many of `count` are benign, malignant and normal: 56, 27 and 17 %."""
    benign, malignant = round(count * 437 / 780), round(count * 210 / 780)
    # Rounding both up can leave a normal too few.
    malignant = min(malignant, count - benign)
    return benign, malignant, count - benign - malignant


@dataclass(frozen=True, slots=True)
class PhantomSpec:
    """Which phantoms to write.

    Attributes:
        benign, malignant, normal: how many originals.
        seed: equal seeds give equal bytes.
        size: width in pixels; None varies it as BUSI does.
        duplicates: how many copies of originals are added.
        conflicts: how many of those copies carry another label than their original.
        overlays: whether some pictures carry calipers and text.

    Raises:
        ConfigError: a number is out of range.
    """

    benign: int = 0
    malignant: int = 0
    normal: int = 0
    seed: int = 1993
    size: int | None = None
    duplicates: int = 0
    conflicts: int = 0
    overlays: bool = False

    def __post_init__(self) -> None:
        for name in ("benign", "malignant", "normal", "seed", "duplicates", "conflicts"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}: {getattr(self, name)} is negative. Use 0 or more.")
        if self.size is not None and not 32 <= self.size <= 2048:
            raise ConfigError(f"size: {self.size} is not between 32 and 2048 pixels.")
        if self.duplicates and not self.total:
            raise ConfigError(f"duplicates: {self.duplicates} copies asked for, but no phantom to copy. Ask for some.")
        if self.conflicts > self.duplicates:
            raise ConfigError(
                f"conflicts: {self.conflicts} of {self.duplicates} duplicates cannot conflict. Ask for more duplicates."
            )
        if self.conflicts and not self.benign + self.malignant:
            raise ConfigError("conflicts: only a lesion's label is disputed. Ask for benign or malignant phantoms.")

    @classmethod
    def of_count(cls, count: int, seed: int = 1993, size: int | None = None) -> PhantomSpec:
        """Return a spec of `count` originals in BUSI's proportions."""
        return cls(*busi_proportions(count), seed=seed, size=size)

    def originals(self) -> tuple[Identity, ...]:
        """Return the originals, by class and number."""
        return tuple(Identity(label, n + 1) for label in CLASSES for n in range(self.count(label)))

    @property
    def total(self) -> int:
        """Number of originals."""
        return self.benign + self.malignant + self.normal

    def count(self, label: Label) -> int:
        """Return the number of originals of a class."""
        return int(getattr(self, label.value))


@dataclass(frozen=True, slots=True)
class Identity:
    """An original: its class and its number, from 1."""

    label: Label
    number: int

    @property
    def case_id(self) -> str:
        """The file name without extension, as BUSI has it."""
        return f"{self.label} ({self.number})"


@dataclass(frozen=True, slots=True)
class Copy:
    """A duplicate: where it comes from, under which name and label it stands, and what was done to it."""

    original: Identity
    identity: Identity
    change: Tampering

    @property
    def conflicting(self) -> bool:
        """Whether copy and original carry different labels."""
        return self.original.label is not self.identity.label

    def row(self) -> Mapping[str, object]:
        """Return the line of `duplicates.csv`."""
        empty = self.identity.label is Label.NORMAL
        return {
            "case_a": self.original.case_id,
            "case_b": self.identity.case_id,
            "relation": self.change.relation,
            "transform": self.change.describe(),
            "label_a": self.original.label,
            "label_b": self.identity.label,
            "mask": "empty" if empty else "redrawn" if self.change.redrawn else "same",
        }


def plan_copies(spec: PhantomSpec) -> tuple[Copy, ...]:
    """Decide which originals are copied, how, and under which label; every relation occurs in its turn.

    One copy in six is of an original that has a copy already. Copies are numbered after the originals of their class.
    """
    rng = np.random.default_rng([spec.seed, _PLAN_STREAM])
    originals = spec.originals()
    lesions = [identity for identity in originals if identity.label is not Label.NORMAL]
    fresh = {True: _endless(lesions, rng), False: _endless(originals, rng)}
    last = {label: spec.count(label) for label in CLASSES}
    copies: list[Copy] = []
    for n in range(spec.duplicates):
        disputed = n < spec.conflicts
        again = not disputed and bool(copies) and rng.random() < 1 / 6
        original = copies[int(rng.integers(len(copies)))].original if again else next(fresh[disputed])
        label = _other_label(original.label, rng) if disputed else original.label
        last[label] += 1
        change = draw_tampering(RELATIONS[n % len(RELATIONS)], rng)
        copies.append(Copy(original, Identity(label, last[label]), change))
    return tuple(copies)


def _endless(identities: Sequence[Identity], rng: np.random.Generator) -> Iterator[Identity]:
    """Yield every identity once in random order, and then all of them again."""
    while identities:
        for pick in rng.permutation(len(identities)):
            yield identities[int(pick)]


def _other_label(label: Label, rng: np.random.Generator) -> Label:
    """Return the wrong label of a conflict: mostly the other kind of lesion, sometimes normal."""
    if rng.random() < 0.2:
        return Label.NORMAL
    return Label.MALIGNANT if label is Label.BENIGN else Label.BENIGN
