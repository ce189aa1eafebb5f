"""What exporting needs."""

from __future__ import annotations

import pytest

from echoduet.errors import ModelError
from echoduet.export import requirements


def test_nothing_is_missing_here():
    for to in ("onnx", "openvino"):
        requirements.require_makers(to)


@pytest.mark.parametrize(("gone", "to"), [("onnx", "onnx"), ("onnxruntime", "onnx"), ("openvino", "openvino")])
def test_what_is_missing_is_named_with_the_way_to_get_it(gone, to, monkeypatch):
    find = requirements.find_spec
    monkeypatch.setattr(requirements, "find_spec", lambda name: None if name == gone else find(name))
    with pytest.raises(ModelError, match=rf"^Exporting to {to} needs {gone}\. Run `pip install 'echoduet\[{to}\]'`\.$"):
        requirements.require_makers(to)
