"""Side by side a network learns what it would learn alone, from a pack that holds what the set holds."""

from __future__ import annotations

import csv
import subprocess
import sys
from itertools import product

import pytest
import torch

import fleet
import fleet_pack
from echoduet.config.load import load_config
from echoduet.config.load_grid import load_grid
from echoduet.data.cache import CachedSet, load_cached
from echoduet.data.manifest import build_manifest, write_manifest
from echoduet.errors import EchoDuetError
from echoduet.experiments.grid.ablation import Ablation
from echoduet.splits.folds import make_splits
from echoduet.splits.table import Part
from echoduet.training.loop import Trainer
from echoduet.transforms.preprocess import Preprocess
from fleet_training import FixedShapeLoss, Lane

BATCH = 12
KEYS = ["preprocess.size=64", "optim.early_stop=null", "runtime.precision=float32", "model.dropout=0",
        "runtime.threads=1", "runtime.device=cpu", "oversampling=none", f"optim.batch_size={BATCH}"]  # fmt: skip
LESIONS = ["loss.masks_on=lesions", "model.class_head=pooled"]
SMALL = ["--set", "preprocess.size=32"]
GRID = """
name: trial
base: fast
set: {split.folds: 2, split.train_share: 0.5, preprocess.size: 32, optim.epochs: 1, optim.batch_size: 4,
      runtime.threads: 1, runtime.device: cpu, inference.refining: hard}
part: test
folds: [0]
seeds: [1, 2]
at_sizes: [32, native]
settings:
  MT: {}
  ST(Cls): {set: {model.tasks: classification}}
  MT, soft: {networks_of: MT, set: {inference.refining: soft, inference.tune: true}}
rows:
  MT: {from: MT}
  MT+softPR: {from: "MT, soft", refined: true}
"""


def made_up(n, side=64):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, 1, side, side), dtype=torch.uint8, generator=generator)
    masks = torch.zeros_like(images)
    masks[::2, :, 16:32, 16:40] = 1
    return CachedSet(tuple(map(str, range(n))), images, masks, torch.arange(n) % 3)


@pytest.mark.parametrize(
    ("config", "keys"), [("echoduet-base", []), ("echoduet-base", LESIONS), ("multi_task_config", [])]
)
def test_a_network_learns_what_the_trainer_would_teach_it(config, keys):
    # One batch an epoch: what is drawn at once is then what the trainer draws.
    experiment = load_config(config, [*KEYS, *keys, "optim.epochs=3"])
    train, validation = made_up(BATCH), made_up(9)
    trainer, lane = Trainer(experiment, train, validation), Lane(experiment, train, validation)
    for row, _ in zip(_epochs(lane), range(3), strict=True):
        (step,) = trainer.run_epoch()
        scores = trainer.finish_epoch()
        assert row["train"]["loss"] == pytest.approx(float(step.total), rel=2e-3)
        assert row["validation"] == pytest.approx(scores, rel=2e-3)
    ours, theirs = lane.network().state_dict(), trainer.chosen_weights()
    start = Trainer(experiment, train, validation).answering.state_dict()
    moved = max(distance(theirs[name], start[name]) for name in start)
    assert moved > 1e-4
    assert max(distance(ours[name], theirs[name]) for name in start) < moved / 4


def distance(one, other):
    return (one.float() - other.float()).abs().max().item()


def _epochs(lane):
    seen = 0
    for _ in lane.run():
        if len(lane.history) > seen:
            seen = len(lane.history)
            yield lane.history[-1]


def test_the_rest_of_an_epoch_is_a_smaller_batch():
    experiment = load_config("echoduet-base", [*KEYS, "optim.epochs=2", "optim.batch_size=8"])
    lane = Lane(experiment, made_up(19), made_up(5))
    assert (lane.steps, lane.used) == (3, 19)
    assert [row["epoch"] for row in _epochs(lane)] == [1, 2]


@pytest.mark.parametrize("normals", [0, 3, 6])
def test_weights_leave_out_what_the_loss_leaves_out(normals):
    keys = load_config("echoduet-base", LESIONS).loss
    generator = torch.Generator().manual_seed(normals)
    masks = (torch.rand(6, 1, 16, 16, generator=generator) > 0.7).float()
    masks[:normals] = 0
    logits = [torch.randn(6, 1, 16, 16, generator=generator, requires_grad=True) for _ in range(2)]
    fixed, plain = FixedShapeLoss(keys), super(FixedShapeLoss, FixedShapeLoss(keys))
    ours, theirs = fixed.segmentation(logits, masks), plain.segmentation(logits, masks)
    torch.testing.assert_close(ours, theirs)
    for mine, other in zip(torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits), strict=True):
        torch.testing.assert_close(mine, other)


@pytest.fixture
def packed(miniature_busi, tmp_path):
    manifest = build_manifest(miniature_busi)
    write_manifest(manifest, tmp_path / "manifest.csv")
    fleet_pack.pack({"mini": manifest}, [32, 64], tmp_path / "pack")
    return manifest, fleet_pack.Pack.open(tmp_path / "pack")


def test_a_pack_holds_what_the_set_holds(packed, tmp_path, monkeypatch):
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    manifest, pack = packed
    again = pack.manifest("mini")
    assert [(case.case_id, case.label, case.width) for case in again] == [
        (case.case_id, case.label, case.width) for case in manifest
    ]
    for size in (32, 64):
        config = load_config("fast", [f"preprocess.size={size}"]).preprocess
        ours, theirs = pack.tensors(again, config), load_cached(manifest.cases, Preprocess(config))
        assert ours.case_ids == theirs.case_ids
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.masks, theirs.masks)
        assert torch.equal(ours.labels, theirs.labels)


def run(pack, grid, out, *words):
    program = [sys.executable, fleet.__file__, pack.folder, grid, "--out", out, "--scorers", "1", *words]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_a_grid_is_run_from_a_pack_and_known_to_ablate(packed, tmp_path):
    manifest, pack = packed
    (tmp_path / "trial.yaml").write_text(GRID)
    spec = f"{tmp_path / 'trial.yaml'}:mini"
    run(pack, spec, tmp_path, "--processes", "2", "--lanes", "2")
    rows = rows_of(tmp_path / "trial" / "rows.csv")
    assert {(row["setting"], row["seed"]) for row in rows} == set(product(("MT", "ST(Cls)", "MT, soft"), "12"))
    assert len(rows_of(tmp_path / "trial" / "rows_native.csv")) == len(rows)
    grid = load_grid(str(tmp_path / "trial.yaml"))
    splits = make_splits(manifest.cases, grid.settings["MT"].config.split)
    assert len(Ablation(grid, manifest, splits, tmp_path / "trial").finished()) == 6
    assert run(pack, spec, tmp_path, "--shard", "0/1") == ""  # nothing is left to train


def test_test_parts_are_scored_beside_validation_parts_where_that_is_asked(packed, tmp_path):
    manifest, pack = packed
    without_soft = "\n".join(line for line in GRID.splitlines() if "soft" not in line)
    (tmp_path / "trial.yaml").write_text(without_soft.replace("part: test", "part: val").replace("[1, 2]", "[1]"))
    run(pack, f"{tmp_path / 'trial.yaml'}:mini:test", tmp_path, "--processes", "1", "--lanes", "2")
    grid = load_grid(str(tmp_path / "trial.yaml"))
    splits = make_splits(manifest.cases, grid.settings["MT"].config.split)
    for folder, part in (("trial", Part.VAL), ("trial-test", Part.TEST)):
        rows = rows_of(tmp_path / folder / "rows.csv")
        assert {row["part"] for row in rows} == {part.value}
        assert {row["case_id"] for row in rows} == set(splits.ids(0, part))


def test_the_clock_ends_what_runs(packed, tmp_path):
    _, pack = packed
    (tmp_path / "trial.yaml").write_text(GRID.replace("optim.epochs: 1", "optim.epochs: 9000"))
    words = ["--processes", "1", "--lanes", "1", "--seconds", "1"]
    told = run(pack, f"{tmp_path / 'trial.yaml'}:mini", tmp_path, *words)
    assert "stopped by the clock: 1 in training, 3 not begun" in told
    assert "trial 0 of 6 cells" in told


@pytest.mark.parametrize(
    ("spec", "words", "told"),
    [
        ("nothing:mini", [], "nothing"),
        ("duet", [], "duet: is not GRID:DATA"),
        ("duet:mini:val", [], "duet:mini:val: is not GRID:DATA"),
        ("duet:other", [], "has no manifest other. Pack it with other=MANIFEST."),
        ("duet:mini", [], "has no images of 192 pixels. Pack them with --sizes 192."),
        ("duet:mini", ["--set", "preprocess.aspect=pad"], "holds squashed, bilinear images alone."),
        ("duet:mini", [*SMALL, "--set", "loss.weighting=uncertainty"], "loss.weighting: uncertainty cannot"),
        ("where:mini", [*SMALL, "--set", "loss.segmentation=dice_focal"], "loss.masks_on: lesions is trained"),
    ],
)
def test_what_cannot_be_run_is_told(packed, tmp_path, monkeypatch, spec, words, told):
    place = ["--out", tmp_path / "runs"]
    monkeypatch.setattr(sys, "argv", list(map(str, ["fleet.py", packed[1].folder, spec, *place, *words])))
    with pytest.raises(EchoDuetError) as refused:
        fleet.main()
    assert told in str(refused.value)
    assert not (tmp_path / "runs").exists()


def test_it_is_told_in_one_sentence(tmp_path):
    program = [sys.executable, fleet.__file__, tmp_path, "duet:mini", "--out", tmp_path / "runs"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}: holds no rows.csv")
    assert done.stderr.count("\n") == 1
