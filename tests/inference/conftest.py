"""A network whose answers are known without training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from echoduet.config.schema import ExperimentConfig
from echoduet.inference.predictor import Predictor
from echoduet.models.info import BundleInfo
from echoduet.models.outputs import Output

MakePredictor = Callable[..., Predictor]


class Bright(nn.Module):
    """Lesion where the image is brighter than half; the brighter all of it, the likelier malignant, black is normal."""

    def __init__(self, tasks: str) -> None:
        super().__init__()
        self.tasks = tasks
        self.batches: list[int] = []

    def forward(self, image: Tensor) -> Output:
        self.batches.append(len(image))
        level = image.mean(dim=(1, 2, 3))
        classes = torch.stack([torch.ones_like(level), 4 * level, 2 - 20 * level], dim=1)
        return Output(
            mask_logits=() if self.tasks == "classification" else ((image - 0.5) * 40,),
            class_logits=None if self.tasks == "segmentation" else classes,
        )


@pytest.fixture
def make_predictor() -> MakePredictor:
    def make(tasks="both", batch_size=4, thresholds=None, network=None, **sections) -> Predictor:
        config = ExperimentConfig.model_validate({"preprocess": {"size": 64}} | sections)
        info = BundleInfo(config=config, thresholds={} if thresholds is None else thresholds)
        return Predictor.of_network(network or Bright(tasks), info, "cpu", batch_size)

    return make
