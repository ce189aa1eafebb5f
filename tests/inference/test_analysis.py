"""What is said about a scan: in its region, at its frame's size, in its unit."""

from __future__ import annotations

import threading
import tracemalloc

import numpy as np
import pytest

from echoduet.errors import ShapeError
from echoduet.inference.analysis import placed
from echoduet.inference.predictor import Predictor
from echoduet.models.refinement import refine
from echoduet.records import Box, Label, Scan, Spacing
from echoduet.transforms.preprocess import Preprocess


def scan(name="a", height=90, width=130, **more):
    image = np.zeros((height, width), np.uint8)
    image[20:60, 30:100] = 255
    return Scan(name, image, **more)


def test_the_answers_are_those_of_predict(make_predictor):
    predictor = make_predictor()
    (analysis,) = predictor.analyse([scan()])
    (raw,) = predictor.predict([("a", scan().image)])
    refined = refine(raw, predictor.rule)
    np.testing.assert_array_equal(analysis.raw.mask, raw.mask)
    np.testing.assert_array_equal(analysis.refined.mask, refined.mask)
    np.testing.assert_array_equal(analysis.raw.probabilities, raw.probabilities)
    assert (analysis.raw.label, analysis.refined.label) == (raw.label, refined.label)
    np.testing.assert_array_equal(analysis.lesion_map >= predictor.threshold, raw.mask)


def test_lesions_are_those_of_the_refined_mask_in_the_scans_unit(make_predictor):
    (plain,) = make_predictor().analyse([scan()])
    (sized,) = make_predictor().analyse([scan(spacing=Spacing(0.1, 0.1))])
    assert [lesion.unit for lesion in (*plain.lesions, *sized.lesions)] == ["px", "mm"]
    assert plain.lesions[0].area == plain.refined.mask.sum()
    assert sized.lesions[0].area == pytest.approx(0.01 * plain.lesions[0].area)
    assert 0.5 < plain.lesions[0].probability <= 1


def test_nothing_outside_the_region_is_looked_at(make_predictor, rng):
    inner = scan()
    frame = rng.integers(0, 256, (200, 300), dtype=np.uint8)
    region = Box(70, 110, 90, 130)
    frame[region.slices] = inner.image
    (whole,) = make_predictor().analyse([Scan("w", frame, region=region)])
    (alone,) = make_predictor().analyse([inner])
    assert whole.raw.mask.shape == whole.refined.mask.shape == whole.lesion_map.shape == (200, 300)
    np.testing.assert_array_equal(whole.refined.mask[region.slices], alone.refined.mask)
    assert whole.refined.mask.sum() == alone.refined.mask.sum()
    np.testing.assert_array_equal(whole.raw.probabilities, alone.raw.probabilities)
    box, inside = whole.lesions[0].box, alone.lesions[0].box
    assert (box.top, box.left, box.height) == (inside.top + 70, inside.left + 110, inside.height)
    assert whole.uncertainty.outline == alone.uncertainty.outline


def test_uncertainty_tells_how_many_readings_there_were(make_predictor):
    (twice,) = make_predictor().analyse([scan()])
    (once,) = make_predictor().analyse([scan()], uncertain=False)
    assert (twice.uncertainty.readings, once.uncertainty) == (2, None)
    assert twice.uncertainty.spread.shape == scan().shape
    assert 0 <= twice.uncertainty.outline <= 0.5
    assert twice.uncertainty.classes.shape == (3,)
    np.testing.assert_array_equal(twice.raw.mask, once.raw.mask)


def test_an_explanation_is_made_only_when_asked_for(make_predictor):
    (plain,) = make_predictor().analyse([scan()])
    (explained,) = make_predictor().analyse([scan(region=Box(10, 10, 60, 100))], explain=True)
    assert plain.explanation is None
    assert explained.explanation.shape == scan().shape
    assert not explained.explanation[:10].any()
    assert np.abs(explained.explanation).max() <= 1


@pytest.mark.parametrize("tasks", ["segmentation", "classification"])
def test_a_single_task_model_says_what_it_can(make_predictor, tasks):
    (analysis,) = make_predictor(tasks=tasks).analyse([scan()], explain=True)
    masks = tasks == "segmentation"
    assert (analysis.lesion_map is not None, bool(analysis.lesions)) == (masks, masks)
    assert (analysis.uncertainty.spread is not None) == masks
    assert (analysis.uncertainty.classes is None, analysis.explanation is None) == (masks, masks)


def test_a_normal_picture_has_no_lesion(make_predictor):
    (analysis,) = make_predictor().analyse([Scan("black", np.zeros((50, 70), np.uint8))])
    assert analysis.refined.label is Label.NORMAL
    assert analysis.lesions == ()
    assert analysis.uncertainty.outline == 0.0


class Background:
    """Reads as another runtime does, and may do so in a thread of its own; tells in which thread it read."""

    background = True

    def __init__(self, runtime):
        self.runtime, self.name, self.members = runtime, runtime.name, runtime.members
        self.threads = []

    def read(self, images):
        self.threads.append(threading.current_thread())
        return self.runtime.read(images)


def in_background(predictor):
    return Predictor(Background(predictor.runtime), predictor.info, predictor.batch_size)


@pytest.mark.parametrize(("background", "held"), [(False, 2), (True, 4)])
def test_scans_stay_in_order_and_are_drawn_a_batch_at_a_time(make_predictor, background, held):
    drawn = []

    def scans():
        for number in range(7):
            drawn.append(number)
            yield scan(str(number), height=80 + number)

    predictor = make_predictor(batch_size=2)
    found = (in_background(predictor) if background else predictor).analyse(scans())
    assert next(found).scan.name == "0"
    assert len(drawn) == held
    assert [analysis.scan.name for analysis in found] == ["1", "2", "3", "4", "5", "6"]


def test_a_background_reads_full_batches_while_the_next_one_is_drawn(make_predictor):
    predictor = in_background(make_predictor(batch_size=1))
    drawn, read = threading.Event(), predictor.runtime.read

    def slow(images):
        assert drawn.wait(timeout=30)  # were it the caller's thread that reads, nothing more would be drawn
        return read(images)

    def scans():
        yield scan("first")
        drawn.set()
        yield scan("second")

    predictor.runtime.read = slow
    assert [analysis.scan.name for analysis in predictor.analyse(scans())] == ["first", "second"]
    assert len(predictor.runtime.threads) == 2
    assert threading.current_thread() not in predictor.runtime.threads


def test_a_batch_that_is_not_full_is_read_in_the_callers_thread(make_predictor):
    predictor = in_background(make_predictor(batch_size=2))
    assert len(list(predictor.analyse([scan()]))) == 1
    assert predictor.runtime.threads == [threading.current_thread()]


def test_a_scan_alone_is_prepared_beside_its_checks(make_predictor, monkeypatch):
    predictor = make_predictor()
    prepared, image = threading.Event(), Preprocess.image
    monkeypatch.setattr(Preprocess, "image", lambda *given: (image(*given), prepared.set())[0])
    # Were both done in one thread, the checks would wait in vain.
    monkeypatch.setattr(predictor.gate, "check", lambda _: () if prepared.wait(timeout=30) else None)
    (analysis,) = predictor.analyse([scan()])
    assert analysis.checks == ()


def test_a_background_says_the_same(make_predictor):
    predictor = make_predictor(batch_size=2)
    scans = [scan(str(number), height=80 + number) for number in range(5)]
    for plain, other in zip(predictor.analyse(scans), in_background(predictor).analyse(scans), strict=True):
        np.testing.assert_array_equal(plain.lesion_map, other.lesion_map)
        assert (plain.lesions, plain.refined.label) == (other.lesions, other.refined.label)


def test_what_was_read_before_a_bad_scan_is_answered_first(make_predictor):
    bad = Scan("bad", np.zeros((0, 5), np.uint8))
    found = in_background(make_predictor(batch_size=2)).analyse([scan("a"), scan("b"), scan("c"), bad])
    assert [next(found).scan.name, next(found).scan.name] == ["a", "b"]
    with pytest.raises(ShapeError, match="bad"):
        next(found)


def test_a_plane_of_a_scan_without_a_region_is_the_frame_itself():
    plane = np.ones((90, 130), np.float32)
    assert placed(plane, scan()) is plane


@pytest.mark.parametrize("made", [lambda predictor: predictor, in_background])
def test_memory_does_not_grow_with_the_number_of_scans(make_predictor, made):
    def peak(count):
        tracemalloc.start()
        for _ in made(make_predictor()).analyse(scan(str(number), 300, 300) for number in range(count)):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(8)
    assert peak(160) < 1.5 * peak(32)


SMALL_REFUSED = {"refuse_too_small": 1.0, "refuse_multi_panel": 1.5}


def test_a_refused_picture_is_not_answered_and_the_network_not_asked(make_predictor):
    predictor = make_predictor(thresholds=SMALL_REFUSED)
    small, whole, other = scan("small", 60, 130), scan("whole", 200, 230), scan("other", 60, 110)
    analyses = list(predictor.analyse([small, whole, other], uncertain=False))
    assert [analysis.scan.name for analysis in analyses] == ["small", "whole", "other"]
    assert [[check.ground.value for check in a.refused] for a in analyses] == [["too_small"], [], ["too_small"]]
    assert [analysis.refined is None for analysis in analyses] == [True, False, True]
    assert len(analyses[0].checks) == 2
    assert predictor.runtime._network.batches == [1]


def test_on_request_a_refused_picture_is_answered_and_still_doubted(make_predictor):
    (analysis,) = make_predictor(thresholds=SMALL_REFUSED).analyse([scan("small", 60, 130)], refuse=False)
    assert [check.ground.value for check in analysis.refused] == ["too_small"]
    assert analysis.refined.mask.any()


def test_a_batch_of_refused_pictures_asks_the_network_nothing(make_predictor):
    predictor = make_predictor(thresholds=SMALL_REFUSED)
    assert all(analysis.raw is None for analysis in predictor.analyse([scan("a", 60), scan("b", 50)]))
    assert predictor.runtime._network.batches == []
