"""From the folders that experiments leave behind to the arms of a comparison."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from echoduet.errors import OutputError, PairingError
from echoduet.evaluation.cases import VARIANTS, CaseScore, read_cases
from echoduet.experiments.comparison.arms import Arm
from echoduet.files import file_sha256
from echoduet.runs import RunFolder

UNKNOWN_SEED = -1
"""The seed of rows whose folder does not name one."""

CASES = "cases.csv"

SEALS = {"outcome.json": "files", "metrics.json": "rows"}
"""Files that hold the hashes of the rows beside them, of a cell and of an evaluation; and under which key."""


def read_arm(run: Path, name: str, variant: str = "refined") -> Arm:
    """Read one system's per-case scores.

    Args:
        run: a `cases.csv`, a folder that holds one (of `evaluate`, `crossval`, one cell of an ablation), a folder with
            one such folder per fold (`fold_0`, `fold_1` ...), or one with either per seed (`seed_0` ...).
        name: what the system is called.
        variant: which of the two answers, `raw` or `refined`.

    Raises:
        PairingError: there is no such file or folder in it, a file has no case, or a fold of it is not finished.
        ManifestError: a file cannot be read, or was written by another version; names it and the column.
        OutputError: a file was changed after it was written, as far as the folder tells.
    """
    rows = {
        seed: tuple(row for path in _case_files(place) for row in _read(path, variant)) for seed, place in _seeds(run)
    }
    return Arm(name, rows)


def _read(path: Path, variant: str) -> tuple[CaseScore, ...]:
    _require_unchanged(path)
    rows = read_cases(path)[VARIANTS.index(variant)]
    if not rows:
        raise PairingError(f"{path}: holds no scored case. Write the file again with `evaluate`.")
    fold = _number(path.parent, "fold")
    if fold is None:
        return rows
    return tuple(row if row.fold is not None else replace(row, fold=fold) for row in rows)


def _require_unchanged(path: Path) -> None:
    """Refuse rows whose hash is another than the file that was written last beside them holds."""
    for name, key in SEALS.items():
        seal = path.parent / name
        if not seal.is_file():
            continue
        try:
            known = dict(json.loads(seal.read_text(encoding="utf-8")).get(key, {}))
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise OutputError(f"{seal}: cannot be read ({error}). Restore it, or write the folder again.") from error
        if path.name in known and known[path.name] != file_sha256(path):
            raise OutputError(
                f"{path}: was changed after it was written: its hash is another than {name} has. Restore it, or write "
                "the folder again."
            )


def _seeds(run: Path) -> list[tuple[int, Path]]:
    numbered = _numbered(run, "seed")
    if numbered:
        return numbered
    seed = next((n for n in (_number(place, "seed") for place in (run, *run.parents)) if n is not None), UNKNOWN_SEED)
    return [(seed, run)]


def _case_files(place: Path) -> list[Path]:
    if place.is_file():
        return [place]
    if not place.exists():
        raise PairingError(f"{place}: there is no such file or folder.")
    if (place / CASES).is_file():
        return [place / CASES]
    folds = [path / CASES for _, path in _numbered(place, "fold")]
    if not folds:
        raise PairingError(
            f"{place}: holds no {CASES}, and no folders fold_0, fold_1 ... Give the --out of `evaluate` or `crossval`, "
            "or a setting of an ablation."
        )
    unfinished = [path.parent for path in folds if not path.is_file()]
    if unfinished:
        raise PairingError(f"{unfinished[0]}: holds no {CASES}: this fold is not finished. Finish it, then compare.")
    return folds


def _numbered(folder: Path, what: str) -> list[tuple[int, Path]]:
    if not folder.is_dir():
        return []
    places = ((_number(path, what), path) for path in folder.iterdir() if path.is_dir())
    return sorted((number, path) for number, path in places if number is not None)


def _number(path: Path, what: str) -> int | None:
    match = re.fullmatch(rf"{what}_(\d+)", path.name)
    return int(match[1]) if match else None


def matched_seeds(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """Give an arm whose seed is not known the seed of the others, where these have one and the same.

    Raises:
        PairingError: the others have several.
    """
    known = sorted({seed for arm in arms for seed in arm.rows} - {UNKNOWN_SEED})
    unknown = [arm.name for arm in arms if UNKNOWN_SEED in arm.rows]
    if unknown and len(known) > 1:
        raise PairingError(
            f"{unknown[0]}: does not say its seed, and the others have {', '.join(map(str, known))}. Compare it with "
            "one folder seed_N of theirs, or put it into a folder seed_N of its own."
        )
    if len(known) != 1:
        return tuple(arms)
    (seed,) = known
    return tuple(
        Arm(arm.name, {seed: arm.rows[UNKNOWN_SEED]}) if set(arm.rows) == {UNKNOWN_SEED} else arm for arm in arms
    )


def read_curves(run: Path) -> tuple[Sequence[Mapping[str, Any]], ...]:
    """Return the training logs under a run, one list of rows per trained network; none where nothing was logged."""
    return tuple(rows for folder in _run_folders(run) if (rows := RunFolder(folder).rows()))


def _run_folders(run: Path) -> Iterator[Path]:
    inside = _numbered(run, "seed") or _numbered(run, "fold")
    if not inside:
        yield run
    for _, path in inside:
        yield from _run_folders(path)
