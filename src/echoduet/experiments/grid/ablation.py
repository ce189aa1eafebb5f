"""A grid of experiments in a folder: whose it is, which cells are finished, and the way through the rest.

ablation.json     the grid, resolved; the version; hashes of data, folds and rows
manifest.csv      the cases; splits.csv: the folds
cells/<setting>/seed_S/fold_K/     one run folder a cell, whole or not there
cells/<setting>/seeds_S_T/fold_K/  the same of an ensemble, without a network; so is a setting with others' networks
cells/<setting>/seed_S/fold_K.failure.json, fold_K.log     why a cell is not there
rows.csv          the rows of all finished cells; curves.csv: what they logged, epoch by epoch
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

from echoduet import __version__, lock
from echoduet.config.grid import Grid
from echoduet.data.manifest import Manifest, write_manifest
from echoduet.errors import ConfigError, ModelError, OutputError, ShapeError
from echoduet.experiments.folds import splits_digest
from echoduet.experiments.grid.budget import require_size
from echoduet.experiments.grid.jobs import CELLS, MANIFEST, SPLITS, Job, attempts_at
from echoduet.experiments.grid.joint import require_same_members
from echoduet.experiments.grid.outcome import FORMAT, read_outcome
from echoduet.files import file_sha256, require_writable, write_json
from echoduet.models.registry import require_known
from echoduet.splits.table import SplitTable, write_splits
from echoduet.training.run import manifest_digest

HEAD = "ablation.json"

ROWS = "rows.csv"


@dataclass(frozen=True)
class Ablation:
    """A grid, its data and its folder."""

    grid: Grid
    manifest: Manifest
    splits: SplitTable
    out: Path

    @cached_property
    def jobs(self) -> tuple[Job, ...]:
        """Every cell that trains, in the order in which they run: a whole table for the first seed, then the next."""
        order = product(self.grid.seeds, self.grid.trained, self.folds)
        return tuple(self._job(name, seed, fold) for seed, name, fold in order)

    @cached_property
    def joining(self) -> tuple[Job, ...]:
        """Every cell that trains nothing: settings with others' networks, then ensembles for the rows that ask."""
        grid = self.grid
        borrowing = [name for name in grid.settings if name not in grid.trained]
        alone = [self._job(*one, members=(one[1],)) for one in product(borrowing, grid.seeds, self.folds)]
        rows = [row for row in grid.rows.values() if row.ensemble]
        asked = [name for name in grid.settings if any(name in row.settings for row in rows)]
        return (*alone, *(self._job(name, grid.seeds[0], k, grid.seeds) for name, k in product(asked, self.folds)))

    @property
    def cells(self) -> tuple[Job, ...]:
        """Every cell: first those that train, then those that join what was trained."""
        return self.jobs + self.joining

    @property
    def folds(self) -> tuple[int, ...]:
        """The folds that are trained."""
        return self.grid.folds or self.splits.folds

    def _job(self, name: str, seed: int, fold: int, members: tuple[int, ...] = ()) -> Job:
        cases, splits = self._digests
        source = self.grid.settings[name].networks_of
        return Job(
            out=str(self.out.absolute()),
            setting=name,
            seed=seed,
            fold=fold,
            part=self.grid.part,
            at_sizes=self.grid.at_sizes,
            config=self._config(name, seed),
            cases_sha256=cases,
            splits_sha256=splits,
            version=__version__,
            members=members,
            trained_as=None if source is None else {"setting": source, "config": self._config(source, seed)},
        )

    def _config(self, name: str, seed: int) -> dict[str, Any]:
        return self.grid.settings[name].config.model_copy(update={"seed": seed}).model_dump(mode="json")

    @cached_property
    def _digests(self) -> tuple[str, str]:
        return manifest_digest(self.manifest), splits_digest(self.splits)

    def head(self) -> dict[str, Any]:
        """Return what `ablation.json` holds before there are rows."""
        cases, splits = self._digests
        made_by = {"format": FORMAT, "version": __version__, "cases_sha256": cases, "splits_sha256": splits}
        return made_by | {"grid": self.grid.model_dump(mode="json"), "folds": list(self.folds)}

    def require_runnable(self) -> None:
        """Refuse networks and folds that there are not, a split of other cases, and a folder that holds something else.

        Raises:
            ConfigError: a fold of the grid, or a setting's network, does not exist, or the network does not take images
                of the setting's size.
            SplitError: the split is of other cases.
            OutputError: the folder belongs to another grid, version, part or data set.
        """
        for name, setting in self.grid.settings.items():
            try:
                require_known(setting.config.model)
                require_size(setting.config)
            except (ModelError, ShapeError) as error:
                raise ConfigError(f"{self.grid.name}: settings.{name}: {error}") from error
        self.splits.require_matches(self.manifest)
        if missing := [fold for fold in self.grid.folds or () if fold not in self.splits.folds]:
            known = ", ".join(map(str, self.splits.folds))
            raise ConfigError(f"{self.grid.name}: folds: there is no fold {missing[0]}. The split has {known}.")
        _require_ours(self.out, self.head())

    def finished(self) -> dict[Job, dict[str, Any]]:
        """Return the outcome of every cell that is finished, each of its files looked at.

        Raises:
            OutputError: a cell is another experiment's, or was changed after it was written; or was answered by
                other networks than there now are.
        """
        outcomes = {job: read_outcome(job.folder, job) for job in self.cells if job.folder.exists()}
        require_same_members([job for job in outcomes if job.members], outcomes)
        return outcomes

    def require_same_attempts(self) -> None:
        """Refuse a setting that was changed after a cell of it was begun.

        Raises:
            OutputError: an unfinished cell has another configuration.
        """
        for job in self.jobs:
            for left in attempts_at(job.folder):
                stored = left / "config.json"
                if stored.exists() and _read_object(stored) != job.config:
                    raise OutputError(
                        f"{left}: was begun with another configuration of {job.setting}. Give the setting another "
                        "name, or choose another --out."
                    )


@contextmanager
def claimed(ablation: Ablation) -> Iterator[dict[Job, dict[str, Any]]]:
    """Hold the folder as this grid's for as long as the block runs; yields the outcomes of what is finished.

    A grid may be extended in its folder by settings, rows, seeds and folds; what is finished stays. Nothing is written
    before every check has passed.

    Raises:
        OutputError: another run is at work there, it belongs to something else, a cell was changed or has another
            configuration, rows would be lost, or the folder cannot be written.
    """
    ablation.require_runnable()
    require_writable(ablation.out)
    ablation.out.mkdir(parents=True, exist_ok=True)
    with lock.hold(ablation.out):
        _require_ours(ablation.out, ablation.head())
        ablation.require_same_attempts()
        require_unchanged_rows(ablation.out)
        finished = ablation.finished()
        _require_rows_kept(ablation)
        write_manifest(ablation.manifest, ablation.out / MANIFEST)
        write_splits(ablation.splits, ablation.out / SPLITS)
        write_json(ablation.out / HEAD, (read_head(ablation.out) or {}) | ablation.head())
        yield finished


def _require_ours(out: Path, head: dict[str, Any]) -> None:
    stored = read_head(out)
    if stored is None:
        _require_empty(out)
        return
    if stored["version"] != head["version"]:
        raise OutputError(
            f"{out}: was begun by EchoDuet {stored['version']}, and this is {head['version']}: their cells would not "
            "compare. Choose another --out."
        )
    grids = stored["grid"], head["grid"]
    names = {"cases_sha256": "set of cases", "splits_sha256": "split"}
    changed = [named for key, named in names.items() if stored[key] != head[key]]
    changed += [key for key in ("name", "part", "at_sizes") if grids[0].get(key) != grids[1][key]]
    if changed:
        raise OutputError(f"{out}: holds a grid with another {' and '.join(changed)}. Choose another --out.")


def _require_rows_kept(ablation: Ablation) -> None:
    """Refuse to write the rows anew where that would lose some: of what the grid no longer has, or of cells not here.

    A single cell that is not there is one to run again; rows of ensembles are made anew when seeds are added.
    """
    path, out = ablation.out / ROWS, ablation.out
    held = _cells_of(path) if path.exists() else {}
    if held and not (out / CELLS).is_dir():
        raise OutputError(
            f"{path}: holds the rows of {len(held)} cells that are not in this folder, and would be written anew "
            f"without them. Restore {out / CELLS}, or choose another --out."
        )
    known = {(job.setting, str(job.seed), str(job.fold)) for job in ablation.cells}
    if lost := [cell for cell in held if cell not in known]:
        setting, seed, fold = lost[0]
        raise OutputError(
            f"{path}: holds rows of {setting}, seed {seed}, fold {fold}, which the grid no longer has, and would be "
            "written anew without them. Put it back into the grid, or choose another --out."
        )


def _cells_of(path: Path) -> dict[tuple[str, str, str], None]:
    """Return setting, seed and fold of every cell of one seed that has rows, in the file's order."""
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            cells = [(row["setting"], row["seed"], row["fold"]) for row in csv.DictReader(stream)]
    except (OSError, UnicodeDecodeError, KeyError) as error:
        raise OutputError(
            f"{path}: cannot be read as the rows of a grid ({error}). Restore it, or move it away."
        ) from error
    return {cell: None for cell in cells if "+" not in cell[1]}


def _require_empty(out: Path) -> None:
    names = sorted(path.name for path in out.iterdir() if path.name != lock.NAME) if out.is_dir() else []
    if names:
        raise OutputError(f"{out}: holds {names[0]} and no grid. Choose an empty folder for --out.")


def require_unchanged_rows(out: Path) -> None:
    """Refuse rows that were changed after they were written.

    Raises:
        OutputError: a file's hash is another than `ablation.json` has; it is named.
    """
    for name, sha256 in (read_head(out) or {}).get("rows", {}).items():
        if (out / name).exists() and file_sha256(out / name) != sha256:
            raise OutputError(
                f"{out / name}: was changed after it was written: its hash is another than {HEAD} has. Restore it, or "
                "move it away to have it written again from the cells."
            )


def read_head(out: Path) -> dict[str, Any] | None:
    """Return what `ablation.json` in `out` holds; None where there is none.

    Raises:
        OutputError: it is damaged, or of another format.
    """
    path = out / HEAD
    if not path.exists():
        return None
    head = _read_object(path)
    if head.get("format") != FORMAT or not _TYPES.keys() <= head.keys():
        raise OutputError(f"{path}: was written by another version of EchoDuet. Choose another --out.")
    for key, kind in (_TYPES | {"rows": dict}).items():
        if not isinstance(head.get(key, kind()), kind):
            raise OutputError(f"{path}: {key} is damaged. Restore the file, or choose another --out.")
    return head


_TYPES: dict[str, type] = {"version": str, "grid": dict, "folds": list, "cases_sha256": str, "splits_sha256": str}


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be read ({error}). Restore it, or choose another --out.") from error
    if not isinstance(content, dict):
        raise OutputError(f"{path}: is damaged. Restore it, or choose another --out.")
    return content
