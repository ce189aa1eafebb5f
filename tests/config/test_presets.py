"""Shipped configurations."""

from __future__ import annotations

from pathlib import Path

from echoduet.config import presets


def test_the_checkouts_configurations_are_found():
    found = presets.shipped()
    assert found["multi_task_config"].name == "multi_task_config.json"
    assert all(path.is_file() for path in found.values())
    assert list(found) == sorted(found)


def test_an_installed_package_has_its_own(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "echoduet"
    (package / "configs").mkdir(parents=True)
    (package / "configs" / "mine.yaml").write_text("seed: 1\n", encoding="utf-8")
    (package / "configs" / "readme.txt").write_text("no configuration\n", encoding="utf-8")
    monkeypatch.setattr(presets, "_PACKAGE", package)
    assert presets.shipped() == {"mine": package / "configs" / "mine.yaml"}


def test_a_package_without_any_ships_none(tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "_PACKAGE", Path(tmp_path))
    assert presets.shipped() == {}
