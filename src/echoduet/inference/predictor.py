"""The one way to predict: a bundle, images in, answers out, in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from echoduet.errors import ModelError
from echoduet.evaluation.temperature import tempered
from echoduet.inference.postprocess import final_map
from echoduet.models.bundle import BundleInfo, load_bundle
from echoduet.models.network import Network
from echoduet.models.refinement import Rule, read_rule
from echoduet.models.shipped import find_model
from echoduet.records import CLASSES, GrayImage, Mask, Prediction
from echoduet.transforms.preprocess import Preprocess, Probability

Device = Literal["auto", "cpu", "cuda"]

PIXELS_PER_BATCH = 32_000_000
"""A batch closes early at this many image pixels: callers may hold its images, whatever their size."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the network answered about one image, before anything is decided.

    Attributes:
        case_id: the case.
        shape: the image's own size, `(H, W)`.
        lesion: lesion probability on the network's input, `(S, S)` float32; None without a mask head.
        classes: class probabilities, `(3,)` float64; None without a class head.
    """

    case_id: str
    shape: tuple[int, int]
    lesion: Probability | None
    classes: NDArray[np.float64] | None


class Predictor:
    """A loaded model that answers about images, at any number of them in bounded memory."""

    def __init__(self, network: Network, info: BundleInfo, device: str = "cpu", batch_size: int = 16) -> None:
        """Serve `network` as `info` describes it, on `device`, `batch_size` images at a time."""
        self.info = info
        self.preprocess = Preprocess(info.config.preprocess)
        self._device = torch.device(device)
        self._batch_size = batch_size
        self._flip = info.config.inference.flip
        self._network = network.to(self._device).eval()
        if info.config.runtime.channels_last:  # a quarter faster on CPUs, the same to rounding
            self._network = self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def load(cls, path: Path | str | None = None, device: Device = "auto", batch_size: int = 16) -> Predictor:
        """Load the bundle at `path`; `auto` takes the GPU where there is one.

        Args:
            path: a file, or the name of a shipped bundle, `base` or `small`; None is the default one.
            device: where it answers.
            batch_size: images the network sees at a time.

        Raises:
            ModelError: the file is no bundle, the shipped one is not there or was changed, or there is no such device.
        """
        chosen = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        if chosen == "cuda" and not torch.cuda.is_available():
            raise ModelError("device cuda: this machine has no usable GPU. Choose cpu or auto.")
        network, info = load_bundle(find_model(path), chosen)
        return cls(network, info, chosen, batch_size)

    @classmethod
    def default(cls) -> Predictor:
        """Load the model that ships with EchoDuet, `echoduet-base`.

        Raises:
            ModelError: it is not there, or its file was changed.
        """
        return cls.load()

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Predictor:
        """Return a predictor of the same network that decides by other thresholds."""
        info = replace(self.info, thresholds=dict(thresholds))
        return Predictor(self._network, info, str(self._device), self._batch_size)

    @property
    def threshold(self) -> float:
        """Least probability of a lesion pixel."""
        return self.info.thresholds.get("mask", self.info.config.inference.mask_threshold)

    @property
    def rule(self) -> Rule:
        """How prediction refining makes mask and class agree."""
        return read_rule(self.info.config.inference.refining, self.info.thresholds)

    @property
    def temperature(self) -> float:
        """What class probabilities are calibrated by; 1 leaves them as the network gives them."""
        return self.info.thresholds.get("temperature", 1.0)

    def predict(self, images: Iterable[tuple[str, GrayImage]]) -> Iterator[Prediction]:
        """Yield one raw (unrefined) prediction per `(case_id, image)`, in order, its mask at the image's own size.

        Images are drawn a batch at a time and not kept: memory does not grow with their number.

        Raises:
            ModelError: the network answers with values that are not numbers.
        """
        return (self.prediction(answer) for answer in self.answers(images))

    def prediction(self, answer: Answer, at_size: int | None = None) -> Prediction:
        """Decide: the mask above the threshold (native, or `(at_size, at_size)`), the most probable class.

        The probabilities are those of the network at the bundle's temperature.
        """
        mask, faint = self._masks(answer, at_size)
        classes = None if answer.classes is None else tempered(answer.classes, self.temperature)
        label = None if answer.classes is None else CLASSES[int(answer.classes.argmax())]
        return Prediction(answer.case_id, mask, classes, label, faint)

    def _masks(self, answer: Answer, at_size: int | None) -> tuple[Mask | None, Mask | None]:
        """Return the mask at the threshold, and the one at the map's own level where that is lower."""
        if answer.lesion is None:
            return None, None
        lesion = final_map(answer.lesion, self.preprocess, answer.shape, at_size)
        # The peak is that of the network's grid at every size, so that all sizes are cut at one level.
        peak = float(self.preprocess.inside(answer.lesion, answer.shape).max())
        level = self.rule.level(peak, self.threshold)
        return lesion >= self.threshold, lesion >= level if level < self.threshold else None

    def answers(self, images: Iterable[tuple[str, GrayImage]]) -> Iterator[Answer]:
        """Yield what the network answers, undecided: whoever scores at several sizes runs the network once."""
        batch: list[tuple[str, tuple[int, int], GrayImage]] = []
        pixels = 0
        for case_id, image in images:
            batch.append((case_id, (image.shape[0], image.shape[1]), self.preprocess.image(image)))
            pixels += image.size
            if len(batch) == self._batch_size or pixels >= PIXELS_PER_BATCH:
                yield from self._answer_batch(batch)
                batch, pixels = [], 0
        if batch:
            yield from self._answer_batch(batch)

    def _answer_batch(self, batch: list[tuple[str, tuple[int, int], GrayImage]]) -> list[Answer]:
        inputs = np.stack([image for _, _, image in batch])[:, None]
        lesion, classes = self._probabilities(torch.from_numpy(inputs).to(self._device))
        return [
            Answer(case_id, shape, None if lesion is None else lesion[i, 0], None if classes is None else classes[i])
            for i, (case_id, shape, _) in enumerate(batch)
        ]

    @torch.inference_mode()
    def _probabilities(self, images: Tensor) -> tuple[NDArray[np.float32] | None, NDArray[np.float64] | None]:
        # float32 throughout: bf16 moves contours by pixels, and here exactness is worth more than speed.
        scaled = images.float() / 255
        lesion, classes = self._forward(scaled)
        if self._flip:
            flipped_lesion, flipped_classes = self._forward(scaled.flip(-1))
            lesion = None if lesion is None or flipped_lesion is None else (lesion + flipped_lesion.flip(-1)) / 2
            classes = None if classes is None or flipped_classes is None else (classes + flipped_classes) / 2
        return _as_numbers(lesion), _as_numbers(classes)

    def _forward(self, images: Tensor) -> tuple[Tensor | None, Tensor | None]:
        output = self._network(images)
        lesion = output.mask_logits[0].float().sigmoid() if output.mask_logits else None
        classes = None if output.class_logits is None else output.class_logits.double().softmax(dim=1)
        return lesion, classes


def _as_numbers(probabilities: Tensor | None) -> NDArray[Any] | None:
    if probabilities is None:
        return None
    values: NDArray[Any] = probabilities.cpu().numpy()
    if not np.isfinite(values).all():
        raise ModelError("The model answers with values that are not numbers: its training broke. Train it again.")
    return values
