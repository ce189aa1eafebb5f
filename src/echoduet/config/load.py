"""From a YAML or JSON file and `--set` overrides to an `ExperimentConfig`; every mistake is named by file and key."""

from __future__ import annotations

import difflib
import json
import re
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from echoduet.config.presets import shipped
from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ConfigError

MAX_BYTES = 1_000_000
"""A configuration is a page of text; anything far larger is another file given by mistake."""


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
    given_by_hand = [_apply(values, override) for override in overrides or ()]
    try:
        return ExperimentConfig.model_validate(values)
    except ValidationError as error:
        raise ConfigError(_sentence(error, str(path or "configuration"), set(given_by_hand))) from error


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


def dotted_keys(section: type[BaseModel] = ExperimentConfig, prefix: str = "") -> Iterator[str]:
    """Yield every key of the schema as `--set` spells it, such as `optim.epochs`."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from dotted_keys(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a YAML or JSON file that holds one mapping; nothing but plain data comes out.

    Raises:
        ConfigError: the file cannot be read, is not valid, names a key twice, or holds no mapping.
    """
    parse = {".json": _parse_json, ".yaml": parse_yaml, ".yml": parse_yaml}.get(path.suffix.lower())
    if parse is None:
        raise ConfigError(f"{path}: not a configuration. Its name must end in .yaml, .yml or .json.")
    values = _parse(path, parse)
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds no keys. Write `key: value` lines, as in configs/.")
    return values


def _parse(path: Path, parse: Callable[[str], Any]) -> Any:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(f"{path}: too large for a configuration. Give a YAML or JSON file of keys and values.")
        return parse(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Check the path and its permissions.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a text file in UTF-8. Give a YAML or JSON file.") from error
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: not valid JSON ({error.msg})."
        ) from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}{_place(error)}: not valid YAML ({_problem(error)}).") from error
    except (RecursionError, _DuplicateKeyError) as error:
        raise ConfigError(f"{path}: {error or 'nested too deeply'}. Correct the file.") from error


class _DuplicateKeyError(ValueError):
    """One mapping names a key twice."""


def _parse_json(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise _DuplicateKeyError(f'the key "{key}" is given twice')
        values[key] = value
    return values


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, and reads 1e-4 as a number, as YAML 1.2 does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise _DuplicateKeyError(
                    f'the key "{key}" is given twice, again in line {key_node.start_mark.line + 1}'
                )
            seen.add(key)
        return {str(key): value for key, value in super().construct_mapping(node, deep).items()}


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9][0-9_]*(?:\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def parse_yaml(text: str) -> Any:
    """Return the plain data that one YAML document holds."""
    return yaml.load(text, _Loader)


def _place(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or getattr(error, "reason", None) or "unreadable")


def _apply(values: dict[str, Any], override: str) -> str:
    """Set one `a.b=value` in `values` and return its key."""
    key, equals, text = override.partition("=")
    key = key.strip()
    if not equals or not key:
        raise ConfigError(f"--set {override}: needs the form key=value, as in --set optim.epochs=5.")
    try:
        value = parse_yaml(text)
    except (yaml.YAMLError, _DuplicateKeyError, RecursionError) as error:
        raise ConfigError(f"--set {override}: the value is not valid YAML. Put quotes around it.") from error
    *sections, name = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"--set {key}: {_unknown(key)}")
        values = inner
    values[name] = value
    return key


def _sentence(error: ValidationError, where: str, given_by_hand: set[str]) -> str:
    complaints = [_complaint(detail, where, given_by_hand) for detail in error.errors(include_url=False)]
    return " ".join(dict.fromkeys(complaints))


def _complaint(detail: Mapping[str, Any], where: str, given_by_hand: set[str]) -> str:
    # A position inside a pair, as in augment.gamma[1], is not a key: name the pair.
    key = ".".join(part for part in detail["loc"] if isinstance(part, str))
    place = "--set" if key in given_by_hand else f"{where}:"
    if detail["type"] == "extra_forbidden":
        return f"{place} {_unknown(key)}"
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not key:  # a rule over several keys, which its message names
        return f"{where}: {message}."
    return f"{place} {key}: {message.replace('Input should', 'should')}, but {_shown(detail['input'])} was given."


def _shown(value: Any) -> str:
    return reprlib.repr(value).replace("'", '"')


def _unknown(key: str) -> str:
    near = nearest_key(key)
    if near:
        return f'unknown key "{key}"; did you mean "{near}"?'
    return f'unknown key "{key}"; the top-level keys are {", ".join(ExperimentConfig.model_fields)}.'


def nearest_key(key: str) -> str | None:
    """Return the dotted key most like `key`, by its whole or by its last part; None when nothing is near."""
    known = list(dotted_keys())
    if close := difflib.get_close_matches(key, known, n=1, cutoff=0.75):
        return close[0]
    by_last = {name.rpartition(".")[2]: name for name in known}
    close = difflib.get_close_matches(key.rpartition(".")[2], list(by_last), n=1, cutoff=0.75)
    return by_last[close[0]] if close else None
