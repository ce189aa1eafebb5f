"""The loop: it learns, it chooses by validation, and an interrupted run equals an uninterrupted one to the bit."""

from __future__ import annotations

import errno
import json

import pytest
import torch

from echoduet import files
from echoduet.errors import OutputError, TrainingError
from echoduet.models.registry import build_network
from echoduet.runs import RunFolder
from echoduet.training.loop import Trainer, fit


def start(path, config) -> RunFolder:
    return RunFolder.create(path, config.model_dump(mode="json"), resume=True)


def without_time(run: RunFolder) -> list[dict]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in run.rows()]


def interrupt_after(steps: int):
    """Return progress that stops a run after some steps, as Ctrl-C does."""

    def progress(items, *, label, total=None):
        for number, item in enumerate(items):
            if number == steps:
                raise KeyboardInterrupt
            yield item

    return progress


def same_weights(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_it_learns_masks_and_classes(tiny, make_set, tmp_path):
    config = tiny(
        optim={"epochs": 25, "batch_size": 6, "select": "last", "schedule": "one_cycle", "learning_rate": 4e-3},
        model={"architecture": "efficientnet_lite0", "pretrained": True, "deep_supervision": False},
        augment={"rotate": 0, "flip_horizontal": 0, "flip_vertical": 0, "speckle": 0, "gamma": [1, 1]},
    )
    data = make_set(12)
    run = start(tmp_path, config)
    network = fit(Trainer(config, data, data), run)
    first, last = run.rows()[0], run.rows()[-1]
    assert last["train"]["loss"] < 0.5 * first["train"]["loss"]
    assert last["validation"]["classification_loss"] < 0.5 * first["validation"]["classification_loss"]
    assert last["validation"]["lesion_dice"] > 0.6
    assert last["validation"]["accuracy"] > 0.8
    assert not network.training


@pytest.mark.parametrize("schedule", ["plateau", "one_cycle"])
def test_an_interrupted_run_equals_an_uninterrupted_one_to_the_bit(tiny, make_set, tmp_path, schedule):
    config = tiny(optim={"ema_decay": 0.9, "schedule": schedule, "plateau_patience": 1})
    data, val = make_set(8), make_set(4, seed=1)
    whole = start(tmp_path / "whole", config)
    expected = fit(Trainer(config, data, val), whole)
    broken = start(tmp_path / "broken", config)
    with pytest.raises(KeyboardInterrupt):
        fit(Trainer(config, data, val), broken, progress=interrupt_after(3))  # in the middle of the second epoch
    assert len(broken.rows()) == 1
    resumed = fit(Trainer(config, data, val), broken, resume=True)
    assert same_weights(expected, resumed)
    assert without_time(whole) == without_time(broken)


@pytest.mark.parametrize("weighting", ["uncertainty", "gradient"])
def test_weights_that_follow_the_training_resume_to_the_bit(tiny, make_set, tmp_path, weighting):
    config = tiny(optim={"ema_decay": 0.9, "epochs": 2}, loss={"weighting": weighting})
    data, val = make_set(8), make_set(4, seed=1)
    whole = start(tmp_path / "whole", config)
    expected = fit(Trainer(config, data, val), whole)
    broken = start(tmp_path / "broken", config)
    with pytest.raises(KeyboardInterrupt):
        fit(Trainer(config, data, val), broken, progress=interrupt_after(3))
    resumed = fit(Trainer(config, data, val), broken, resume=True)
    assert same_weights(expected, resumed)
    assert without_time(whole) == without_time(broken)
    first, last = (row["task_weights"] for row in whole.rows())
    assert first["segmentation"] != last["segmentation"] != config.loss.segmentation_weight
    assert expected.state_dict().keys() == build_network(config.model).state_dict().keys()


def test_equal_seeds_give_equal_runs_and_others_do_not(tiny, make_set, tmp_path):
    data = make_set(8)
    networks = []
    for number, seed in enumerate((5, 5, 6)):
        config = tiny(seed=seed, optim={"epochs": 1, "select": "last"})
        networks.append(fit(Trainer(config, data, data), start(tmp_path / str(number), config)))
    assert same_weights(networks[0], networks[1])
    assert not same_weights(networks[0], networks[2])


def test_a_full_disk_loses_at_most_one_epoch(tiny, make_set, tmp_path, monkeypatch):
    config = tiny()
    data = make_set(8)
    whole = start(tmp_path / "whole", config)
    expected = fit(Trainer(config, data, data), whole)
    run = start(tmp_path / "full", config)
    calls, flush = [], files._flush_to_disk

    def full_at_the_second(path):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        flush(path)

    monkeypatch.setattr(files, "_flush_to_disk", full_at_the_second)
    with pytest.raises(OutputError, match=r"checkpoint\.pt: cannot be written \(No space left"):
        fit(Trainer(config, data, data), run)
    monkeypatch.undo()
    assert not list(run.path.glob(".checkpoint*"))
    assert same_weights(expected, fit(Trainer(config, data, data), run, resume=True))
    assert without_time(whole) == without_time(run)


def test_a_line_cut_short_by_a_crash_is_dropped_on_resume(tiny, make_set, tmp_path):
    config = tiny(optim={"epochs": 2})
    data = make_set(8)
    run = start(tmp_path, config)
    with pytest.raises(KeyboardInterrupt):
        fit(Trainer(config, data, data), run, progress=interrupt_after(3))
    with run.metrics.open("a") as stream:
        stream.write('{"epoch": 2, "trai')
    fit(Trainer(config, data, data), run, resume=True)
    assert [json.loads(line)["epoch"] for line in run.metrics.read_text().splitlines()] == [1, 2]


def test_a_damaged_checkpoint_is_a_clear_error(tiny, make_set, tmp_path):
    config = tiny(optim={"epochs": 1})
    data = make_set(8)
    run = start(tmp_path, config)
    fit(Trainer(config, data, data), run)
    run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:1000])
    with pytest.raises(TrainingError, match=r"checkpoint\.pt: the checkpoint is damaged"):
        fit(Trainer(config, data, data), run, resume=True)


def test_early_stopping_waits_for_the_validation_loss(tiny, make_set, tmp_path):
    config = tiny(optim={"epochs": 40, "early_stop": 2, "learning_rate": 1e-9, "eps": 1.0})
    run = start(tmp_path, config)
    fit(Trainer(config, make_set(8), make_set(4, seed=1)), run)
    rows = run.rows()
    assert len(rows) < 40
    assert rows[-1]["epoch"] - rows[-1]["best_epoch"] == 2
    best = min(row["validation"]["loss"] for row in rows)
    assert rows[rows[-1]["best_epoch"] - 1]["validation"]["loss"] == best


def test_the_best_epochs_weights_are_shipped(tiny, make_set, tmp_path):
    config = tiny(optim={"epochs": 3})
    trainer = Trainer(config, make_set(8), make_set(4, seed=1))
    kept = []
    for _ in range(3):
        list(trainer.run_epoch())
        trainer.finish_epoch()
        kept.append({name: tensor.clone() for name, tensor in trainer.network.state_dict().items()})
    chosen = trainer.chosen_weights()
    assert all(torch.equal(chosen[name], tensor) for name, tensor in kept[trainer.best.epoch - 1].items())


def test_the_average_lags_behind_and_is_what_answers(tiny, make_set):
    trainer = Trainer(tiny(optim={"ema_decay": 0.9}), make_set(8), make_set(4))
    list(trainer.run_epoch())
    raw, averaged = trainer.network.state_dict(), trainer.answering.state_dict()
    moved = [
        name for name, tensor in raw.items() if name.endswith("weight") and not torch.equal(tensor, averaged[name])
    ]
    assert len(moved) > 10


def test_deterministic_oversampling_makes_a_longer_epoch(tiny, make_set):
    data = make_set(9).select(["case 0", "case 1", "case 2", "case 3", "case 6"])  # three benign, one of each other
    assert len(Trainer(tiny(), data, data).order) == 5
    assert len(Trainer(tiny(oversampling="deterministic"), data, data).order) == 3 * 2 + 5 + 5


def test_a_last_batch_of_one_is_left_out(tiny, make_set):
    assert Trainer(tiny(), make_set(9), make_set(4)).steps_per_epoch == 2
    assert Trainer(tiny(), make_set(10), make_set(4)).steps_per_epoch == 3


@pytest.mark.parametrize("tasks", ["segmentation", "classification"])
def test_one_task_alone_trains_too(tiny, make_set, tmp_path, tasks):
    config = tiny(optim={"epochs": 1}, model={"architecture": "efficientnet_lite0", "tasks": tasks})
    run = start(tmp_path, config)
    fit(Trainer(config, make_set(8), make_set(4)), run)
    row = run.rows()[0]
    assert ("lesion_dice" in row["validation"]) == (tasks == "segmentation")
    assert ("accuracy" in row["validation"]) == (tasks == "classification")


def test_a_gated_network_learns_what_has_a_lesion(tiny, make_set, tmp_path):
    config = tiny(
        optim={"epochs": 12, "batch_size": 6, "select": "last", "learning_rate": 4e-3},
        model={"architecture": "efficientnet_lite0", "pretrained": True, "tasks": "segmentation", "presence": True},
        loss={"segmentation": "dice_bce_boundary", "dice_on": "lesions"},
    )
    data = make_set(12)
    run = start(tmp_path, config)
    fit(Trainer(config, data, data), run)
    first, last = run.rows()[0], run.rows()[-1]
    assert last["train"]["presence_loss"] < 0.6 * first["train"]["presence_loss"]
    assert last["validation"]["lesion_dice"] > 0.6


def test_bfloat16_trains(tiny, make_set, tmp_path):
    config = tiny(optim={"epochs": 1}, runtime={"precision": "bfloat16", "deterministic": False})
    run = start(tmp_path, config)
    network = fit(Trainer(config, make_set(8), make_set(4)), run)
    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}


def test_a_loss_that_is_not_a_number_stops_the_run(tiny, make_set, tmp_path):
    config = tiny(optim={"learning_rate": 1e30, "epochs": 5})
    run = start(tmp_path, config)
    with pytest.raises(TrainingError, match=r"not a finite number.*optim\.learning_rate"):
        fit(Trainer(config, make_set(8), make_set(4)), run)


def test_an_empty_part_is_named(tiny, make_set, tmp_path):
    config = tiny()
    with pytest.raises(TrainingError, match="val part of the split is empty"):
        fit(Trainer(config, make_set(8), make_set(8).select([])), start(tmp_path, config))


def test_tensorboard_gets_what_the_log_gets(tiny, make_set, tmp_path):
    config = tiny(optim={"epochs": 1}, runtime={"tensorboard": True})
    run = start(tmp_path, config)
    fit(Trainer(config, make_set(8), make_set(4)), run)
    assert list((run.path / "tensorboard").glob("events.out.tfevents.*"))
