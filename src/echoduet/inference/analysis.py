"""Everything there is to say about one picture: checks, both answers, lesions, how sure, and why."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from echoduet.inference.answers import Answer, Views, read_views
from echoduet.inference.arrays import require_sound
from echoduet.inference.explanation import explain
from echoduet.inference.measurements import measure_lesions
from echoduet.inference.refusal import Gatekeeper
from echoduet.inference.runtime import Runtime
from echoduet.inference.uncertainty import class_spread, lesion_spread, outline_uncertainty
from echoduet.models.info import BundleInfo
from echoduet.models.refinement import Rule, refine
from echoduet.records import Analysis, GrayImage, Label, Mask, PixelMap, Prediction, Scan, Uncertainty
from echoduet.transforms.preprocess import Preprocess

Scalar = TypeVar("Scalar", bound=np.generic)
T = TypeVar("T")

Checked = tuple[Analysis, GrayImage | None]
"""What the checks found in a picture, and what the network is to see; nothing where the picture is refused."""


class Model(Protocol):
    """What an analyst needs of the predictor that it works for."""

    info: BundleInfo
    gate: Gatekeeper
    runtime: Runtime
    preprocess: Preprocess
    batch_size: int
    threads: ThreadPoolExecutor

    @property
    def threshold(self) -> float:
        """Least probability of a lesion pixel."""
        ...

    @property
    def rule(self) -> Rule:
        """How prediction refining makes mask and class agree."""
        ...

    @property
    def temperature(self) -> float:
        """What class probabilities are calibrated by."""
        ...

    def lesion_map(self, answer: Answer, at_size: int | None = None) -> PixelMap | None:
        """Return the lesion probability at the size of the image."""
        ...

    def decide(self, answer: Answer, lesion: PixelMap | None) -> Prediction:
        """Decide by that map."""
        ...


@dataclass(frozen=True, slots=True)
class Analyst:
    """Works through batches of scans for one predictor; the switches are those of `Predictor.analyse`."""

    model: Model
    refuse: bool
    explain: bool
    uncertain: bool

    def begin(self, scans: Sequence[Scan]) -> Iterator[Analysis]:
        """Check a batch, and return what yields the analysis of each scan, in order.

        The network begins at once on a full batch if its runtime reads as fast in the background. A batch that is not
        full is the last one, and most often the only one: nothing would be done meanwhile.

        Raises:
            ShapeError: a scan's image, colours, region or spacing cannot be what they are called.
        """
        checked = [self._checked(scan, alone=len(scans) == 1) for scan in scans]
        inputs = [seen for _, seen in checked if seen is not None]
        if not inputs:
            return (analysis for analysis, _ in checked)
        full = len(scans) == self.model.batch_size
        read = self._begun(partial(self._read, inputs), aside=full and self.model.runtime.background)
        return self._analyses(checked, read)

    def _begun(self, work: Callable[[], T], aside: bool) -> Callable[[], T]:
        """Return what gives the result of `work`, which is under way already in another thread if it is to be."""
        return self.model.threads.submit(work).result if aside else work

    def _read(self, inputs: Sequence[GrayImage]) -> Views:
        flip = self.model.info.config.inference.flip
        return read_views(self.model.runtime, np.stack(inputs), flip, at_least_two=self.uncertain)

    def _analyses(self, checked: Sequence[Checked], read: Callable[[], Views]) -> Iterator[Analysis]:
        views, index = read(), itertools.count()
        for analysis, seen in checked:
            yield analysis if seen is None else self._answered(analysis, seen, views, next(index))

    def _checked(self, scan: Scan, alone: bool) -> Checked:
        require_sound(scan)
        # A scan alone is brought to the network's size beside its checks; with others every thread has its work anyway.
        prepare = self._begun(partial(self.model.preprocess.image, scan.inside), aside=alone)
        analysis = Analysis(scan, self.model.gate.check(scan))
        refused = self.refuse and analysis.refused
        return analysis, None if refused else prepare()

    def _answered(self, analysis: Analysis, seen: GrayImage, views: Views, index: int) -> Analysis:
        scan = analysis.scan
        answer = views.answer(index, scan.name, _shape(scan.inside))
        inside = self.model.lesion_map(answer)
        raw = _framed(self.model.decide(answer, inside), scan)
        refined = refine(raw, self.model.rule)
        lesion_map = None if inside is None else placed(inside, scan)
        lesions = () if refined.mask is None else measure_lesions(refined.mask, scan.spacing, lesion_map)
        return replace(
            analysis,
            raw=raw,
            refined=refined,
            lesions=lesions,
            lesion_map=lesion_map,
            uncertainty=self._uncertainty(views, index, scan),
            explanation=self._explanation(seen, refined.label, scan),
        )

    def _at_frame(self, plane: PixelMap | None, scan: Scan) -> PixelMap | None:
        """Return a map of the network's grid on the whole frame, 0 outside the region."""
        if plane is None:
            return None
        return placed(self.model.preprocess.restore(plane, _shape(scan.inside)), scan)

    def _uncertainty(self, views: Views, index: int, scan: Scan) -> Uncertainty | None:
        if views.number < 2:
            return None
        spread = outline = classes = None
        if views.lesion is not None:
            readings = views.lesion[index]
            own = lesion_spread(readings)
            spread = self._at_frame(own, scan)
            outline = outline_uncertainty(readings, own, self.model.threshold)
        if views.classes is not None:
            classes = class_spread(views.classes[index], self.model.temperature)
        return Uncertainty(views.number, spread, outline, classes)

    def _explanation(self, seen: GrayImage, label: Label | None, scan: Scan) -> PixelMap | None:
        if not self.explain or label is None:
            return None
        model = self.model
        return self._at_frame(explain(model.runtime, seen, label, model.temperature, model.batch_size), scan)


def _shape(image: GrayImage) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _framed(prediction: Prediction, scan: Scan) -> Prediction:
    """Return a prediction about the region as one about the whole frame."""
    if scan.region is None or prediction.mask is None:
        return prediction
    faint: Mask | None = None if prediction.faint is None else placed(prediction.faint, scan)
    return replace(prediction, mask=placed(prediction.mask, scan), faint=faint)


def placed(plane: NDArray[Scalar], scan: Scan) -> NDArray[Scalar]:
    """Return a plane of the scan's region as one of the whole frame `(H, W)`, 0 outside the region."""
    if scan.region is None:
        return plane
    whole = np.zeros(scan.shape, dtype=plane.dtype)
    whole[scan.region.slices] = plane
    return whole
