from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from echoduet.errors import ModelError
from echoduet.models import shipped
from echoduet.models.shipped import find_model, record_checksum, shipped_folder, shipped_model

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path)
    return tmp_path


def release(folder: Path, name: str, content: bytes = b"weights") -> Path:
    path = folder / f"echoduet-{name}.safetensors"
    path.write_bytes(content)
    record_checksum(path)
    return path


def test_a_checkout_has_its_own_and_a_package_a_copy_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped_folder() == ROOT / "models"
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "lib" / "site-packages" / "echoduet")
    assert shipped_folder() == tmp_path / "lib" / "site-packages" / "echoduet" / "models_shipped"


def test_base_is_the_default_and_names_are_short(folder: Path) -> None:
    base, small = release(folder, "base"), release(folder, "small", b"less")
    assert shipped_model() == find_model(None) == find_model("base") == find_model(Path("base")) == base
    assert find_model("small") == small


def test_a_path_is_a_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release(folder, "small")
    assert find_model("mine/small") == Path("mine/small")
    assert find_model(Path("model.pth")) == Path("model.pth")
    monkeypatch.chdir(folder)
    (folder / "small").touch()  # a file of that name is meant before the shipped one
    assert find_model("small") == Path("small")


def test_a_model_that_is_not_there_or_unknown_is_named(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"echoduet-base\.safetensors: the shipped model is not there.*--model"):
        shipped_model()
    with pytest.raises(ModelError, match=r"huge: no shipped model has that name. Known: base, small"):
        shipped_model("huge")


def test_a_changed_file_is_not_used(folder: Path) -> None:
    path = release(folder, "base")
    path.write_bytes(b"weight5")
    with pytest.raises(ModelError, match="is not the file that was released"):
        shipped_model()
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(ModelError, match="is not the file that was released"):
        shipped_model()


def test_a_changed_file_is_not_used_by_its_path_either(folder: Path) -> None:
    path = release(folder, "base")
    assert find_model(path) == path
    path.write_bytes(b"weight5")
    with pytest.raises(ModelError, match="was changed"):
        find_model(path)
    (folder / "SHA256SUMS").write_bytes(b"\xff\xfe no list of ours")
    assert find_model(path) == path


def test_the_list_is_what_sha256sum_reads(folder: Path) -> None:
    release(folder, "small", b"old")
    release(folder, "base")
    release(folder, "small", b"new")
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    assert lines == [
        f"{hashlib.sha256(content).hexdigest()}  echoduet-{name}.safetensors"
        for name, content in (("base", b"weights"), ("small", b"new"))
    ]
    done = subprocess.run(["sha256sum", "--check", "SHA256SUMS"], cwd=folder, capture_output=True, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(("name", "limit"), [("base", 25), ("small", 6)])
def test_what_ships_is_whole_and_small_enough(name: str, limit: float) -> None:
    if not (ROOT / "models" / f"echoduet-{name}.safetensors").exists():
        pytest.skip(f"echoduet-{name} is not released yet")
    assert shipped_model(name).stat().st_size <= limit * 1e6
