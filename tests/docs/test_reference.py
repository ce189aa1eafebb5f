"""The reference pages say what the code says: they are compared with what is generated from it.

ECHODUET_WRITE_DOCS=1 python -m pytest tests/docs/test_reference.py     writes them anew.
"""

from __future__ import annotations

import inspect
import json
import os

import pytest
from typer.main import get_command

from echoduet.cli.main import app
from echoduet.config.schema import ExperimentConfig

NOTE = (
    "<!-- Generated from the code by tests/docs/test_reference.py; edit docstrings and help texts, not this page. -->"
)
HIDDEN = {"help", "quiet", "json"}


def cell(text):
    """Return `text` as it must stand in a table."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(columns, rows):
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines)


def allowed(schema):
    """Return in words which values a JSON schema lets through."""
    if "anyOf" in schema:
        return " or ".join(allowed(part) for part in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if "prefixItems" in schema:
        return " and ".join(allowed(part) for part in schema["prefixItems"])
    words = {
        "integer": "whole number",
        "number": "number",
        "boolean": "true or false",
        "string": "text",
        "null": "null",
    }
    bounds = {
        "minimum": ">=",
        "exclusiveMinimum": ">",
        "maximum": "<=",
        "exclusiveMaximum": "<",
        "multipleOf": "multiple of",
    }
    limits = [f"{sign} {schema[key]:.10g}" for key, sign in bounds.items() if key in schema]
    return ", ".join([words[schema["type"]], *limits])


def shown(value):
    """Return a default as one writes it in YAML."""
    return value if isinstance(value, str) and value else json.dumps(value)


def configuration_page():
    """Return the page of every key."""
    schema = ExperimentConfig.model_json_schema()
    defaults = ExperimentConfig().model_dump(mode="json")
    parts, top = [], []
    for name, field in schema["properties"].items():
        if "$ref" not in field:
            top.append((f"`{name}`", f"`{shown(defaults[name])}`", allowed(field)))
            continue
        section = schema["$defs"][field["$ref"].rpartition("/")[2]]
        rows = [
            (f"`{name}.{key}`", f"`{shown(defaults[name][key])}`", allowed(value))
            for key, value in section["properties"].items()
        ]
        parts.append(f"## {name}\n\n{section['description']}\n\n{table(('key', 'default', 'allowed'), rows)}")
    intro = (
        "A configuration is a YAML or JSON file of these keys; what it leaves out has the default. `--set key=value`\n"
        "overrides one."
    )
    head = f"# Every key of a configuration\n\n{NOTE}\n\n{intro}\n\n{table(('key', 'default', 'allowed'), top)}"
    return "\n\n".join([head, *parts]) + "\n"


def parameter_row(parameter):
    """Return what a table says about an argument or option."""
    if parameter.param_type_name == "argument":
        name, needed = parameter.metavar or parameter.name.upper(), parameter.required
    else:
        name, needed = ", ".join([*parameter.opts, *parameter.secondary_opts]), parameter.required
    default = "needed" if needed else parameter.default
    if default is True:
        default = f"`{parameter.opts[0]}`"
    default = "" if default is None or default is False else default
    return f"`{name}`", default, parameter.help or ""


def every_command(group, before=""):
    """Yield every command with its name, those of a group behind the group itself."""
    for name, command in group.commands.items():
        yield before + name, command
        if hasattr(command, "commands"):
            yield from every_command(command, f"{before}{name} ")


def command_line_page():
    """Return the page of every command."""
    parts = []
    for name, command in every_command(get_command(app)):
        rows = [parameter_row(p) for p in command.params if p.name not in HIDDEN]
        text = inspect.cleandoc(command.help)
        parts.append(f"## echoduet {name}\n\n{text}\n\n{table(('', 'default', ''), rows)}")
    intro = (
        "Every command also takes `--help`, `--quiet` (print nothing but errors) and `--json` (print the result as\n"
        "one JSON object on stdout). Exit codes: 0 done; 1 done, but some inputs had problems, which were listed;\n"
        "2 an error, told in one sentence; 130 interrupted.\n\n"
        "Decoded images are kept in `$ECHODUET_CACHE`, else in the user's cache folder (`~/.cache/echoduet`), under a\n"
        "hash of their content; the folder may be deleted at any time. `ECHODUET_DEBUG=1` shows an error's traceback."
    )
    return "\n\n".join([f"# The command line\n\n{NOTE}\n\n{intro}", *parts]) + "\n"


@pytest.mark.parametrize(
    ("name", "generate"), [("configuration", configuration_page), ("command-line", command_line_page)]
)
def test_the_reference_is_what_the_code_says(root, name, generate):
    path = root / "docs" / "reference" / f"{name}.md"
    if os.environ.get("ECHODUET_WRITE_DOCS") == "1":
        path.write_text(generate(), encoding="utf-8")
    told = f"{path.name} is out of date: ECHODUET_WRITE_DOCS=1 python -m pytest tests/docs/test_reference.py"
    assert path.read_text(encoding="utf-8") == generate(), told
