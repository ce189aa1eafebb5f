"""Sentences about keys: which is wrong, what was given, what is allowed, what was probably meant."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from echoduet.config.schema import ExperimentConfig


def dotted_keys(section: type[BaseModel] = ExperimentConfig, prefix: str = "") -> Iterator[str]:
    """Yield every key of the schema as `--set` spells it, such as `optim.epochs`."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from dotted_keys(field.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def nearest_key(key: str) -> str | None:
    """Return the dotted key most like `key`: one it begins, or like it as a whole or in its last part; or None."""
    known = list(dotted_keys())
    if begun := [name for name in known if name.startswith(key)]:
        return min(begun, key=len)
    if close := difflib.get_close_matches(key, known, n=1, cutoff=0.75):
        return close[0]
    by_last = {name.rpartition(".")[2]: name for name in known}
    close = difflib.get_close_matches(key.rpartition(".")[2], list(by_last), n=1, cutoff=0.75)
    return by_last[close[0]] if close else None


def describe_unknown(key: str) -> str:
    """Return what to say about a key that does not exist."""
    if inside := [name for name in dotted_keys() if name.startswith(f"{key}.")]:
        return f'"{key}" is a group of keys; set one of {", ".join(inside)}.'
    if near := nearest_key(key):
        return f'unknown key "{key}"; did you mean "{near}"?'
    return f'unknown key "{key}"; the top-level keys are {", ".join(ExperimentConfig.model_fields)}.'


def describe(
    error: ValidationError,
    where: str,
    places: Mapping[str, str],
    unknown: Callable[[str], str] = describe_unknown,
) -> str:
    """Return every complaint of `error`, each with its key.

    Args:
        error: what the schema refused.
        where: the file, for keys that come from it.
        places: where the other keys came from, key to place, as `{"optim.epochs": "--set"}`.
        unknown: says what a key that does not exist could have meant.
    """
    complaints = (_complaint(detail, where, places, unknown) for detail in error.errors(include_url=False))
    return " ".join(dict.fromkeys(complaints))


def _complaint(detail: Mapping[str, Any], where: str, places: Mapping[str, str], unknown: Callable[[str], str]) -> str:
    key = ".".join(part for part in detail["loc"] if isinstance(part, str))
    place = places.get(key, f"{where}:")
    if detail["type"] == "extra_forbidden":
        return f"{place} {unknown(key)}"
    if not key:  # a rule over several keys, which its message names
        return f"{where}: {detail['msg'].removeprefix('Value error, ')}."
    return f"{place} {key}{_position(detail)} is {_shown(detail['input'])}, but {_allowed(detail)}."


def _position(detail: Mapping[str, Any]) -> str:
    # An index says which number of a pair such as augment.gamma is wrong; a missing one has no index to show.
    return "".join(f"[{part}]" for part in detail["loc"] if isinstance(part, int) and detail["type"] != "missing")


def _allowed(detail: Mapping[str, Any]) -> str:
    kind, message = detail["type"], str(detail["msg"])
    if kind == "missing":
        return "needs one value more"
    if kind in _KINDS:
        return _KINDS[kind]
    if kind.endswith(
        ("_parsing", "_from_float")
    ):  # "should be a valid integer, unable to parse ...": the rest is noise
        message = message.partition(",")[0]
    return message.removeprefix("Input ").removeprefix("Tuple ").replace("'", '"')


_KINDS = {
    "model_type": "should be a group of keys",
    "dict_type": "should be a group of keys",
    "tuple_type": "should be a list",
    "too_short": "should hold one value at least",
}


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    return reprlib.repr(value).replace("'", '"')
