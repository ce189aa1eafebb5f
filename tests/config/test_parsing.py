"""Strict reading of YAML and JSON."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from echoduet.config.parsing import MAX_BYTES, DuplicateKeyError, parse_json, parse_yaml, read_mapping
from echoduet.errors import ConfigError

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(PLAIN)
def test_plain_data_survives_yaml_and_json(value):
    assert parse_yaml(yaml.safe_dump(value, allow_unicode=True)) == value
    assert parse_json(json.dumps(value)) == value


@given(mantissa=st.integers(-999, 999), exponent=st.integers(-12, 12), sign=st.sampled_from(["", "+"]))
def test_numbers_in_scientific_notation_are_numbers(mantissa, exponent, sign):
    text = f"{mantissa}e{sign if exponent >= 0 else ''}{exponent}"
    assert parse_yaml(text) == float(text)


def test_a_key_given_twice_is_refused_at_any_depth():
    with pytest.raises(DuplicateKeyError, match='"b" is given twice, the second time in line 3'):
        parse_yaml("a:\n  b: 1\n  b: 2\n")
    with pytest.raises(DuplicateKeyError, match='"b" is given twice'):
        parse_json('{"a": {"b": 1, "b": 2}}')


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("c.yaml", "a: [\n", "line 2, column 1: not valid YAML"),
        ("c.yaml", "a: b: c", "line 1, column 5: not valid YAML (mapping values are not allowed here)"),
        ("c.yaml", "a: \x01", "not valid YAML (special characters are not allowed)"),
        ("c.yaml", "a: 1\na: 2", 'the key "a" is given twice, the second time in line 2'),
        ("c.yaml", "", "holds no keys"),
        ("c.yaml", "- 1\n- 2", "holds no keys"),
        ("c.yaml", "just text", "holds no keys"),
        ("c.yaml", "[" * 5000, "nested too deeply"),
        ("c.yaml", "a: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
        ("c.json", '{"a": 1,}', "line 1, column"),
        ("c.json", '{"a": 1, "a": 2}', 'the key "a" is given twice'),
        ("c.json", "[1]", "holds no keys"),
        ("c.json", "[" * 100_000, "nested too deeply"),
        ("c.txt", "a: 1", "must end in .yaml, .yml or .json"),
        ("c.yaml", "# " + "x" * MAX_BYTES, "too large for a configuration"),
    ],
)
def test_what_is_no_configuration_is_refused_in_one_sentence(tmp_path, name, text, told):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_mapping(path)
    assert told in str(caught.value)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(ConfigError, match="not a text file in UTF-8"):
        read_mapping(path)


def test_a_missing_file_or_a_folder_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_mapping(tmp_path / "missing.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        read_mapping(tmp_path / "folder.yaml")


def test_a_byte_order_mark_and_capital_letters_in_the_suffix_do_no_harm(tmp_path):
    path = tmp_path / "C.YAML"
    path.write_text("\ufeffseed: 3\n", encoding="utf-8")
    assert read_mapping(path) == {"seed": 3}


def test_an_alias_bomb_costs_nothing(tmp_path):
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    path = tmp_path / "bomb.yaml"
    path.write_text("\n".join(levels), encoding="utf-8")
    assert len(read_mapping(path)) == 30
