"""Shipped configurations."""

from __future__ import annotations

from pathlib import Path

import pytest

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


def test_grids_are_listed_apart():
    grids = presets.shipped_grids()
    assert {"ablation", "ablation_nnunet"} <= set(grids)
    assert not set(grids) & set(presets.shipped())


@pytest.mark.parametrize(
    ("name", "text"),
    [("g.yaml", "name: g\nsettings:\n  a: {}\n"), ("g.json", '{\n  "name": "g",\n  "settings": {"a": {}}\n}\n')],
)
def test_a_grid_is_known_by_its_settings_in_either_language(tmp_path, monkeypatch, name, text):
    (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "broken.yaml").write_text("a: [", encoding="utf-8")
    monkeypatch.setattr(presets, "_folder", lambda: tmp_path)
    assert list(presets.shipped_grids()) == ["g"]
    assert list(presets.shipped()) == ["broken"]


def test_a_package_without_any_ships_none(tmp_path, monkeypatch):
    monkeypatch.setattr(presets, "_PACKAGE", Path(tmp_path))
    assert presets.shipped() == {}
