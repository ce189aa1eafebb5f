"""From a YAML or JSON file and `--set` overrides to an `ExperimentConfig`; every mistake is named by file and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from echoduet.config.complaints import describe, describe_unknown, dotted_keys
from echoduet.config.parsing import DuplicateKeyError, parse_yaml, read_mapping
from echoduet.config.presets import shipped, shipped_grids
from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ConfigError

_IS_GRID = "is a grid of experiments. Run it with `echoduet ablate`, or give the configuration of one experiment."


def load_config(source: Path | str | None, overrides: Sequence[str] | None = ()) -> ExperimentConfig:
    """Read a configuration and apply overrides.

    Args:
        source: a file (.json, .yaml, .yml), the name of a shipped configuration, or None for the defaults.
        overrides: `"a.b=value"` each, the value parsed as YAML; a later one wins.

    Raises:
        ConfigError: the file cannot be read or parsed, or a key is unknown or has a wrong value.
    """
    path = find_config(source) if source is not None else None
    values = read_experiment(path) if path is not None else {}
    places = {override(values, *split_override(text)): "--set" for text in overrides or ()}
    return checked(values, str(path or "configuration"), places)


def read_experiment(path: Path) -> dict[str, Any]:
    """Return what the file of one experiment holds, unchecked.

    Raises:
        ConfigError: it cannot be read or parsed, or is a grid.
    """
    values = read_mapping(path)
    if "settings" in values:
        raise ConfigError(f"{path}: {_IS_GRID}")
    return values


def checked(values: Mapping[str, Any], where: str, places: Mapping[str, str]) -> ExperimentConfig:
    """Return the configuration that `values` describe.

    Args:
        values: the keys, nested.
        where: the file they come from.
        places: where the other keys come from; see `complaints.describe`.

    Raises:
        ConfigError: a key is unknown or has a wrong value; it is named with its place.
    """
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error, where, places)) from error


def find_config(source: Path | str) -> Path:
    """Return the file that `source` means: a path that exists, or else the name of a shipped configuration.

    Raises:
        ConfigError: it is neither.
    """
    if Path(source).is_file():
        return Path(source)
    presets = shipped()
    if str(source) in presets:
        return presets[str(source)]
    if str(source) in shipped_grids():
        raise ConfigError(f"{source}: {_IS_GRID}")
    raise ConfigError(f"{source}: no such configuration. Give a file, or one of those shipped: {', '.join(presets)}.")


def override(values: dict[str, Any], key: str, value: Any, place: str = "--set") -> str:
    """Set the dotted `key` in the nested `values`; return the key.

    Raises:
        ConfigError: there is no such key, or the values hold something else where its group should be.
    """
    if key not in set(dotted_keys()):
        raise ConfigError(f"{place} {describe_unknown(key)}")
    *sections, name = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f'{place} {key}: the configuration holds no group "{section}" to set it in. Correct the file.'
            )
        values = inner
    values[name] = value
    return key


def split_override(text: str) -> tuple[str, Any]:
    """Return key and value of a `--set a.b=value`, the value parsed as YAML.

    Raises:
        ConfigError: it has another form, names no key, or the value is not YAML.
    """
    key, equals, value = text.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"--set {text}: needs the form key=value, as in --set optim.epochs=5.")
    if key not in set(dotted_keys()):
        raise ConfigError(f"--set {text}: {describe_unknown(key)}")
    try:
        return key, parse_yaml(value)
    except (yaml.YAMLError, DuplicateKeyError, RecursionError) as error:
        raise ConfigError(f"--set {text}: the value is not valid YAML. Put quotes around it.") from error
