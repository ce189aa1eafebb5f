"""What a wheel holds, and what the locks promise."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from echoduet import __version__

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def locked(*names):
    """Return package to exact version, as the lock files give them."""
    found = {}
    for name in names:
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                package, _, version = line.partition("==")
                found[canonicalize_name(package)] = version
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel; return the names of its files."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = folder.glob("*.whl")
    assert path.name == f"echoduet-{__version__}-py3-none-any.whl"
    return zipfile.ZipFile(path).namelist()


def test_the_wheel_holds_every_module_and_every_configuration(wheel):
    modules = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "echoduet").rglob("*.py")}
    configs = {f"echoduet/configs/{path.name}" for path in (ROOT / "configs").iterdir()}
    assert modules <= set(wheel)
    assert configs <= set(wheel)
    assert "echoduet/py.typed" in wheel


def test_the_wheel_holds_the_pages_that_reports_are_made_from(wheel):
    templates = {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src" / "echoduet").rglob("*")
        if path.is_file() and path.suffix in {".html", ".css", ".js", ".jinja"}
    }
    assert templates <= set(wheel)


def test_the_wheel_holds_the_shipped_models(wheel):
    tracked = subprocess.run(["git", "ls-files", "models"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = {line.removeprefix("models/") for line in tracked.stdout.splitlines()} or {"README.md"}
    assert {f"echoduet/models_shipped/{name}" for name in names} <= set(wheel)


def test_the_wheel_holds_nothing_else(wheel):
    assert [name for name in wheel if not name.startswith(("echoduet/", f"echoduet-{__version__}.dist-info/"))] == []


def test_every_dependency_is_locked_within_its_range():
    versions = locked("requirements.lock")
    for text in [*PROJECT["project"]["dependencies"], *PROJECT["build-system"]["requires"]]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), text


def test_every_tool_is_locked_within_its_range():
    versions = locked("requirements.lock", "requirements-dev.lock")
    for text in PROJECT["project"]["optional-dependencies"]["dev"]:
        requirement = Requirement(text)
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), text


def test_locks_are_exact_sorted_and_name_no_place():
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = [line for line in (ROOT / name).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
        assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9a-z.]+", line) for line in lines)
        assert lines == sorted(lines, key=str.lower)
    assert not set(locked("requirements.lock")) & set(locked("requirements-dev.lock"))


def test_the_locks_are_complete():
    # Everything that a locked package needs on this platform is locked as well.
    versions = locked("requirements.lock", "requirements-dev.lock")
    missing = set()
    for package in versions:
        for text in metadata.requires(package) or []:
            requirement = Requirement(text)
            wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if wanted and canonicalize_name(requirement.name) not in versions:
                missing.add(f"{package} needs {requirement.name}")
    assert {line for line in missing if "nvidia" not in line and "triton" not in line and "cuda" not in line} == set()


def test_requirements_txt_installs_the_lock_and_this_folder():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-r requirements.lock", "-e ."]
