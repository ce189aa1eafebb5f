"""One battery for every architecture and every task: what any network of ours must do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from _pytest.mark.structures import ParameterSet
from torch import Tensor, nn

from echoduet.config.schema import ExperimentConfig, LossConfig, ModelConfig
from echoduet.errors import ShapeError
from echoduet.losses.multitask import MultiTaskLoss
from echoduet.models.bundle import load_bundle, save_bundle
from echoduet.models.info import BundleInfo
from echoduet.models.network import Network
from echoduet.models.outputs import Output
from echoduet.models.registry import ARCHITECTURES, build_network

TASKS = ("both", "segmentation", "classification")
OPTIONS = {
    "presence": {"presence": True},
    "full": {"decoder": "full"},
    "dense": {"decoder": "dense"},
    "unet": {"decoder": "unet"},
    "pooled": {"class_head": "pooled"},
}
VARIANTS = [
    pytest.param(ModelConfig(architecture="efficientnet_lite0", **keys), id=f"efficientnet_lite0-{name}")
    for name, keys in OPTIONS.items()
]


def case(architecture: str, tasks: str) -> ParameterSet:
    return pytest.param(ModelConfig(architecture=architecture, tasks=tasks), id=f"{architecture}-{tasks}")


def tasks_of(architecture: str) -> tuple[str, ...]:
    only = ARCHITECTURES[architecture].only
    return TASKS if only is None else (only,)


EVERY = [case(architecture, tasks) for architecture in ARCHITECTURES for tasks in tasks_of(architecture)]
EVERY += VARIANTS
OURS = [case(architecture, "both") for architecture in ARCHITECTURES if ":" not in architecture] + VARIANTS
BASELINES = [case(name, architecture.only) for name, architecture in ARCHITECTURES.items() if architecture.only]
WHOLE = [*OURS, *BASELINES]
DEEP = [*OURS, *(case(f"monai:{name}", "segmentation") for name in ("dynunet", "basicunetplusplus"))]


@dataclass(frozen=True)
class Recipe:
    """How long an architecture needs to begin to know four images by heart."""

    steps: int
    learning_rate: float


RECIPES = {
    "unetpp": Recipe(14, 2e-4),
    "nnunet": Recipe(10, 1e-3),
    "efficientnet_lite0": Recipe(10, 3e-3),
    "efficientnet_lite0_shallow": Recipe(10, 3e-3),
    "efficientnet_lite2": Recipe(10, 3e-3),
    "monai:attention_unet": Recipe(6, 1e-3),
    "monai:segresnet": Recipe(8, 1e-3),
    "monai:dynunet": Recipe(6, 1e-3),
    "monai:swinunetr": Recipe(8, 3e-3),
    "monai:basicunetplusplus": Recipe(5, 1e-3),
    "monai:densenet121": Recipe(4, 1e-3),
    "monai:efficientnet_b0": Recipe(5, 1e-3),
    "monai:resnet18": Recipe(3, 1e-3),
    "monai:resnet50": Recipe(4, 1e-3),
}


def build(config: ModelConfig) -> Network:
    return build_network(config)


def side_of(network: Network) -> int:
    return max(network.min_side, network.stride)


def parts(output: Output) -> tuple[Tensor, ...]:
    """Every tensor of an answer, those of the task that the network lacks left out."""
    return (*output.mask_logits, *(() if output.class_logits is None else (output.class_logits,)))


@pytest.mark.parametrize("config", EVERY)
def test_answers_have_the_promised_shapes(config: ModelConfig) -> None:
    network = build(config).eval()
    side = side_of(network)
    with torch.no_grad():
        output = network(torch.rand(2, 1, side, side))
    assert bool(output.mask_logits) == (config.tasks != "classification")
    assert all(logits.shape == (2, 1, side, side) for logits in output.mask_logits)
    if config.tasks == "segmentation":
        assert output.class_logits is None
    else:
        assert output.class_logits.shape == (2, 3)


@pytest.mark.parametrize("config", WHOLE)
def test_odd_multiples_of_the_stride_and_oblong_images_fit(config: ModelConfig) -> None:
    network = build(config).eval()
    height, width = 3 * network.stride, 5 * network.stride
    with torch.no_grad():
        output = network(torch.rand(1, 1, height, width))
    assert all(logits.shape == (1, 1, height, width) for logits in output.mask_logits)


@pytest.mark.parametrize("config", WHOLE)
def test_other_sides_and_colour_are_refused(config: ModelConfig) -> None:
    network = build(config)
    side = side_of(network)
    for shape in ((1, 1, side, side + 1), (1, 1, side // 2, side), (1, 3, side, side)):
        with pytest.raises(ShapeError, match="multiples of"):
            network(torch.rand(shape))


@pytest.mark.parametrize("config", EVERY)
def test_gradients_reach_every_parameter(config: ModelConfig) -> None:
    network = build(config).train()
    side = side_of(network)
    masks = (torch.rand(2, 1, side, side) > 0.7).float()
    output = network(torch.rand(2, 1, side, side))
    MultiTaskLoss(LossConfig())(output, masks, torch.tensor([0, 2])).total.backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        # A bias before an instance norm has a gradient of zero; a weight never has.
        assert parameter.dim() < 2 or parameter.grad.abs().max() > 0, name


@pytest.mark.parametrize("config", OURS)
def test_both_tasks_pull_at_the_shared_map(config: ModelConfig) -> None:
    network = build(config).train()
    side = side_of(network)
    output = network(torch.rand(2, 1, side, side))
    parts = MultiTaskLoss(LossConfig())(output, (torch.rand(2, 1, side, side) > 0.7).float(), torch.tensor([0, 2]))
    for loss in (parts.segmentation, parts.classification):
        (gradient,) = torch.autograd.grad(loss, output.shared, retain_graph=True)
        assert gradient.abs().max() > 0


@pytest.mark.parametrize("config", WHOLE)
def test_evaluation_is_deterministic_and_does_not_mix_images(config: ModelConfig) -> None:
    network = build(config.model_copy(update={"dropout": 0.5})).eval()
    images = torch.rand(3, 1, side_of(network), side_of(network))
    with torch.no_grad():
        answers = zip(parts(network(images)), parts(network(images)), parts(network(images[1:2])), strict=True)
    for first, again, alone in answers:
        assert torch.equal(first, again)
        torch.testing.assert_close(first[1:2], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("config", DEEP)
def test_deep_supervision_changes_the_number_of_scales_only(config: ModelConfig) -> None:
    deep = build(config)
    plain = build(config.model_copy(update={"deep_supervision": False}))
    image = torch.rand(2, 1, side_of(deep), side_of(deep))
    assert len(deep(image).mask_logits) > 1
    assert len(plain(image).mask_logits) == 1


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("config", WHOLE)
def test_a_saved_network_answers_as_before(config: ModelConfig, suffix: str, tmp_path: Path) -> None:
    network = build(config)
    image = torch.rand(2, 1, side_of(network), side_of(network))
    network(image)  # moves the running means of batch norms, which must be saved too
    path = tmp_path / f"model{suffix}"
    save_bundle(path, network, BundleInfo(ExperimentConfig(model=config)))
    loaded, _ = load_bundle(path)
    with torch.no_grad():
        before, after = parts(network.eval()(image)), parts(loaded(image))
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


class Flat(nn.Module):
    """The same network with a tuple as its answer, which is what export formats know."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return parts(self.network(image))


@pytest.mark.parametrize("config", OURS)
def test_exports_with_a_free_batch_size(config: ModelConfig) -> None:
    network = Flat(build(config)).eval()
    images = torch.rand(3, 1, side_of(network.network), side_of(network.network))
    batch = {0: torch.export.Dim("batch", min=1, max=64)}
    exported = torch.export.export(network, (images[:2],), dynamic_shapes=(batch,), strict=False)
    with torch.no_grad():
        expected, got = network(images), exported.module()(images)
    for one, other in zip(expected, got, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("config", WHOLE)
def test_runs_in_bfloat16_and_channels_last(config: ModelConfig) -> None:
    network = build(config).to(memory_format=torch.channels_last).train()
    side = side_of(network)
    image = torch.rand(2, 1, side, side).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        output = network(image)
    total = MultiTaskLoss(LossConfig())(output, torch.zeros(2, 1, side, side), torch.tensor([0, 1])).total
    total.backward()
    assert total.dtype == torch.float32
    assert total.isfinite()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("config", WHOLE)
def test_learns_four_cases_by_heart(config: ModelConfig, four_cases) -> None:
    network = build(config.model_copy(update={"deep_supervision": False})).train()
    images, masks, labels = four_cases(side_of(network))
    recipe = RECIPES[config.architecture]
    optimiser = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    loss = MultiTaskLoss(LossConfig(segmentation_weight=0.5, classification="cross_entropy"))
    for _ in range(recipe.steps):
        optimiser.zero_grad()
        loss(network(images), masks, labels).total.backward()
        optimiser.step()
    with torch.no_grad():
        output = network(images)
    if output.class_logits is not None:
        # The best answer that does not look at the image costs the entropy of the labels.
        blind = torch.distributions.Categorical(probs=torch.bincount(labels) / 4).entropy()
        assert loss(output, masks, labels).classification < 0.95 * blind
    if output.mask_logits:
        found, true = output.mask_logits[0][:3] > 0, masks[:3] > 0.5
        assert 2 * (found & true).sum() / (found.sum() + true.sum()) > 0.85
