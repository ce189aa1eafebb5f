"""Configurations from files, names and overrides."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from echoduet.config.complaints import dotted_keys
from echoduet.config.load import find_config, load_config
from echoduet.config.presets import shipped
from echoduet.config.schema import ExperimentConfig
from echoduet.errors import ConfigError


def wrong(tmp_path, text, *overrides, name="c.yaml"):
    """Return the sentence that refuses a configuration file."""
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path, overrides)
    return str(caught.value).replace(str(path), name)


def test_without_a_source_the_defaults_are_taken():
    assert load_config(None) == ExperimentConfig()


def test_a_file_and_overrides_meet_in_one_configuration(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("optim: {epochs: 7, batch_size: 4}\n", encoding="utf-8")
    config = load_config(path, ["optim.epochs=3", "optim.early_stop=null", "augment.gamma=[0.7, 1.4]", "name= trial "])
    assert (config.optim.epochs, config.optim.batch_size, config.optim.early_stop) == (3, 4, None)
    assert (config.augment.gamma, config.name) == ((0.7, 1.4), "trial")


def test_the_later_override_wins():
    assert load_config(None, ["seed=1", "seed=2"]).seed == 2


def test_no_overrides_may_be_none():
    assert load_config(None, None) == ExperimentConfig()


def test_yaml_and_json_of_one_configuration_are_equal(tmp_path):
    values = {"seed": 3, "optim": {"learning_rate": 3e-4, "early_stop": None}}
    (tmp_path / "c.json").write_text(json.dumps(values), encoding="utf-8")
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    assert load_config(tmp_path / "c.json") == load_config(tmp_path / "c.yaml")


@given(
    learning_rate=st.floats(1e-8, 1.0),
    epochs=st.integers(1, 10_000),
    early_stop=st.none() | st.integers(1, 100),
    gain=st.tuples(st.floats(0.1, 1.0), st.floats(1.0, 3.0)),
)
def test_what_is_dumped_loads_again(tmp_path_factory, learning_rate, epochs, early_stop, gain):
    config = ExperimentConfig.model_validate(
        {
            "optim": {"learning_rate": learning_rate, "epochs": epochs, "early_stop": early_stop},
            "augment": {"gain": gain},
        }
    )
    path = tmp_path_factory.mktemp("config") / "c.json"
    path.write_text(config.model_dump_json(), encoding="utf-8")
    assert load_config(path) == config


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_configuration_loads_by_name_and_by_path(name):
    config = load_config(name)
    assert config == load_config(shipped()[name])
    assert config.description


def test_the_papers_configuration_is_the_papers():
    config = load_config("multi_task_config")
    assert config.model.architecture == "unetpp"
    assert (config.split.protocol, config.split.folds, config.split.seed) == ("paper", 4, 1993)
    assert (config.loss.segmentation_weight, config.loss.focal_gamma, config.loss.dice_smoothing) == (0.35, 2.0, 1.0)
    assert (config.optim.optimizer, config.optim.learning_rate, config.optim.eps) == ("adam", 1e-4, 1e-4)
    assert (config.optim.epochs, config.optim.early_stop, config.optim.batch_size) == (200, 50, 2)
    assert (config.optim.plateau_factor, config.optim.plateau_patience) == (0.5, 20)
    assert (config.preprocess.size, config.oversampling) == (128, "deterministic")


def test_a_file_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "multi_task_config").write_text("{}", encoding="utf-8")
    assert find_config("multi_task_config").resolve() == tmp_path / "multi_task_config"


def test_an_unknown_source_is_answered_with_what_ships():
    with pytest.raises(ConfigError, match=r"nothing\.yaml: no such configuration.*multi_task_config"):
        load_config("nothing.yaml")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("optim.epoch=5", 'did you mean "optim.epochs"?'),
        ("learning_rate=1", 'did you mean "optim.learning_rate"?'),
        ("optim.epochs.more=3", 'did you mean "optim.epochs"?'),
        ("optim=3", '"optim" is a group of keys; set one of optim.optimizer,'),
        ("optim.epochs", "needs the form key=value"),
        ("=5", "needs the form key=value"),
        ("seed=[", "the value is not valid YAML"),
        ("seed={a: 1, a: 2}", "the value is not valid YAML"),
        ("optim.epochs=5.5", "--set optim.epochs is 5.5, but should be a valid integer."),
        ("optim.epochs=", "--set optim.epochs is empty, but should be a valid integer."),
        ("optim.epochs=0", "is 0, but should be greater than or equal to 1."),
        ("optim.optimizer=sgd", 'is "sgd", but should be "adam" or "adamw".'),
        ("optim.learning_rate=.inf", "is inf, but should be a finite number."),
        ("preprocess.size=100", "is 100, but should be a multiple of 32."),
        ("model.pretrained=perhaps", 'is "perhaps", but should be a valid boolean.'),
        ("augment.gamma=[1.0]", "augment.gamma is [1.0], but needs one value more."),
        ("augment.gamma=[1, x]", 'augment.gamma[1] is "x", but should be a valid number.'),
        ("augment.gamma=[2.0, 1.0]", "augment.gamma: needs two positive numbers, the smaller first"),
    ],
)
def test_a_wrong_override_is_named(override, told):
    with pytest.raises(ConfigError) as caught:
        load_config(None, [override])
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_wrong_key_in_a_file_is_named_with_the_file(tmp_path):
    assert wrong(tmp_path, "optim: {lerning_rate: 1}") == (
        'c.yaml: unknown key "optim.lerning_rate"; did you mean "optim.learning_rate"?'
    )


def test_every_wrong_key_is_named(tmp_path):
    told = wrong(tmp_path, "seed: x\noptim: {epochs: 0}\nzzz: 1")
    assert 'c.yaml: seed is "x", but should be a valid integer.' in told
    assert "c.yaml: optim.epochs is 0, but should be greater than or equal to 1." in told
    assert 'c.yaml: unknown key "zzz"; the top-level keys are name, description, seed,' in told


def test_file_and_override_are_told_apart(tmp_path):
    told = wrong(tmp_path, "seed: x", "optim.epochs=0")
    assert told.startswith("c.yaml: seed") or told.startswith("--set optim.epochs")
    assert "c.yaml: seed is" in told
    assert "--set optim.epochs is 0" in told


def test_a_group_must_be_a_group(tmp_path):
    assert wrong(tmp_path, "optim: 5") == "c.yaml: optim is 5, but should be a group of keys."
    assert 'holds no group "optim"' in wrong(tmp_path, "optim: 5", "optim.epochs=3")


def test_a_numeric_key_is_an_unknown_key(tmp_path):
    assert wrong(tmp_path, "1: 2").startswith('c.yaml: unknown key "1"')


@pytest.mark.parametrize("key", list(dotted_keys()))
def test_every_key_can_be_overridden_with_its_own_default(key):
    value = ExperimentConfig().model_dump(mode="json")
    for part in key.split("."):
        value = value[part]
    assert load_config(None, [f"{key}={json.dumps(value)}"]) == ExperimentConfig()
