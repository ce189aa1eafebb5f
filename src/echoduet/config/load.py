"""From a YAML or JSON file and `--set` overrides to an `ExperimentConfig`; every mistake is named by file and key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from echoduet.config.complaints import describe, describe_unknown, dotted_keys
from echoduet.config.parsing import DuplicateKeyError, parse_yaml, read_mapping
from echoduet.config.presets import shipped
from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ConfigError


def load_config(source: Path | str | None, overrides: Sequence[str] | None = ()) -> ExperimentConfig:
    """Read a configuration and apply overrides.

    Args:
        source: a file (.json, .yaml, .yml), the name of a shipped configuration, or None for the defaults.
        overrides: `"a.b=value"` each, the value parsed as YAML; a later one wins.

    Raises:
        ConfigError: the file cannot be read or parsed, or a key is unknown or has a wrong value.
    """
    path = find_config(source) if source is not None else None
    values = read_mapping(path) if path is not None else {}
    overridden = {_override(values, text) for text in overrides or ()}
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error, str(path or "configuration"), overridden)) from error


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
    raise ConfigError(f"{source}: no such configuration. Give a file, or one of those shipped: {', '.join(presets)}.")


def _override(values: dict[str, Any], text: str) -> str:
    """Set one `a.b=value` in `values`; return its key."""
    key, value = _split_override(text)
    *sections, name = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(
                f'--set {key}: the configuration holds no group "{section}" to set it in. Correct the file.'
            )
        values = inner
    values[name] = value
    return key


def _split_override(text: str) -> tuple[str, Any]:
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
