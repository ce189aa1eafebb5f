"""What is left of a grid, in images and hours."""

from __future__ import annotations

import pytest

from echoduet.config.load import load_config
from echoduet.experiments.grid import cost as room
from echoduet.experiments.grid.ablation import claimed
from echoduet.experiments.grid.cell import epoch_images, run_cell
from echoduet.experiments.grid.cost import epoch_cost, estimate, measure_speed
from echoduet.splits.table import Part


@pytest.fixture
def asked(monkeypatch):
    """Measure nothing: every setting takes 10 images a second; the settings asked for are kept."""
    configs = []

    def measure(config, threads):
        configs.append(config)
        return 10.0

    monkeypatch.setattr(room, "measure_speed", measure)
    return configs


def test_images_epochs_and_hours(make_ablation, asked):
    ablation = make_ablation("MT: {}", "MT: {set: {oversampling: none, optim.epochs: 6}}")
    cost = estimate(ablation, {})["MT"]
    train = sum(len(ablation.splits.ids(fold, Part.TRAIN)) for fold in (0, 1))
    val = sum(len(ablation.splits.ids(fold, Part.VAL)) for fold in (0, 1))
    assert (cost.cells, cost.finished, cost.epochs) == (4, 0, 6)
    assert cost.images == 2 * train * 6
    assert cost.images_per_epoch == train / 2
    assert cost.hours == pytest.approx(2 * (train + val / 3) * 6 / 10 / 3600)
    assert cost.speed.source.startswith("measured")


def test_oversampled_images_are_counted_and_do_not_need_a_measurement_of_their_own(make_ablation, asked):
    ablation = make_ablation("MT: {}", "MT: {}\n  plain: {set: {oversampling: none}}")
    costs = estimate(ablation, {})
    assert costs["MT"].images > costs["plain"].images
    assert len(asked) == 3  # segmentation, classification, both


def test_finished_cells_tell_the_speed(make_ablation, asked, trained):
    ablation = make_ablation()
    with claimed(ablation):
        run_cell(ablation.jobs[0])
    cost = estimate(ablation, ablation.finished())["Seg"]
    assert (cost.finished, cost.speed.source) == (1, "recorded, 1 cells")
    assert cost.speed.images_per_second == pytest.approx(3 * epoch_cost(ablation.jobs[0], ablation) / 1.5)
    left = [job for job in ablation.jobs if job.setting == "Seg"][1:]
    assert cost.images == 3 * sum(epoch_images(job, ablation.manifest, ablation.splits) for job in left)


@pytest.mark.parametrize("name", ["fast", "echoduet-base"])  # the second freezes weights that must be there
def test_a_speed_is_measured(name):
    config = load_config(name, ["preprocess.size=32", "optim.batch_size=2", "model.architecture=efficientnet_lite0"])
    assert 0.1 < measure_speed(config, threads=1, seconds=0.1) < 10_000
