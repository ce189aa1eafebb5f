"""Pages whose links lead somewhere and that name no place of their own making."""

from __future__ import annotations

import re
import shlex
import tomllib

import yaml
from typer.main import get_command

from echoduet import __version__
from echoduet.cli.main import COMMANDS, app

LINK = re.compile(r"\[[^\]]*\]\((?!https?:)([^)#\s]+)(#[^)\s]*)?\)")


def test_every_link_inside_the_documentation_leads_somewhere(pages):
    dead = [
        f"{page.name}: {link[0]}"
        for page in pages
        for link in LINK.findall(page.read_text())
        if not (page.parent / link[0]).exists()
    ]
    assert dead == []


def test_every_page_can_be_reached_from_the_index(root, pages):
    index = root / "docs" / "index.md"
    reached, waiting = set(), [index]
    while waiting:
        page = waiting.pop()
        if page not in reached and page.suffix == ".md":
            reached.add(page)
            waiting += [(page.parent / link).resolve() for link, _ in LINK.findall(page.read_text())]
    assert [page.name for page in pages if page not in reached] == []


def test_no_page_names_a_machine(pages):
    places = re.compile(r"/work/|/tmp/|/home/|/root/|localhost|--index-url|--find-links")
    assert [page.name for page in pages if places.search(page.read_text())] == []


def test_the_readme_opens_with_the_two_commands(root):
    opening = (root / "README.md").read_text().partition("```bash\n")[2].partition("```")[0]
    assert [line.partition("#")[0].strip() for line in opening.splitlines()] == ["make demo", "make test"]


def test_the_makefile_has_the_targets_that_the_pages_name(root, pages):
    named = {
        word
        for page in pages
        for word in re.findall(r"`?make (\w+)`?", page.read_text())
        if page.name != "CHANGELOG.md"
    }
    targets = set(re.findall(r"^(\w+):", (root / "Makefile").read_text(), re.MULTILINE))
    assert {"demo", "test", "check", "bench"} <= targets
    assert {"demo", "test", "check", "bench"} <= named


def test_the_citation_is_valid_and_of_this_version(root):
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == __version__
    assert citation["preferred-citation"]["doi"] == "10.1016/j.cmpb.2024.108540"
    assert {entry["doi"] for entry in citation["references"]} == {
        "10.1016/j.dib.2019.104863",
        "10.5281/zenodo.19047974",
    }


def test_the_changelog_knows_this_version_or_what_comes_next(root):
    text = (root / "CHANGELOG.md").read_text()
    assert f"## [{__version__}]" in text or "## [Unreleased]" in text


def test_the_console_script_is_the_command_line(root):
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    assert project["scripts"] == {"echoduet": "echoduet.cli.main:main"}


def test_the_readme_names_every_command(root):
    names = [command.__name__ for command in COMMANDS]
    text = (root / "README.md").read_text() + (root / "docs" / "tutorial.md").read_text()
    assert [name for name in names if f"echoduet {name}" not in text and f"make {name}" not in text] == []


def shown_commands(pages):
    """Return every `echoduet` command in the pages' blocks, as its words."""
    blocks = (block for page in pages for block in re.findall(r"^```bash\n(.*?)^```", page.read_text(), re.S | re.M))
    lines = (line for block in blocks for line in block.replace("\\\n", " ").splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("echoduet ")]


def test_every_command_on_a_page_is_one_that_the_command_line_takes(pages):
    group = get_command(app)
    commands = shown_commands(pages)
    assert len(commands) > 10
    for name, *words in commands:
        group.commands[name].make_context(name, words)
