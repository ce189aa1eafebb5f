"""The members of an ensemble as one ONNX graph: `(N, 1, S, S)` gray images in, each member's probabilities out."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from echoduet.errors import ModelError
from echoduet.export.folding import fold_paddings
from echoduet.inference.exported import CLASSES_SEEN, LESION_SEEN, SEEN
from echoduet.models.joining import members_of
from echoduet.models.network import Network

OPSET = 18
"""Of the operators: onnxruntime 1.14 and later, OpenVINO 2023 and later know them."""


class _Members(nn.Module):
    def __init__(self, network: Network) -> None:
        super().__init__()
        self.members = nn.ModuleList(members_of(network))

    def forward(self, seen: Tensor) -> tuple[Tensor, ...]:
        scaled = seen.float() / 255
        outputs = [member(scaled) for member in self.members]
        lesion = [output.mask_logits[0][:, 0].sigmoid() for output in outputs if output.mask_logits]
        classes = [output.class_logits.softmax(1) for output in outputs if output.class_logits is not None]
        return tuple(torch.stack(answers, dim=1) for answers in (lesion, classes) if answers)


def trace_core(network: Network, size: int, masks: bool, classes: bool) -> onnx.ModelProto:
    """Return the graph of a network on images of `size` pixels a side, for any number of them.

    What members have in common, such as encoder blocks that were frozen while they were trained, is computed once.

    Args:
        network: in evaluation mode, on the CPU.
        size: side of its input, S.
        masks: whether it outlines.
        classes: whether it classifies.

    Raises:
        ModelError: the network has something that cannot be written as a graph.
    """
    outputs = [name for name, there in ((LESION_SEEN, masks), (CLASSES_SEEN, classes)) if there]
    try:
        with tempfile.TemporaryDirectory() as folder:
            traced, simple = Path(folder) / "traced.onnx", Path(folder) / "simple.onnx"
            _trace(_Members(network).eval(), size, outputs, traced)
            _simplify(traced, simple)
            model = onnx.load(simple)
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        raise ModelError(
            f"The network cannot be exported: {_first_line(error)}. Serve it with the runtime torch."
        ) from error
    _require_standard(model)
    return fold_paddings(model)


def _trace(members: nn.Module, size: int, outputs: list[str], path: Path) -> None:
    seen = torch.zeros((2, 1, size, size), dtype=torch.uint8)
    free = {name: {0: "views"} for name in (SEEN, *outputs)}
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        # The tracing exporter is called old, and its checks of shapes warn; the new one takes ten times as long.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            members, (seen,), path, dynamo=False, opset_version=OPSET, input_names=[SEEN], output_names=outputs,
            dynamic_axes=free,
        )  # fmt: skip


def _simplify(source: Path, path: Path) -> None:
    """Fold constants and merge equal nodes; what comes out is no more bound to a machine than what went in."""
    import onnxruntime  # noqa: PLC0415  # needed by this step only

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def _require_standard(model: onnx.ModelProto) -> None:
    strange = [node for node in model.graph.node if node.domain not in ("", "ai.onnx")]
    if strange:
        raise ModelError(f"The network cannot be exported: {strange[0].op_type} is no operator of ONNX.")
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".")[:200] if lines else type(error).__name__
