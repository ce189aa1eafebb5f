from __future__ import annotations

import sys
from itertools import pairwise
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.models.registry import build_network
from echoduet.models.timm_encoder import TimmEncoder


class FakeNetwork(nn.Module):
    """A pyramid of strided convolutions with the interface of timm's feature extractors."""

    pretrained_cfg = {"mean": (0.3, 0.4, 0.5), "std": (0.2, 0.2, 0.2)}  # noqa: RUF012 timm's own shape

    def __init__(self, strides: tuple[int, ...], fixed: bool = False) -> None:
        super().__init__()
        self.fixed = fixed
        widths = tuple(4 + level for level in range(len(strides)))
        self.feature_info = SimpleNamespace(channels=lambda: list(widths), reduction=lambda: list(strides))
        steps = (strides[0], *(max(b // a, 1) for a, b in pairwise(strides)))
        self.levels = nn.ModuleList(
            nn.Conv2d(w_in, w, step, step) for w_in, w, step in zip((1, *widths), widths, steps, strict=False)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        assert not self.fixed, "Input height doesn't match model"
        features = []
        for level in self.levels:
            image = level(image)
            features.append(image)
        return features


@pytest.fixture
def fake_timm(monkeypatch: pytest.MonkeyPatch) -> None:
    networks = {
        "pyramid": lambda: FakeNetwork((2, 4, 8, 16, 32)),
        "from_a_quarter": lambda: FakeNetwork((4, 8, 16, 32)),
        "vision_transformer": lambda: FakeNetwork((16, 16, 16)),
        "shallow": lambda: FakeNetwork((2, 4, 8)),
        "one_size": lambda: FakeNetwork((4, 8, 16, 32), fixed=True),
    }

    def create_model(name: str, *, pretrained: bool, features_only: bool, in_chans: int) -> FakeNetwork:
        assert (features_only, in_chans) == (True, 1)
        if name not in networks:
            raise RuntimeError(f"Unknown model ({name})")
        if pretrained:
            raise OSError("offline")
        return networks[name]()

    monkeypatch.setitem(sys.modules, "timm", SimpleNamespace(create_model=create_model))


@pytest.mark.parametrize("tasks", ["both", "segmentation", "classification"])
@pytest.mark.parametrize("name", ["pyramid", "from_a_quarter"])
def test_a_pyramid_becomes_a_network_of_any_task(fake_timm: None, name: str, tasks: str) -> None:
    network = build_network(ModelConfig(architecture=f"timm:{name}", tasks=tasks))
    output = network(torch.rand(2, 1, 64, 96))
    assert bool(output.mask_logits) == (tasks != "classification")
    assert all(logits.shape == (2, 1, 64, 96) for logits in output.mask_logits)
    assert tasks == "segmentation" or output.class_logits.shape == (2, 3)


def test_the_image_is_normalised_as_the_weights_expect(fake_timm: None) -> None:
    encoder = TimmEncoder("pyramid", pretrained=False)
    image = torch.rand(1, 1, 64, 64)
    expected = encoder.network((image - 0.4) / 0.2)
    for got, feature in zip(encoder(image), expected, strict=True):
        torch.testing.assert_close(got, feature)
    assert encoder.training  # the probe leaves the mode as it was


@pytest.mark.parametrize("name", ["vision_transformer", "shallow"])
def test_a_network_without_pyramid_is_refused(fake_timm: None, name: str) -> None:
    with pytest.raises(ModelError, match="needs maps that halve down to 1/32"):
        TimmEncoder(name, pretrained=False)


def test_a_network_of_one_size_is_refused(fake_timm: None) -> None:
    with pytest.raises(ModelError, match="does not take images of any size"):
        TimmEncoder("one_size", pretrained=False)


def test_an_unknown_network_and_missing_weights_are_named(fake_timm: None) -> None:
    with pytest.raises(ModelError, match="timm:resnet999: timm cannot make it"):
        build_network(ModelConfig(architecture="timm:resnet999"))
    with pytest.raises(ModelError, match="offline"):
        build_network(ModelConfig(architecture="timm:pyramid", pretrained=True))


def test_a_missing_timm_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ModelError, match=r"pip install \"echoduet\[timm\]\""):
        build_network(ModelConfig(architecture="timm:resnet18"))


@pytest.mark.parametrize("name", ["resnet18", "convnext_atto", "mobilenetv3_small_050"])
def test_the_real_timm(name: str) -> None:
    pytest.importorskip("timm", reason="the extra [timm] is not installed", exc_type=ImportError)
    network = build_network(ModelConfig(architecture=f"timm:{name}")).eval()
    with torch.no_grad():
        output = network(torch.rand(1, 1, 96, 64))
    assert output.mask_logits[0].shape == (1, 1, 96, 64)
    assert output.class_logits.shape == (1, 3)
