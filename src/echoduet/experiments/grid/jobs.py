"""A cell of a grid, setting x seed x fold, as plain data that any process on any machine can work from.

A cell trains a network, or answers with the networks of others: in another way, or those of several seeds as one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from echoduet.config.grid import slug
from echoduet.config.schema import ExperimentConfig

MANIFEST, SPLITS = "manifest.csv", "splits.csv"
"""The data of a grid, in its folder: every worker reads them there."""


CELLS = "cells"
"""Where the finished cells of a grid lie, in its folder."""


@dataclass(frozen=True)
class Job:
    """What a worker must know to run one cell.

    Attributes:
        out: the grid's folder, an absolute path that leads to the same place on every machine.
        setting: the setting's name.
        seed: of this cell.
        fold: the one that is held out.
        part: which part of the fold is scored, "test" or "val".
        at_sizes: the grids of pixels to score on, "native" or a number each.
        config: the whole configuration, its seed that of the cell.
        cases_sha256: which cases the worker must find.
        splits_sha256: which folds.
        version: which EchoDuet started the grid.
        members: the seeds whose networks answer; several answer as one. Empty where the cell trains its own.
        trained_as: the `setting` and `config` of those networks, where they are another setting's.
        threads: of this cell, where the configuration leaves them open.
    """

    out: str
    setting: str
    seed: int
    fold: int
    part: str
    at_sizes: tuple[int | str, ...]
    config: dict[str, Any]
    cases_sha256: str
    splits_sha256: str
    version: str
    members: tuple[int, ...] = ()
    trained_as: dict[str, Any] | None = None
    threads: int | None = field(default=None, compare=False)

    def __hash__(self) -> int:
        """Return a hash; the generated one cannot take the configuration."""
        return hash(self.folder)

    @property
    def name(self) -> str:
        """What the cell is called in messages."""
        return f"{self.setting}, seed{'s' if len(self.members) > 1 else ''} {self.seeds}, fold {self.fold}"

    @property
    def key(self) -> dict[str, Any]:
        """What tells the cell from the others of its grid."""
        members = {"members": list(self.members)} if self.members else {}
        source = {"networks_of": self.trained_as["setting"]} if self.trained_as else {}
        return {"setting": self.setting, "seed": self.seed, "fold": self.fold} | members | source

    @property
    def seeds(self) -> str:
        """The seed, or those of an ensemble, as in "0+1+2"."""
        return joint_seeds(self.members or (self.seed,))

    @property
    def folder(self) -> Path:
        """Where the finished cell lies."""
        several = len(self.members) > 1
        seeds = "_".join(["seeds", *map(str, self.members)]) if several else f"seed_{self.seed}"
        return Path(self.out) / CELLS / slug(self.setting) / seeds / f"fold_{self.fold}"

    @property
    def joined(self) -> tuple[Job, ...]:
        """The cells whose networks answer, where they are not its own."""
        trained = replace(self, **(self.trained_as or {}), trained_as=None, members=())
        return tuple(replace(trained, seed=s, config=trained.config | {"seed": s}) for s in self.members)

    @cached_property
    def experiment(self) -> ExperimentConfig:
        """The configuration, checked."""
        return ExperimentConfig.model_validate(self.config)

    @property
    def case_files(self) -> dict[int | None, str]:
        """The scored size (None for native) of every file of rows, in the order of `at_sizes`."""
        sizes = [None if size == "native" else int(size) for size in self.at_sizes]
        return {size: case_file(size, first=size == sizes[0]) for size in sizes}

    def to_json(self) -> str:
        """Return the job as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Return the job that `to_json` wrote."""
        values = json.loads(text)
        return cls(**values | {key: tuple(values[key]) for key in ("at_sizes", "members")})


def joint_seeds(seeds: Sequence[int]) -> str:
    """Return how several seeds are written as one, as in "0+1+2"."""
    return "+".join(map(str, seeds))


def case_file(size: int | None, first: bool, stem: str = "cases") -> str:
    """Return the name of the rows scored at `size`; the first size, which is reported, has the plain name."""
    if first:
        return f"{stem}.csv"
    return f"{stem}_{'native' if size is None else size}.csv"


def attempts_at(place: Path) -> Iterator[Path]:
    """Yield the private folders of attempts at the cell whose finished folder is `place`."""
    yield from place.parent.glob(f".{place.name}-*")
