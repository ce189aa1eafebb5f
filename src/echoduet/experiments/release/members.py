"""The runs that a release is made of: every fold with every seed, found where they are finished, trained where not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from echoduet.config.schema import ExperimentConfig
from echoduet.data.manifest import Manifest
from echoduet.errors import ModelError
from echoduet.models.info import BundleInfo, read_info
from echoduet.models.joining import learnt
from echoduet.progress import Progress, silent
from echoduet.splits.table import SplitTable
from echoduet.training.run import Division, divide, manifest_digest, train_fold


@dataclass(frozen=True, slots=True)
class Member:
    """One finished run; `trained` tells whether it was trained now or found finished. `fold` None saw all cases."""

    fold: int | None
    seed: int
    model: Path
    trained: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A bundle that lies below the folder of runs."""

    model: Path
    info: BundleInfo


def find_bundles(runs: Path) -> tuple[Found, ...]:
    """Return every bundle below `runs`, whoever trained it; a file that cannot be read as one is nobody's member."""
    found = []
    for path in sorted(runs.rglob("model.safetensors")):
        with suppress(ModelError):
            found.append(Found(path, read_info(path)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Members:
    """Finds or trains the members of a release.

    Attributes:
        config: the experiment; its seed is each member's own.
        manifest: the cases.
        splits: the folds.
        runs: where finished runs are looked for, and new ones go.
    """

    config: ExperimentConfig
    manifest: Manifest
    splits: SplitTable
    runs: Path

    def get(self, fold: int | None, seed: int, found: tuple[Found, ...], progress: Progress = silent) -> Member:
        """Return the run of one fold, or of all cases where `fold` is None, with one seed.

        A finished run is reused, wherever below `runs` it lies, if it learnt by the same configuration from the very
        same parts of the same cases. Otherwise it is trained, or resumed where it was killed.

        Raises:
            EchoDuetError: as `train_fold`.
        """
        parts = divide(self.config, self.manifest, self.splits, fold)
        reused = next(self._fitting(parts, seed, found), None)
        if reused is not None:
            return Member(fold, seed, reused, trained=False)
        config = self.config.model_copy(update={"seed": seed})
        place = self.runs / ("final" if fold is None else f"fold_{fold}") / f"seed_{seed}"
        model = train_fold(config, self.manifest, self.splits, fold, place, resume=True, progress=progress)
        return Member(fold, seed, model, trained=True)

    def _fitting(self, parts: Division, seed: int, found: tuple[Found, ...]) -> Iterator[Path]:
        wanted = learnt(self.config), seed, manifest_digest(self.manifest), parts.fold
        for one in found:
            said = one.info.provenance
            config = one.info.config
            offered = learnt(config), config.seed, said.get("manifest_sha256"), said.get("fold")
            if offered == wanted and config.model.members == 1 and _same_parts(parts, one.info):
                yield one.model


def _same_parts(parts: Division, info: BundleInfo) -> bool:
    return all(set(getattr(parts, name)) == set(info.provenance[f"{name}_ids"]) for name in ("train", "val", "test"))
