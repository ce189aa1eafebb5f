"""The one way to predict: a bundle, images in, answers out, in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from echoduet.evaluation.temperature import tempered
from echoduet.inference.analysis import Analyst
from echoduet.inference.answers import Answer, read_views
from echoduet.inference.arrays import require_gray
from echoduet.inference.postprocess import final_map
from echoduet.inference.refusal import Gatekeeper
from echoduet.inference.runtime import Runtime
from echoduet.inference.runtimes import Device, RuntimeName, open_runtime
from echoduet.inference.stream import overlapped
from echoduet.models.info import BundleInfo
from echoduet.models.refinement import Rule, read_rule
from echoduet.records import CLASSES, Analysis, GrayImage, Mask, PixelMap, Prediction, Scan
from echoduet.transforms.preprocess import Preprocess

if TYPE_CHECKING:
    from echoduet.models.network import Network

PIXELS_PER_BATCH = 32_000_000
"""A batch closes early at this many image pixels: callers may hold its images, whatever their size."""

T = TypeVar("T")


class Predictor:
    """A loaded model that answers about images, at any number of them in bounded memory."""

    def __init__(self, runtime: Runtime, info: BundleInfo, batch_size: int = 16) -> None:
        """Answer by `runtime`, whose network `info` describes, `batch_size` images at a time."""
        self.info = info
        self.gate = Gatekeeper(info)
        self.runtime = runtime
        self.preprocess = Preprocess(info.config.preprocess)
        self.batch_size = batch_size
        # For the network to read a batch while the caller's thread checks the next one and answers the last one; and to
        # prepare a scan alone. Two, so that no core waits for the end of a batch. They end with the predictor.
        self.threads = ThreadPoolExecutor(2, thread_name_prefix="echoduet-analysis")

    @classmethod
    def of_network(cls, network: Network, info: BundleInfo, device: str = "cpu", batch_size: int = 16) -> Predictor:
        """Serve a PyTorch network as `info` describes it."""
        from echoduet.inference.torch_runtime import TorchRuntime  # noqa: PLC0415  # torch takes seconds to import

        return cls(TorchRuntime(network, device, info.config.runtime.channels_last), info, batch_size)

    @classmethod
    def load(
        cls,
        path: Path | str | None = None,
        device: Device = "auto",
        batch_size: int = 16,
        runtime: RuntimeName = "auto",
    ) -> Predictor:
        """Load the bundle at `path`; `auto` takes the GPU where there is one.

        Args:
            path: a file, or the name of a shipped bundle, `base` or `small`; None is the default one.
            device: where it answers.
            batch_size: images the network sees at a time.
            runtime: what runs the network; `auto` takes a graph that was exported from this bundle where one is at
                hand, else PyTorch. What is to be the same to the last digit everywhere asks for `torch`.

        Raises:
            ModelError: the file is no bundle, the shipped one is not there or was changed, or there is no such device
                or runtime.
        """
        opened, info = open_runtime(path, device, runtime)
        return cls(opened, info, batch_size)

    @classmethod
    def default(cls) -> Predictor:
        """Load the model that ships with EchoDuet, `echoduet-base`.

        Raises:
            ModelError: it is not there, or its file was changed.
        """
        return cls.load()

    def with_thresholds(self, thresholds: Mapping[str, float]) -> Predictor:
        """Return a predictor of the same network that decides by other thresholds."""
        return Predictor(self.runtime, replace(self.info, thresholds=dict(thresholds)), self.batch_size)

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

    def settings(self) -> dict[str, str]:
        """Return by name what decides an answer besides the weights: the runtime and every threshold, as texts."""
        return {"runtime": self.runtime.name} | {name: f"{value:g}" for name, value in self.info.thresholds.items()}

    def predict(self, images: Iterable[tuple[str, GrayImage]]) -> Iterator[Prediction]:
        """Yield one raw (unrefined) prediction per `(case_id, image)`, in order, its mask at the image's own size.

        Images are drawn a batch at a time and not kept: memory does not grow with their number.

        Raises:
            ShapeError: an image is not gray values, uint8.
            ModelError: the network answers with values that are not numbers.
        """
        return (self.prediction(answer) for answer in self.answers(images))

    def analyse(
        self, scans: Iterable[Scan], *, refuse: bool = True, explain: bool = False, uncertain: bool = True
    ) -> Iterator[Analysis]:
        """Yield everything there is to say about each scan, in order.

        Scans are drawn a batch at a time. An exported graph reads a batch while the next one is drawn and checked and
        the last one answered, so that two are held then: memory does not grow with the number of scans. An error is
        raised behind the analyses of the batches ahead of it.

        Args:
            scans: pictures, each with what is known about it.
            refuse: answer nothing about a picture that a check refuses; False answers all the same, and the checks
                still tell what they found.
            explain: add the explanation map, which takes the network some 80 further readings a picture.
            uncertain: read a picture twice even where the bundle does not, so that there is a spread.

        Raises:
            ShapeError: a scan's image, colours, region or spacing cannot be what they are called.
            ModelError: the network answers with values that are not numbers.
        """
        analyst = Analyst(self, refuse, explain, uncertain)
        groups = batches(scans, self.batch_size, lambda scan: np.size(scan.image))
        if self.runtime.background:
            yield from overlapped(analyst.begin, groups)
        else:
            yield from chain.from_iterable(map(analyst.begin, groups))

    def prediction(self, answer: Answer, at_size: int | None = None) -> Prediction:
        """Decide: the mask above the threshold (native, or `(at_size, at_size)`), the most probable class.

        The probabilities are those of the network at the bundle's temperature.
        """
        return self.decide(answer, self.lesion_map(answer, at_size))

    def lesion_map(self, answer: Answer, at_size: int | None = None) -> PixelMap | None:
        """Return the lesion probability at the size of the mask that is decided from it; None without a mask head."""
        return None if answer.lesion is None else final_map(answer.lesion, self.preprocess, answer.shape, at_size)

    def decide(self, answer: Answer, lesion: PixelMap | None) -> Prediction:
        """Decide as `prediction` does, by a map that `lesion_map` made: whoever needs both makes it once."""
        mask, faint = self._masks(answer, lesion)
        classes = None if answer.classes is None else tempered(answer.classes, self.temperature)
        label = None if answer.classes is None else CLASSES[int(answer.classes.argmax())]
        return Prediction(answer.case_id, mask, classes, label, faint)

    def _masks(self, answer: Answer, lesion: PixelMap | None) -> tuple[Mask | None, Mask | None]:
        """Return the mask at the threshold, and the one at the map's own level where that is lower."""
        if answer.lesion is None or lesion is None:
            return None, None
        # The peak is that of the network's grid at every size, so that all sizes are cut at one level.
        peak = float(self.preprocess.inside(answer.lesion, answer.shape).max())
        level = self.rule.level(peak, self.threshold)
        return lesion >= self.threshold, lesion >= level if level < self.threshold else None

    def answers(self, images: Iterable[tuple[str, GrayImage]]) -> Iterator[Answer]:
        """Yield what the network answers, undecided: whoever scores at several sizes runs the network once."""
        prepared = (self._prepared(case_id, image) for case_id, image in images)
        for batch in batches(prepared, self.batch_size, lambda item: item[3]):
            inputs = np.stack([item[2] for item in batch])
            views = read_views(self.runtime, inputs, self.info.config.inference.flip)
            yield from (views.answer(i, case_id, shape) for i, (case_id, shape, _, _) in enumerate(batch))

    def _prepared(self, case_id: str, image: GrayImage) -> tuple[str, tuple[int, int], GrayImage, int]:
        require_gray(case_id, image)
        return case_id, (image.shape[0], image.shape[1]), self.preprocess.image(image), image.size


def batches(
    items: Iterable[T], size: int, pixels_of: Callable[[T], int], most_pixels: int = PIXELS_PER_BATCH
) -> Iterator[list[T]]:
    """Yield `items` in lists of `size`, fewer where they have `most_pixels` pixels or more together."""
    batch: list[T] = []
    pixels = 0
    for item in items:
        batch.append(item)
        pixels += pixels_of(item)
        if len(batch) == size or pixels >= most_pixels:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch
