"""Score a model on cases with known answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from echoduet.data.images import read_gray
from echoduet.data.manifest import Manifest
from echoduet.data.masks import read_mask
from echoduet.errors import ManifestError
from echoduet.evaluation.cases import CaseScore, score_case
from echoduet.inference.answers import Answer
from echoduet.inference.postprocess import squash_mask
from echoduet.inference.predictor import Predictor
from echoduet.inference.stream import run_ahead
from echoduet.models.info import BundleInfo
from echoduet.models.refinement import refine
from echoduet.progress import Progress, silent
from echoduet.records import Case, GrayImage, Label, Mask, Prediction
from echoduet.splits.groups import bonds, group_numbers

NATIVE = None
"""The scoring size that stands for each image's own."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one evaluation on one grid, without and with prediction refining, in the order of the cases.

    `at_size` is None for each image's own size, N where prediction and reference were squashed to `(N, N)`.
    """

    at_size: int | None
    raw: tuple[CaseScore, ...]
    refined: tuple[CaseScore, ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One case with everything needed to show it; `answer` is the refined one, at the image's own size."""

    case: Case
    image: GrayImage
    reference: Mask | None
    answer: Prediction


@dataclass(frozen=True, slots=True)
class Seen:
    """Evaluated cases that the model met while it was made: their scores say nothing about new images.

    Attributes:
        train: it learnt from these.
        val: it was chosen by these.
        related: of these it met a copy, or another image of the same patient.
    """

    train: tuple[str, ...] = ()
    val: tuple[str, ...] = ()
    related: tuple[str, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """Return what a reader of the scores must be told; nothing where all cases are new to the model."""
        told = {
            "were in the model's training part": self.train,
            "were in the model's validation part": self.val,
            "are copies of, or of one patient with, cases the model was trained or chosen on": self.related,
        }
        return tuple(
            f"{len(case_ids)} of the evaluated cases {what} (first: {case_ids[0]}); the scores flatter the model."
            for what, case_ids in told.items()
            if case_ids
        )


def evaluate(
    predictor: Predictor,
    manifest: Manifest,
    case_ids: Sequence[str],
    folds: Mapping[str, int] | None = None,
    at_sizes: Sequence[int | None] = (NATIVE,),
    progress: Progress = silent,
) -> tuple[Scores, ...]:
    """Predict and score cases; memory does not grow with their number but for the rows of scores.

    Args:
        predictor: the model.
        manifest: where the cases, their references and what ties them stand.
        case_ids: which of them to score, in this order.
        folds: the fold that tests each case, where there are folds.
        at_sizes: the grids to score on, each None (native) or N (both masks squashed to `(N, N)`: the answer read from
            the network's own grid, the reference by nearest neighbour). The network runs once for all of them.
        progress: told about each case.

    Returns:
        One `Scores` per grid, in the order asked.

    Raises:
        ManifestError: there is no case to score, or one is not in the manifest.
        ImageError: an image or mask cannot be read.
    """
    cases = [manifest.case(case_id) for case_id in case_ids]
    if not cases:
        raise ManifestError("There is no case to evaluate. Check --data and --fold.")
    answers = predictor.answers(read_images(progress(cases, label="evaluating", total=len(cases))))
    return score_answers(predictor, manifest, answers, folds, at_sizes)


def score_answers(
    predictor: Predictor,
    manifest: Manifest,
    answers: Iterable[Answer],
    folds: Mapping[str, int] | None = None,
    at_sizes: Sequence[int | None] = (NATIVE,),
) -> tuple[Scores, ...]:
    """Score what the network answered, as `predictor` decides it; the other arguments as in `evaluate`."""
    cases = {case.case_id: case for case in manifest}
    scorer = _Scorer(predictor, cases, group_names(manifest), folds or {}, at_sizes)
    rows = list(run_ahead(scorer, answers))
    return tuple(
        Scores(size, tuple(row[i][0] for row in rows), tuple(row[i][1] for row in rows))
        for i, size in enumerate(at_sizes)
    )


def read_images(cases: Iterable[Case]) -> Iterator[tuple[str, GrayImage]]:
    """Yield the cases' images, each with its id, read a few ahead."""
    return run_ahead(lambda case: (case.case_id, read_gray(case.image)), cases)


@dataclass(frozen=True, slots=True)
class _Scorer:
    """Turns a network's answer into scores; called in threads."""

    predictor: Predictor
    cases: Mapping[str, Case]
    groups: Mapping[str, str]
    folds: Mapping[str, int]
    at_sizes: Sequence[int | None]

    def __call__(self, answer: Answer) -> list[tuple[CaseScore, CaseScore]]:
        reference = read_reference(self.cases[answer.case_id], answer.shape)
        return [self._score(answer, reference, size) for size in self.at_sizes]

    def _score(self, answer: Answer, reference: Mask | None, size: int | None) -> tuple[CaseScore, CaseScore]:
        raw = self.predictor.prediction(answer, size)
        refined = refine(raw, self.predictor.rule)
        truth = reference if size is None or reference is None else squash_mask(reference, size)
        scored = self._score_one(raw, truth)
        unchanged = refined.mask is raw.mask and refined.label is raw.label
        return scored, scored if unchanged else self._score_one(refined, truth)

    def _score_one(self, prediction: Prediction, reference: Mask | None) -> CaseScore:
        case = self.cases[prediction.case_id]
        group, fold = self.groups.get(case.case_id), self.folds.get(case.case_id)
        return score_case(case.case_id, case.label, group, fold, prediction, reference)


def read_reference(case: Case, shape: tuple[int, int]) -> Mask | None:
    """Return the reference mask, `(H, W)`; empty for a normal image, None for a lesion that nobody outlined."""
    if not case.masks and case.label is not Label.NORMAL:
        return None
    return read_mask(case.masks, shape)


def group_names(manifest: Manifest) -> dict[str, str]:
    """Return for every case that is tied to another (copies, one patient) the name of what they form together.

    Ties reach through: a copy of one patient's image joins that patient's group. Cases that stand alone are left out.
    """
    members: dict[int, list[Case]] = {}
    for case, number in zip(manifest, group_numbers(manifest.cases), strict=True):
        members.setdefault(int(number), []).append(case)
    return {
        case.case_id: cases[0].group or cases[0].patient or cases[0].case_id
        for cases in members.values()
        if len(cases) > 1
        for case in cases
    }


def seen_cases(info: BundleInfo, manifest: Manifest, case_ids: Sequence[str]) -> Seen:
    """Return which of `case_ids` the model met while it was made, as far as its provenance tells."""
    train, val = (_met(info, manifest, key) for key in ("train_ids", "val_ids"))
    ties = {bond for case_id in train | val for bond in bonds(manifest.case(case_id)).items()}
    tied = {case_id for case_id in case_ids if not ties.isdisjoint(bonds(manifest.case(case_id)).items())}
    chosen = (train, val - train, tied - train - val)
    return Seen(*(tuple(case_id for case_id in case_ids if case_id in part) for part in chosen))


def _met(info: BundleInfo, manifest: Manifest, key: str) -> set[str]:
    """Return the manifest's cases that stand under `key` in the provenance.

    By the image's bytes where the provenance has them, since data sets share names ("benign (1)"); else by name.
    """
    named = info.provenance.get(key, ())
    hashes: Mapping[str, str] = info.provenance.get("image_sha256", {})
    if not hashes:
        return {case.case_id for case in manifest} & set(named)
    known = {hashes[case_id] for case_id in named if case_id in hashes}
    return {case.case_id for case in manifest if case.sha256 in known}


def show_examples(predictor: Predictor, manifest: Manifest, case_ids: Sequence[str]) -> tuple[Example, ...]:
    """Predict a handful of cases again, to be shown: keeping every mask of an evaluation would fill the memory."""
    cases = [manifest.case(case_id) for case_id in case_ids]
    images = {case.case_id: read_gray(case.image) for case in cases}
    answers = predictor.predict(images.items())
    return tuple(
        Example(case, image, read_reference(case, (image.shape[0], image.shape[1])), refine(raw, predictor.rule))
        for case, image, raw in zip(cases, images.values(), answers, strict=True)
    )
