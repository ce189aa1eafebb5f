"""Grids: how settings are resolved, and what is said about a grid that cannot be run."""

from __future__ import annotations

import pytest
import yaml

from echoduet.config.load import load_config
from echoduet.config.load_grid import find_grid, load_grid
from echoduet.config.presets import shipped_grids
from echoduet.errors import ConfigError

GRID = {
    "name": "tiny",
    "base": "fast",
    "settings": {
        "Seg": {"set": {"model.tasks": "segmentation"}},
        "Cls": {"set": {"model.tasks": "classification"}},
        "MT": {},
    },
    "rows": {"Seg": {"from": "Seg"}, "both": {"segmentation": "Seg", "classification": "Cls", "refined": True}},
}


@pytest.fixture
def write(tmp_path):
    """Return a writer of the tiny grid with some keys changed."""

    def grid_file(**changes):
        path = tmp_path / "grid.yaml"
        path.write_text(yaml.safe_dump({**GRID, **changes}, sort_keys=False), encoding="utf-8")
        return path

    return grid_file


@pytest.fixture
def refusal(write):
    """Return what is said about the tiny grid with some keys changed."""

    def told(*overrides, **changes):
        with pytest.raises(ConfigError) as caught:
            load_grid(write(**changes), overrides)
        return str(caught.value)

    return told


def test_a_later_change_wins(write):
    path = write(
        set={"optim.epochs": 5, "optim.batch_size": 4},
        settings={"a": {"set": {"optim.epochs": 6}}, "b": {}},
        rows={},
    )
    settings = load_grid(path).settings
    assert [settings[name].config.optim.epochs for name in "ab"] == [6, 5]
    assert settings["a"].config.optim.batch_size == 4
    assert settings["a"].config.preprocess == load_config("fast").preprocess
    (same, other) = load_grid(path, ["optim.batch_size=8"]).settings.values()
    assert same.config.optim.batch_size == other.config.optim.batch_size == 8


def test_a_setting_is_called_by_its_name(write):
    setting = load_grid(write(settings={"a": {"description": "why"}}, rows={})).settings["a"]
    assert (setting.config.name, setting.config.description) == ("a", "why")


def test_the_base_may_lie_beside_the_grid(write, tmp_path):
    (tmp_path / "base.yaml").write_text("preprocess: {size: 64}\n", encoding="utf-8")
    assert load_grid(write(base="base.yaml")).settings["MT"].config.preprocess.size == 64


def test_rows_say_whose_mask_and_whose_class(write):
    rows = load_grid(write()).rows
    assert (rows["Seg"].masks, rows["Seg"].classes, rows["Seg"].refined) == ("Seg", None, False)
    assert (rows["both"].masks, rows["both"].classes, rows["both"].refined) == ("Seg", "Cls", True)


def test_without_rows_every_setting_is_one(write):
    rows = load_grid(write(rows={})).rows
    assert {name: (row.masks, row.classes) for name, row in rows.items()} == {
        "Seg": ("Seg", None),
        "Cls": (None, "Cls"),
        "MT": ("MT", "MT"),
    }


@pytest.mark.parametrize("name", shipped_grids())
def test_every_shipped_grid_loads_by_name_and_by_path(name):
    grid = load_grid(name)
    assert grid == load_grid(shipped_grids()[name])
    assert grid.description
    assert grid.name == name


TABLES = [
    ("ablation", "multi_task_config", {}),
    ("ablation_nnunet", "multi_task_config", {"model.architecture": "nnunet"}),
    ("ablation_ours", "echoduet-base", {"split.protocol": "paper", "optim.epochs": 30, "inference.refining": "hard"}),
]


@pytest.mark.parametrize(("name", "base", "changes"), TABLES)
def test_the_shipped_ablations_are_table_5(name, base, changes):
    grid, whole = load_grid(name), load_config(base, [f"{key}={value}" for key, value in changes.items()])
    assert list(grid.settings)[:3] == ["ST(Seg)+DO", "ST(Cls)+DO", "MT+DO"]  # in the order of what they decide
    assert len(grid.settings) == 6
    assert list(grid.rows) == [
        *("ST(Seg)", "ST(Seg)+DO", "ST(Cls)", "ST(Cls)+DO", "ST(Seg+Cls)+PR", "ST(Seg+Cls)+PR+DO"),
        *("MT", "MT+PR", "MT+DO", "MT+PR+DO"),
    ]
    for setting, made in grid.settings.items():
        config = made.config
        assert (config.oversampling == "deterministic") == setting.endswith("+DO")
        assert config.model.tasks == {"S": "segmentation", "C": "classification"}.get(setting[3:4], "both")
        assert config.model == whole.model.model_copy(update={"tasks": config.model.tasks})
        assert (config.loss, config.split) == (whole.loss, whole.split)
        # Under our recipe all see as many images: oversampling, which makes three of one, has a third of the epochs.
        share = 3 if name == "ablation_ours" and config.oversampling == "deterministic" else 1
        assert config.optim == whole.optim.model_copy(update={"epochs": whole.optim.epochs // share})
    for row, entry in grid.rows.items():
        assert entry.refined == ("PR" in row)
        assert all(setting.endswith("+DO") == row.endswith("+DO") for setting in entry.settings)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"settings": {}}, "names no settings"),
        ({"sead": 3}, 'unknown key "sead"; did you mean "seeds"?'),
        ({"settings": {"a": {"descripton": "x"}}}, 'settings.a.descripton"; did you mean "description"?'),
        ({"rows": {"r": {"form": "MT"}}}, 'rows.r.form"; did you mean "from"?'),
        ({"settings": {"a": {"set": {"optim.epoch": 3}}}}, "settings.a.set: unknown key"),
        ({"settings": {"a": {"set": {"optim.epochs": "many"}}}}, 'settings.a.set: optim.epochs is "many", but'),
        ({"set": {"optim.epochs": 0}}, "set: optim.epochs is 0, but"),
        ({"settings": {"a": {"set": {"seed": 3}}}}, "settings.a.set: seed: every setting runs with every seed"),
        ({"settings": {"a": {}, "b": {"set": {"name": "b"}}}}, 'settings "a" and "b" are equal'),
        ({"settings": {"a": {}, "b": {"set": {"runtime.threads": 2}}}}, 'settings "a" and "b" are equal'),
        ({"settings": {"a b": {}, "A(B)": {"set": {"optim.epochs": 3}}}}, 'settings "a b" and "A(B)" share a folder'),
        ({"settings": {"(+)": {}}}, "settings.(+): its name holds no letter"),
        ({"settings": {"a": {}, "b": {"set": {"split.folds": 3}}}}, "settings.b: has another split than a"),
        ({"seeds": [1, 2, 1]}, "seeds lists 1 twice"),
        ({"folds": [0, 0]}, "folds lists 0 twice"),
        ({"folds": [-1]}, "folds[0] is -1, but"),
        ({"seeds": []}, "seeds is [], but should hold one value at least."),
        ({"seeds": 3}, "seeds is 3, but should be a list."),
        ({"seeds": [-1]}, "seeds[0] is -1, but should be greater than or equal to 0."),
        ({"seeds": [2**32]}, "seeds[0] is 4294967296, but should be less than or equal to 4294967295."),
        ({"set": 3}, "set is 3, but should be a group of keys."),
        ({"at_sizes": [128, "native", 128]}, "at_sizes lists 128 twice"),
        ({"at_sizes": ["natve"]}, "at_sizes"),
        ({"part": "train"}, "part is"),
        ({"part": "val", "set": {"inference.tune": True}}, "settings.Seg: inference.tune chooses thresholds on the"),
        ({"rows": {"r": {"from": "MTL"}}}, 'rows.r.from: there is no setting "MTL". Known are Seg, Cls, MT.'),
        ({"rows": {"r": {"from": "MT", "segmentation": "Seg"}}}, "rows.r: needs either `from`"),
        ({"rows": {"r": {"segmentation": "Seg"}}}, "rows.r: needs either `from`"),
        ({"rows": {"r": {}}}, "rows.r: needs either `from`"),
        ({"rows": {"r": {"segmentation": "Cls", "classification": "MT"}}}, "rows.r.segmentation: Cls is trained for"),
        ({"rows": {"r": {"segmentation": "MT", "classification": "Seg"}}}, "rows.r.classification: Seg is trained"),
        ({"rows": {"r": {"from": "Seg", "refined": True}}}, "rows.r: refined, but Seg has one task alone"),
        ({"rows": {"r": {"from": "MT"}, "s": {"from": "MT"}}}, 'rows "r" and "s" report the same'),
        (
            {"seeds": [1], "rows": {"r": {"from": "MT", "ensemble": True}}},
            "rows.r: an ensemble joins the networks of all",
        ),
        ({"settings": {"a": {"networks_of": "b"}}}, 'settings.a.networks_of: there is no setting "b". Known are a.'),
        ({"settings": {"a": {}, "b": {"networks_of": "a"}}}, 'settings "a" and "b" are equal'),
        (
            {"settings": {"a": {}, "b": {"networks_of": "a", "set": {"optim.epochs": 3}}}},
            "settings.b.set: optim.epochs would take networks of its own, and these are those of a",
        ),
        (
            {"settings": {"a": {}, "b": {"networks_of": "a"}, "c": {"networks_of": "b"}}},
            "settings.c.networks_of: b has no networks of its own. Name a.",
        ),
        ({"settings": {"a": {"networks_of": "a"}}}, "settings.a.networks_of: names itself."),
        ({"base": "ablation"}, "is a grid of experiments"),
        ({"base": "gone.yaml"}, ": base: gone.yaml: no such configuration"),
    ],
)
def test_a_grid_that_cannot_be_run_is_refused_by_file_and_key(refusal, tmp_path, changes, named):
    told = refusal(**changes)
    assert named in told
    assert str(tmp_path / "grid.yaml") in told or "base" in changes
    assert told.endswith((".", "?"))


def test_a_setting_may_answer_with_the_networks_of_another(write):
    settings = {
        "soft": {"networks_of": "Seg", "set": {"inference.flip": False}},
        "Seg": {"set": {"model.tasks": "segmentation"}},
    }
    grid = load_grid(write(settings=settings, rows={}), ["optim.epochs=4"])
    soft, seg = grid.settings.values()
    assert (grid.trained, soft.networks_of, seg.networks_of) == (("Seg",), "Seg", None)
    assert (soft.config.model, soft.config.optim) == (seg.config.model, seg.config.optim)
    assert (soft.config.inference.flip, seg.config.inference.flip) == (False, True)
    assert soft.config.name == "soft"


def test_overrides_are_named_as_such(refusal):
    assert refusal("optim.epochs=many").startswith('--set optim.epochs is "many"')
    assert refusal("optim.epoch=3").startswith("--set optim.epoch=3: unknown key")
    assert refusal("seed=4").startswith("--set seed: every setting runs with every seed")
    assert 'settings "Seg" and "Cls" are equal' in refusal("model.tasks=segmentation", rows={})


def test_a_setting_named_twice_is_refused(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text("name: g\nsettings:\n  a: {}\n  a: {}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match='"a" is given twice'):
        load_grid(path)


def test_a_grid_is_no_configuration_and_the_reverse(write):
    with pytest.raises(ConfigError, match="is a grid of experiments"):
        load_config(write())
    with pytest.raises(ConfigError, match="ablation: is a grid"):
        load_config("ablation")
    with pytest.raises(ConfigError, match=r"fast: no such grid.*ablation"):
        find_grid("fast")
