import tracemalloc

import numpy as np
import pytest
import torch

from echoduet.config.schema import ExperimentConfig, ModelConfig, PreprocessConfig
from echoduet.errors import ModelError
from echoduet.inference.predictor import PIXELS_PER_BATCH, Predictor
from echoduet.models import shipped
from echoduet.models.bundle import save_bundle
from echoduet.models.info import BundleInfo
from echoduet.models.outputs import Output
from echoduet.models.refinement import refine
from echoduet.models.registry import build_network
from echoduet.records import Label


def picture(height=90, width=130):
    image = np.zeros((height, width), np.uint8)
    image[20:60, 30:100] = 255
    return image


def test_a_prediction_has_the_images_size_and_the_lesions_place(make_predictor):
    image = picture()
    (prediction,) = make_predictor().predict([("a", image)])
    assert prediction.case_id == "a"
    assert prediction.mask.shape == image.shape
    lesion = image > 0
    assert 2 * (prediction.mask & lesion).sum() / (prediction.mask.sum() + lesion.sum()) > 0.97


def test_probabilities_are_the_softmax_and_the_label_their_maximum(make_predictor):
    (prediction,) = make_predictor().predict([("a", np.full((64, 64), 255, np.uint8))])
    expected = np.exp([1.0, 4.0, -18.0]) / np.exp([1.0, 4.0, -18.0]).sum()
    np.testing.assert_allclose(prediction.probabilities, expected, rtol=1e-6)
    assert prediction.probabilities.dtype == np.float64
    assert prediction.label is Label.MALIGNANT


def test_predictions_are_raw(make_predictor):
    image = np.zeros((64, 64), np.uint8)
    image[30:34, 30:34] = 255
    (prediction,) = make_predictor().predict([("a", image)])
    assert prediction.label is Label.NORMAL
    assert prediction.mask.any()


@pytest.mark.parametrize(("tasks", "mask", "classes"), [("segmentation", True, False), ("classification", False, True)])
def test_a_single_task_model_leaves_the_other_answer_out(make_predictor, tasks, mask, classes):
    (prediction,) = make_predictor(tasks=tasks).predict([("a", picture())])
    assert (prediction.mask is not None) == mask
    assert (prediction.probabilities is not None) == classes
    assert (prediction.label is not None) == classes


def test_images_of_all_sizes_stay_in_order_whatever_the_batch(make_predictor, rng):
    images = [
        (str(i), rng.integers(0, 255, (int(h), int(w)), dtype=np.uint8))
        for i, (h, w) in enumerate(rng.integers(1, 200, (11, 2)))
    ]
    alone, together = (list(make_predictor(batch_size=size).predict(images)) for size in (1, 4))
    assert [p.case_id for p in together] == [case_id for case_id, _ in images]
    for one, other, (_, image) in zip(alone, together, images, strict=True):
        assert other.mask.shape == image.shape
        np.testing.assert_array_equal(one.mask, other.mask)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-9)


def test_batches_are_as_large_as_asked(make_predictor):
    predictor = make_predictor(batch_size=4)
    list(predictor.predict((str(i), picture()) for i in range(10)))
    assert predictor.runtime._network.batches == [4, 4, 2]


def test_huge_images_close_a_batch_early(make_predictor):
    predictor = make_predictor(batch_size=4)
    huge = np.broadcast_to(np.uint8(0), (PIXELS_PER_BATCH // 4000 // 2, 4000))  # half the limit, and no memory
    list(predictor.answers((str(i), huge) for i in range(3)))
    assert predictor.runtime._network.batches == [2, 1]


def test_nothing_in_nothing_out(make_predictor):
    assert list(make_predictor().predict([])) == []


def test_predictions_come_as_soon_as_a_batch_is_full(make_predictor):
    def images():
        for i in range(4):
            yield str(i), picture()
        raise AssertionError("drawn beyond the first batch")

    predictions = make_predictor(batch_size=4).predict(images())
    assert [next(predictions).case_id for _ in range(4)] == list("0123")


def test_memory_does_not_grow_with_the_number_of_images(make_predictor):
    def peak(count):
        tracemalloc.start()
        for _ in make_predictor().predict((str(i), np.zeros((300, 300), np.uint8)) for i in range(count)):
            pass
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(8)
    assert peak(80) < 1.5 * peak(16)


def test_the_bundles_threshold_comes_before_the_configurations(make_predictor):
    assert make_predictor().threshold == 0.5
    assert make_predictor(inference={"mask_threshold": 0.3}).threshold == 0.3
    assert make_predictor(inference={"mask_threshold": 0.3}, thresholds={"mask": 0.7}).threshold == 0.7


def test_a_higher_threshold_makes_a_smaller_mask(make_predictor, rng):
    image = rng.integers(0, 255, (64, 64), dtype=np.uint8)
    areas = [next(make_predictor(thresholds={"mask": t}).predict([("a", image)])).mask.sum() for t in (0.2, 0.5, 0.8)]
    assert areas[0] > areas[1] > areas[2]


class Faint(torch.nn.Module):
    """Sees something in the left half, with a probability of .3 at most, and is sure of a lesion."""

    def forward(self, image):
        logits = torch.full_like(image, -8.0)
        logits[..., : image.shape[-1] // 2] = -0.8473  # the logit of .3
        return Output((logits,), torch.tensor([[3.0, 0.0, 0.0]]).expand(len(image), 3))


@pytest.mark.parametrize("at_size", [None, 48])
def test_a_faint_lesion_is_handed_to_refining_where_its_rule_asks_for_it(make_predictor, at_size):
    asked = make_predictor(network=Faint(), inference={"refining": "soft"}, thresholds={"peak_share": 0.5})
    (answer,) = asked.answers([("a", picture())])
    prediction = asked.prediction(answer, at_size)
    assert not prediction.mask.any()
    assert prediction.faint.shape == prediction.mask.shape
    assert 0.45 < prediction.faint.mean() < 0.55
    assert refine(prediction, asked.rule).mask is prediction.faint
    plain = make_predictor(network=Faint(), inference={"refining": "soft"})
    assert plain.prediction(answer, at_size).faint is None
    thresholds = {"peak_share": 0.5, "mask": 0.3}
    strong = make_predictor(network=Lopsided(), inference={"refining": "soft"}, thresholds=thresholds)
    assert next(strong.predict([("a", picture())])).faint is None  # half its peak of .73 is above the threshold


class Lopsided(torch.nn.Module):
    """Sees a lesion in the left half of anything, and answers by the top left pixel."""

    def forward(self, image):
        logits = torch.full_like(image, -8.0)
        logits[..., : image.shape[-1] // 2] = 1.0
        corner = image[:, 0, 0, 0]
        return Output((logits,), torch.stack([corner, -corner, torch.zeros_like(corner)], dim=1))


def test_flip_averaging_is_the_mean_of_both_views(make_predictor):
    image = np.zeros((64, 64), np.uint8)
    image[:, :32] = 255
    plain, averaged = (
        next(make_predictor(network=Lopsided(), inference={"flip": flip}).answers([("a", image)]))
        for flip in (False, True)
    )
    np.testing.assert_allclose(averaged.lesion, (plain.lesion + plain.lesion[:, ::-1]) / 2, atol=1e-7)
    other = next(make_predictor(network=Lopsided()).answers([("a", image[:, ::-1])]))
    np.testing.assert_allclose(averaged.classes, (plain.classes + other.classes) / 2, atol=1e-9)


class Broken(torch.nn.Module):
    def forward(self, image):
        return Output((image * torch.nan,), None)


def test_an_answer_that_is_no_number_is_refused(make_predictor):
    with pytest.raises(ModelError, match="not numbers"):
        list(make_predictor(network=Broken()).predict([("a", picture())]))


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_load_predicts_as_the_network_that_was_saved(tmp_path, suffix, rng):
    torch.manual_seed(0)
    config = ExperimentConfig(
        preprocess=PreprocessConfig(size=64),
        model=ModelConfig(architecture="efficientnet_lite0", deep_supervision=False),
    )
    network, info = build_network(config.model), BundleInfo(config=config)
    save_bundle(tmp_path / f"model{suffix}", network, info)
    image = rng.integers(0, 255, (70, 50), dtype=np.uint8)
    (loaded,) = Predictor.load(tmp_path / f"model{suffix}", device="cpu").predict([("a", image)])
    (direct,) = Predictor.of_network(network, info).predict([("a", image)])
    np.testing.assert_array_equal(loaded.mask, direct.mask)
    np.testing.assert_array_equal(loaded.probabilities, direct.probabilities)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_device_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match="device cuda"):
        Predictor.load(tmp_path / "model.safetensors", device="cuda")


def test_the_bundles_temperature_softens_what_is_answered_and_not_the_answer(make_predictor):
    image = np.full((64, 64), 255, np.uint8)
    (before,) = make_predictor().predict([("a", image)])
    warm = make_predictor(thresholds={"temperature": 2.0})
    (after,) = warm.predict([("a", image)])
    expected = np.sqrt(before.probabilities) / np.sqrt(before.probabilities).sum()
    np.testing.assert_allclose(after.probabilities, expected, rtol=1e-6)
    assert after.label is before.label
    (answer,) = warm.answers([("a", image)])
    np.testing.assert_array_equal(answer.classes, before.probabilities)  # undecided, so untouched


def test_other_thresholds_decide_otherwise_about_the_same_answer(make_predictor):
    predictor = make_predictor(inference={"refining": "soft"})
    image = np.full((64, 64), 130, np.uint8)  # a lesion probability of .6
    (answer,) = predictor.answers([("a", image)])
    strict = predictor.with_thresholds({"mask": 0.7, "normal_at": 0.3})
    assert predictor.prediction(answer).mask.all()
    assert not strict.prediction(answer).mask.any()
    assert (strict.rule.normal_at, predictor.rule.normal_at) == (0.3, 0.0)
    assert predictor.info.thresholds == {}


def test_the_default_model_is_the_shipped_one(tmp_path, monkeypatch):
    config = ExperimentConfig(
        model=ModelConfig(architecture="efficientnet_lite0"), preprocess=PreprocessConfig(size=32)
    )
    path = tmp_path / "echoduet-base.safetensors"
    save_bundle(path, build_network(config.model), BundleInfo(config=config, provenance={"it is": "this one"}))
    shipped.record_checksum(path)
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path)
    for predictor in (Predictor.load(), Predictor.default(), Predictor.load("base")):
        assert predictor.info.provenance == {"it is": "this one"}
    with pytest.raises(ModelError, match="not there"):
        Predictor.load("small")
