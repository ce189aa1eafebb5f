"""Reading YAML and JSON strictly: plain data only, no key twice, every mistake with its file and line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from echoduet.errors import ConfigError

MAX_BYTES = 1_000_000
"""A configuration is a page of text; anything far larger is another file given by mistake."""


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML or JSON file that holds one mapping.

    Raises:
        ConfigError: the file cannot be read, is not valid, names a key twice, or holds no mapping.
    """
    parse = {".json": parse_json, ".yaml": parse_yaml, ".yml": parse_yaml}.get(path.suffix.lower())
    if parse is None:
        raise ConfigError(f"{path}: not a configuration. Its name must end in .yaml, .yml or .json.")
    values = _parse(path, parse)
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds no keys. Write `key: value` lines, as in configs/.")
    return values


def _parse(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(_read(path))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(f"{path}, {place}: not valid JSON ({error.msg}). Correct the file.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_place(error)}: not valid YAML ({_problem(error)}). Correct the file.") from error
    except DuplicateKeyError as error:
        raise ConfigError(f"{path}: {error}. Remove one of them.") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply for a configuration. Correct the file.") from error


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: too large for a configuration. Give a YAML or JSON file of keys and values.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file in UTF-8. Give a YAML or JSON file.") from error


class DuplicateKeyError(ValueError):
    """One mapping names a key twice."""


def parse_json(text: str) -> Any:
    """Return the plain data of a JSON text.

    Raises:
        DuplicateKeyError: a mapping names a key twice.
    """
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise DuplicateKeyError(f'the key "{key}" is given twice')
        values[key] = value
    return values


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, and reads 1e-4 as a number, as YAML 1.2 does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                line = key_node.start_mark.line + 1
                raise DuplicateKeyError(f'the key "{key}" is given twice, the second time in line {line}')
            seen.add(key)
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?[0-9][0-9_]*(?:\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def parse_yaml(text: str) -> Any:
    """Return the plain data of one YAML document.

    Raises:
        DuplicateKeyError: a mapping names a key twice.
    """
    return yaml.load(text, _Loader)


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable")
