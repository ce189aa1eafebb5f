"""One step, one validation pass, and the choice of device and precision."""

from __future__ import annotations

import math

import pytest
import torch

from echoduet.config.schema import RuntimeConfig
from echoduet.errors import TrainingError
from echoduet.evaluation.overlap import dice
from echoduet.training.loop import Trainer
from echoduet.training.step import choose_device, choose_precision, losses_of, place, require_finite
from echoduet.transforms.augment import to_input


@pytest.fixture
def trainer(tiny, make_set) -> Trainer:
    return Trainer(tiny(), make_set(8), make_set(5, seed=2))


def test_a_step_lowers_the_loss_of_its_own_batch(trainer):
    images, masks = to_input(trainer.train.images, trainer.train.masks)
    losses = [float(trainer.stepper.train(images, masks, trainer.train.labels).total) for _ in range(12)]
    assert losses[-1] < losses[0]


def test_what_the_loss_learns_is_a_group_of_its_own_that_does_not_decay(tiny, make_set):
    config = tiny(loss={"weighting": "uncertainty"}, optim={"weight_decay": 0.1, "schedule": "one_cycle"})
    trainer = Trainer(config, make_set(8), make_set(4))
    *_, last = trainer.stepper.optimizer.param_groups
    assert last["params"] == list(trainer.stepper.loss.parameters())
    assert last["weight_decay"] == 0.0
    trainer.schedule.before_step(trainer.schedule.steps // 2)
    assert 0 < last["lr"] < config.optim.learning_rate  # the schedule steers it too
    assert len(Trainer(tiny(), make_set(8), make_set(4)).stepper.optimizer.param_groups) == 4


def test_losses_are_handed_out_without_their_graph(trainer):
    images, masks = to_input(trainer.train.images, trainer.train.masks)
    parts = trainer.stepper.train(images, masks, trainer.train.labels)
    assert not parts.total.requires_grad
    assert set(losses_of(parts)) == {"loss", "segmentation_loss", "classification_loss"}
    weight = trainer.config.loss.segmentation_weight
    assert float(parts.total) == pytest.approx(
        weight * float(parts.segmentation) + (1 - weight) * float(parts.classification), rel=1e-5
    )


def test_validation_scores_are_those_of_the_evaluation_room(trainer):
    scores = trainer.stepper.validate(trainer.network, trainer.validation)
    trainer.network.eval()
    with torch.no_grad():
        images, masks = to_input(trainer.validation.images, trainer.validation.masks)
        output = trainer.network(images.contiguous(memory_format=torch.channels_last))
    lesions = [
        dice((logit[0] > 0).numpy(), (mask[0] > 0).numpy())
        for logit, mask in zip(output.mask_logits[0], masks, strict=True)
        if mask.any()
    ]
    assert scores["lesion_dice"] == pytest.approx(sum(lesions) / len(lesions), abs=1e-5)
    right = (output.class_logits.argmax(1) == trainer.validation.labels).float().mean()
    assert scores["accuracy"] == pytest.approx(float(right))


def test_validation_changes_nothing(trainer):
    before = {name: tensor.clone() for name, tensor in trainer.network.state_dict().items()}
    trainer.stepper.validate(trainer.network, trainer.validation)
    assert all(torch.equal(before[name], tensor) for name, tensor in trainer.network.state_dict().items())


def test_gradients_are_clipped(tiny, make_set):
    trainer = Trainer(tiny(optim={"clip_norm": 1e-3}), make_set(8), make_set(4))
    images, masks = to_input(trainer.train.images, trainer.train.masks)
    trainer.stepper.train(images, masks, trainer.train.labels)
    norms = [parameter.grad.norm() for parameter in trainer.network.parameters() if parameter.grad is not None]
    assert float(torch.stack(norms).norm()) == pytest.approx(1e-3, rel=1e-2)


def test_an_explicit_precision_is_obeyed():
    cpu = torch.device("cpu")
    assert choose_precision(RuntimeConfig(precision="float32"), cpu) is torch.float32
    assert choose_precision(RuntimeConfig(precision="bfloat16"), cpu) is torch.bfloat16
    assert choose_precision(RuntimeConfig(), cpu) in (torch.float32, torch.bfloat16)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_missing_gpu_is_a_clear_error():
    assert choose_device(RuntimeConfig()).type == "cpu"
    with pytest.raises(TrainingError, match=r"runtime\.device=cuda: no GPU"):
        choose_device(RuntimeConfig(device="cuda"))


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_refused(loss):
    with pytest.raises(TrainingError, match="training loss is not a finite number"):
        require_finite("training", loss)


def test_a_set_stays_where_it_is_when_the_device_has_no_room(make_set, monkeypatch):
    data = make_set(8)
    moved = []
    monkeypatch.setattr(type(data), "to", lambda self, device: moved.append(device) or self)
    size = data.images.nbytes + data.masks.nbytes
    cuda = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (size, size))
    assert place(data, cuda) is data
    assert moved == []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2 * size, 2 * size))
    place(data, cuda)
    assert moved == [cuda]
