"""Every network as a graph."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.export.core import trace_core
from echoduet.inference.exported import CLASSES_SEEN, LESION_SEEN, SEEN
from echoduet.inference.torch_runtime import TorchRuntime
from echoduet.models.ensemble import Ensemble
from echoduet.models.outputs import Output
from echoduet.models.registry import ARCHITECTURES, build_network, tasks_of

SMALL = {"unetpp": 32, "monai:attention_unet": 32}
"""Side of the input where 64 would take long; the others need that."""


def network(architecture, **keys):
    """Build an untrained network of an architecture, for its own task where it has but one."""
    only = ARCHITECTURES[architecture].only
    torch.manual_seed(0)
    config = ModelConfig(architecture=architecture, tasks=only or "both", **keys)
    return build_network(config).eval(), config


def answers(core, pictures):
    """Return a core's outputs by name."""
    session = onnxruntime.InferenceSession(core.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {SEEN: pictures[:, None]}), strict=True))


def require_parity(core, network, pictures):
    """Check that a graph answers as PyTorch does."""
    got, expected = answers(core, pictures), TorchRuntime(network, channels_last=False).read(pictures)
    assert (LESION_SEEN in got, CLASSES_SEEN in got) == (expected.lesion is not None, expected.classes is not None)
    if expected.lesion is not None:
        np.testing.assert_allclose(got[LESION_SEEN], expected.lesion, atol=1e-4)
    if expected.classes is not None:
        np.testing.assert_allclose(got[CLASSES_SEEN], expected.classes, atol=1e-4)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_architecture_becomes_a_graph_that_answers_alike(architecture, rng):
    made, config = network(architecture)
    side = SMALL.get(architecture, 64)
    core = trace_core(made, side, *tasks_of(config))
    assert {node.domain for node in core.graph.node} <= {"", "ai.onnx"}
    require_parity(core, made, rng.integers(0, 256, (3, side, side), dtype=np.uint8))


@pytest.mark.parametrize(
    "keys",
    [{"presence": True}, {"decoder": "unet", "class_head": "pooled"}, {"decoder": "dense"}, {"decoder": "full"}],
    ids=str,
)
def test_so_does_every_part(keys, rng):
    made, config = network("efficientnet_lite0_shallow", **keys)
    core = trace_core(made, 64, *tasks_of(config))
    require_parity(core, made, rng.integers(0, 256, (1, 64, 64), dtype=np.uint8))


@pytest.mark.parametrize("tasks", ["segmentation", "classification"])
def test_one_task_has_one_output(tasks, rng):
    torch.manual_seed(0)
    config = ModelConfig(architecture="efficientnet_lite0_shallow", tasks=tasks)
    made = build_network(config).eval()
    require_parity(trace_core(made, 64, *tasks_of(config)), made, rng.integers(0, 256, (2, 64, 64), dtype=np.uint8))


def test_what_members_share_is_computed_once(rng):
    members = [network("efficientnet_lite0_shallow")[0] for _ in range(2)]
    torch.manual_seed(1)
    for parameter in members[1].decoder.parameters():
        nn.init.normal_(parameter, std=0.1)
    alone = trace_core(members[0], 64, masks=True, classes=True)
    together = trace_core(Ensemble(members), 64, masks=True, classes=True)
    count = [sum(node.op_type == "Conv" for node in core.graph.node) for core in (alone, together)]
    encoder = sum(isinstance(module, nn.Conv2d) for module in members[0].encoder.modules())
    assert count[1] == 2 * count[0] - encoder
    require_parity(together, Ensemble(members), rng.integers(0, 256, (2, 64, 64), dtype=np.uint8))


class Stubborn(nn.Module):
    """Does what no graph can: a Fourier transform of real numbers into complex ones."""

    def forward(self, image):
        return Output((torch.fft.fft2(image).abs(),), None)


def test_a_network_that_is_no_graph_is_refused_in_one_sentence():
    with pytest.raises(ModelError, match=r"^The network cannot be exported: .*\. Serve it with the runtime torch\.$"):
        trace_core(Stubborn(), 32, masks=True, classes=False)
