"""From a grid file to a `Grid`: every setting resolved, every mistake named by file and key."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from echoduet.config.complaints import describe
from echoduet.config.grid import Grid, GridFile, Row, RowEntry, Setting, SettingEntry, slug
from echoduet.config.load import checked, find_config, override, read_experiment, split_override
from echoduet.config.parsing import read_mapping
from echoduet.config.presets import shipped_grids
from echoduet.config.schema import ExperimentConfig, Section
from echoduet.errors import ConfigError

T = TypeVar("T")


def load_grid(source: Path | str, overrides: Sequence[str] | None = ()) -> Grid:
    """Read a grid file and resolve its settings.

    A setting is the base, then the grid's `set`, then its own `set`, then `overrides`; a later one wins.

    Args:
        source: a file (.json, .yaml, .yml), or the name of a shipped grid.
        overrides: `"a.b=value"` each, for every setting.

    Raises:
        ConfigError: the file cannot be read, a key is unknown or wrong, two settings or rows are the same, or a row
            asks of a setting what it does not answer.
    """
    path = find_grid(source)
    entry = _read(path)
    _require_unique(path, "seeds", entry.seeds)
    _require_unique(path, "folds", entry.folds or ())
    _require_unique(path, "at_sizes", entry.at_sizes)
    settings = _settings(path, entry, [split_override(text) for text in overrides or ()])
    if entry.part == "val":
        _require_untuned(path, settings)
    rows = {name: _row(path, name, row, settings) for name, row in entry.rows.items()} or _a_row_each(settings)
    _require_several(path, rows, entry.seeds)
    _require_distinct(rows, lambda row: row, f"{path}: rows", "report the same")
    return Grid(
        name=entry.name,
        description=entry.description,
        part=entry.part,
        folds=entry.folds,
        seeds=entry.seeds,
        at_sizes=entry.at_sizes,
        settings=settings,
        rows=rows,
    )


def find_grid(source: Path | str) -> Path:
    """Return the file that `source` means: a path that exists, or else the name of a shipped grid.

    Raises:
        ConfigError: it is neither.
    """
    if Path(source).is_file():
        return Path(source)
    grids = shipped_grids()
    if str(source) in grids:
        return grids[str(source)]
    raise ConfigError(f"{source}: no such grid. Give a file, or one of those shipped: {', '.join(grids)}.")


def _read(path: Path) -> GridFile:
    values = read_mapping(path)
    if not values.get("settings"):
        raise ConfigError(f"{path}: names no settings, so there is nothing to run. List them under `settings`.")
    try:
        return GridFile.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error, str(path), {}, _describe_unknown)) from error


def _describe_unknown(key: str) -> str:
    section, _, rest = key.partition(".")
    entries: dict[str, type[Section]] = {"settings": SettingEntry, "rows": RowEntry}
    schema = entries.get(section, GridFile) if rest else GridFile
    known = [field.alias or name for name, field in schema.model_fields.items()]
    near = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
    return f'unknown key "{key}"; ' + (f'did you mean "{near[0]}"?' if near else f"known are {', '.join(known)}.")


def _settings(path: Path, entry: GridFile, overrides: Sequence[tuple[str, Any]]) -> dict[str, Setting]:
    base = read_experiment(_find_base(path, entry.base)) if entry.base is not None else {}
    shared = [(f"{path}: set:", key, value) for key, value in entry.set.items()]
    last = [("--set", key, value) for key, value in overrides]
    settings = {}
    for name, setting in entry.settings.items():
        if not slug(name):
            raise ConfigError(f"{path}: settings.{name}: its name holds no letter or digit to call a folder by.")
        own = _changes(path, name, setting)
        if setting.networks_of is not None:
            own = [*_changes(path, *_source(path, name, entry.settings)), *own]
        settings[name] = Setting(
            description=setting.description,
            config=_resolve(str(path), deepcopy(base), [*shared, *own, *last]).model_copy(
                update={"name": name, "description": setting.description}
            ),
            networks_of=setting.networks_of,
        )
    _require_distinct(settings, lambda setting: _what_is_learnt(setting.config), f"{path}: settings", "are equal")
    _require_distinct(dict(zip(settings, settings, strict=True)), slug, f"{path}: settings", "share a folder's name")
    _require_one_split(path, settings)
    return settings


def _changes(path: Path, name: str, setting: SettingEntry) -> list[tuple[str, str, Any]]:
    return [(f"{path}: settings.{name}.set:", key, value) for key, value in setting.set.items()]


def _source(path: Path, name: str, settings: Mapping[str, SettingEntry]) -> tuple[str, SettingEntry]:
    """Return the setting whose networks another answers with, once that other differs in its inference alone."""
    where, source = f"{path}: settings.{name}", str(settings[name].networks_of)
    if source not in settings:
        raise ConfigError(f'{where}.networks_of: there is no setting "{source}". Known are {", ".join(settings)}.')
    if source == name:
        raise ConfigError(f"{where}.networks_of: names itself. Name the setting whose networks it answers with.")
    if settings[source].networks_of is not None:
        raise ConfigError(
            f"{where}.networks_of: {source} has no networks of its own. Name {settings[source].networks_of}."
        )
    for key in settings[name].set:
        if key.partition(".")[0] != "inference":
            raise ConfigError(
                f"{where}.set: {key} would take networks of its own, and these are those of {source}: only keys of "
                "`inference` can differ. Remove the key, or networks_of."
            )
    return source, settings[source]


def _find_base(path: Path, base: str) -> Path:
    beside = path.parent / base
    try:
        return beside if beside.is_file() else find_config(base)
    except ConfigError as error:
        raise ConfigError(f"{path}: base: {error}") from error


def _resolve(where: str, values: dict[str, Any], changes: Iterable[tuple[str, str, Any]]) -> ExperimentConfig:
    places = {}
    for place, key, value in changes:
        if key == "seed":
            raise ConfigError(f"{place} seed: every setting runs with every seed of the grid. Write it under `seeds`.")
        places[override(values, key, value, place)] = place
    return checked(values, where, places)


def _what_is_learnt(config: ExperimentConfig) -> str:
    return config.model_copy(update={"name": "", "description": "", "seed": 0}).model_dump_json(exclude={"runtime"})


def _require_one_split(path: Path, settings: Mapping[str, Setting]) -> None:
    first, *others = settings
    for name in others:
        if settings[name].config.split != settings[first].config.split:
            raise ConfigError(
                f"{path}: settings.{name}: has another split than {first}, so their scores would not pair. "
                "Write split keys into the grid's `set`."
            )


def _require_untuned(path: Path, settings: Mapping[str, Setting]) -> None:
    for name, setting in settings.items():
        if setting.config.inference.tune:
            raise ConfigError(
                f"{path}: settings.{name}: inference.tune chooses thresholds on the validation part, which `part: val` "
                "would then score. Set it to false."
            )


def _row(path: Path, name: str, entry: RowEntry, settings: Mapping[str, Setting]) -> Row:
    where = f"{path}: rows.{name}"
    pair = (entry.segmentation, entry.classification)
    if (entry.from_ is None) == (None in pair) or (entry.from_ is not None and pair != (None, None)):
        raise ConfigError(f"{where}: needs either `from`, or `segmentation` and `classification`.")
    if entry.from_ is not None:
        row = _row_of(entry.from_, _setting(where, "from", entry.from_, settings), entry.refined, entry.ensemble)
    else:
        row = Row(masks=pair[0], classes=pair[1], refined=entry.refined, ensemble=entry.ensemble)
    _require_answer(where, "segmentation", row.masks, settings, unfit="classification")
    _require_answer(where, "classification", row.classes, settings, unfit="segmentation")
    if row.refined and None in (row.masks, row.classes):
        raise ConfigError(f"{where}: refined, but {entry.from_} has one task alone, so nothing can be refined.")
    return row


def _row_of(name: str, setting: Setting, refined: bool = False, ensemble: bool = False) -> Row:
    tasks = setting.config.model.tasks
    masks = None if tasks == "classification" else name
    classes = None if tasks == "segmentation" else name
    return Row(masks=masks, classes=classes, refined=refined, ensemble=ensemble)


def _require_several(path: Path, rows: Mapping[str, Row], seeds: Sequence[int]) -> None:
    joined = [name for name, row in rows.items() if row.ensemble]
    if joined and len(seeds) == 1:
        raise ConfigError(
            f"{path}: rows.{joined[0]}: an ensemble joins the networks of all seeds, and the grid has one. Give it "
            "several seeds, or remove the row."
        )


def _require_answer(where: str, key: str, name: str | None, settings: Mapping[str, Setting], unfit: str) -> None:
    if name is not None and _setting(where, key, name, settings).config.model.tasks == unfit:
        raise ConfigError(f"{where}.{key}: {name} is trained for {unfit} alone. Name a setting that has this task.")


def _setting(where: str, key: str, name: str, settings: Mapping[str, Setting]) -> Setting:
    if name not in settings:
        raise ConfigError(f'{where}.{key}: there is no setting "{name}". Known are {", ".join(settings)}.')
    return settings[name]


def _a_row_each(settings: Mapping[str, Setting]) -> dict[str, Row]:
    return {name: _row_of(name, setting) for name, setting in settings.items()}


def _require_unique(path: Path, key: str, values: Sequence[Hashable]) -> None:
    if twice := [value for value in dict.fromkeys(values) if values.count(value) > 1]:
        raise ConfigError(f"{path}: {key} lists {twice[0]} twice. Remove one.")


def _require_distinct(named: Mapping[str, T], key: Callable[[T], Hashable], where: str, fault: str) -> None:
    first: dict[Hashable, str] = {}
    for name, value in named.items():
        other = first.setdefault(key(value), name)
        if other != name:
            raise ConfigError(f'{where} "{other}" and "{name}" {fault}. Remove or change one.')
