"""Grids of experiments: named settings of one configuration, and the rows of the table they are reported in."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from echoduet.config.schema import ExperimentConfig, Section, Seed

NATIVE: Literal["native"] = "native"
"""The scoring size that stands for each image's own."""


def _known_size(value: object) -> object:
    if value == NATIVE or (isinstance(value, int) and not isinstance(value, bool) and 16 <= value <= 4096):
        return value
    raise ValueError('needs to be "native" or a whole number of pixels from 16 to 4096')


Size = Annotated[int | str, BeforeValidator(_known_size)]


class SettingEntry(Section):
    """A setting as a grid file writes it: which keys differ from the base, or from the setting that trained."""

    description: str = ""
    networks_of: str | None = None
    set: dict[str, Any] = Field(default_factory=dict)


class RowEntry(Section):
    """A reported row as a grid file writes it: one setting, or the mask of one and the class of another."""

    from_: Annotated[str | None, Field(alias="from")] = None
    segmentation: str | None = None
    classification: str | None = None
    refined: bool = False
    ensemble: bool = False


class GridFile(Section):
    """What a grid file may hold."""

    name: Annotated[str, Field(min_length=1)]
    description: str = ""
    base: str | None = None
    set: dict[str, Any] = Field(default_factory=dict)
    part: Literal["test", "val"] = "test"
    folds: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (1993,)
    at_sizes: Annotated[tuple[Size, ...], Field(min_length=1)] = (NATIVE,)
    settings: Annotated[dict[str, SettingEntry], Field(min_length=1)]
    rows: dict[str, RowEntry] = Field(default_factory=dict)


class Setting(Section):
    """A setting with its whole configuration; its seed is that of each cell.

    `networks_of` names the setting whose networks it answers with, by an `inference` of its own; None where it trains.
    """

    description: str
    config: ExperimentConfig
    networks_of: str | None = None


class Row(Section):
    """A reported row: whose masks, whose classes, and whether the two are made to agree.

    `masks` and `classes` name settings; they are equal for a network of both tasks, and one is None where the row
    reports one task alone. With `ensemble` the networks of all seeds answer as one.
    """

    masks: str | None
    classes: str | None
    refined: bool
    ensemble: bool = False

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings that must be trained for this row, each once."""
        return tuple(dict.fromkeys(name for name in (self.masks, self.classes) if name is not None))


class Grid(Section):
    """A grid, resolved: every key of every setting is known.

    Attributes:
        name: what it is called; a results folder belongs to the grid of one name.
        description: what it is for.
        part: which part of a fold is scored: `val` for choices, `test` for what is reported.
        folds: the folds to train; None for all.
        seeds: one training per fold and seed.
        at_sizes: the grids of pixels that masks are scored on; the first is the one reported.
        settings: by name, in the order in which they run; what answers with others' networks comes after all training.
        rows: by name, in the order of the table.
    """

    name: str
    description: str
    part: Literal["test", "val"]
    folds: tuple[int, ...] | None
    seeds: tuple[int, ...]
    at_sizes: tuple[Size, ...]
    settings: dict[str, Setting]
    rows: dict[str, Row]

    @property
    def trained(self) -> tuple[str, ...]:
        """The settings with networks of their own."""
        return tuple(name for name, setting in self.settings.items() if setting.networks_of is None)


def slug(name: str) -> str:
    """Return `name` as a folder is called: letters and digits in lower case, a hyphen for what is between them."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
