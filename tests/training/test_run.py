"""One run from manifest to bundle."""

from __future__ import annotations

import dataclasses
import json

import pytest

from echoduet.data.manifest import Manifest, build_manifest
from echoduet.errors import LeakError, OutputError, SplitError
from echoduet.models.bundle import load_bundle
from echoduet.splits.folds import make_splits
from echoduet.splits.table import Part, SplitRow, SplitTable
from echoduet.training.run import divide, train_fold


@pytest.fixture
def manifest(miniature_busi, tmp_path, monkeypatch) -> Manifest:
    monkeypatch.setenv("ECHODUET_CACHE", str(tmp_path / "cache"))
    return build_manifest(miniature_busi)


@pytest.fixture
def config(tiny):
    return tiny(optim={"epochs": 1}, split={"folds": 2, "train_share": 0.5})


def test_a_run_folder_is_complete(manifest, config, tmp_path):
    out = tmp_path / "run"
    model = train_fold(config, manifest, None, 1, out)
    assert model == out / "model.safetensors"
    assert {path.name for path in out.iterdir()} >= {
        "config.json",
        "environment.json",
        "metrics.jsonl",
        "checkpoint.pt",
        "model.safetensors",
    }
    assert json.loads((out / "config.json").read_text()) == config.model_dump(mode="json")
    network, info = load_bundle(model)
    assert info.config == config
    assert not network.training
    table = make_splits(manifest.cases, config.split)
    assert info.provenance["fold"] == 1
    for part in ("train", "val", "test"):
        assert set(info.provenance[f"{part}_ids"]) == set(table.ids(1, part))
    assert info.provenance["validation"]["accuracy"] >= 0


@pytest.mark.parametrize("select", ["best", "last"])
def test_the_bundle_tells_the_scores_of_the_epoch_it_holds(manifest, tiny, tmp_path, select):
    # A rate this high makes validation worse after the first epoch, so that the best epoch is not the last.
    optim = {"epochs": 3, "select": select, "learning_rate": 0.05}
    out = tmp_path / "run"
    model = train_fold(tiny(optim=optim, split={"folds": 2, "train_share": 0.5}), manifest, None, 0, out)
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    told = load_bundle(model)[1].provenance
    assert told["epoch"] == (3 if select == "last" else rows[-1]["best_epoch"])
    assert told["validation"] == rows[told["epoch"] - 1]["validation"]
    assert rows[-1]["best_epoch"] < 3


def test_without_a_fold_nothing_is_held_out(manifest, config):
    parts = divide(config, manifest, None, None)
    assert parts.test == ()
    assert set(parts.train) | set(parts.val) == {case.case_id for case in manifest.cases}
    assert not set(parts.train) & set(parts.val)


def test_a_leaking_split_is_refused_before_anything_is_written(manifest, config, tmp_path):
    first, second, *rest = manifest.cases
    tied = [dataclasses.replace(case, group="scan 1") for case in (first, second)]
    rows = [SplitRow(first.case_id, 0, Part.TRAIN), SplitRow(second.case_id, 0, Part.TEST)]
    rows += [SplitRow(case.case_id, 0, Part.VAL) for case in rest]
    leaking = dataclasses.replace(manifest, cases=(*tied, *rest))
    with pytest.raises(LeakError, match="share group scan 1"):
        train_fold(config, leaking, SplitTable(tuple(rows)), 0, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_equal_pixels_on_both_sides_are_refused_whatever_the_manifest_says(manifest, config, tmp_path):
    first, second, *rest = manifest.cases
    copied = dataclasses.replace(second, image=first.image, masks=first.masks)
    rows = [SplitRow(first.case_id, 0, Part.TRAIN), SplitRow(second.case_id, 0, Part.TEST)]
    rows += [SplitRow(case.case_id, 0, Part.VAL) for case in rest]
    hidden = dataclasses.replace(manifest, cases=(first, copied, *rest))
    with pytest.raises(LeakError, match="are the same image"):
        train_fold(config, hidden, SplitTable(tuple(rows)), 0, tmp_path / "run")


def test_a_fold_that_does_not_exist_is_named(manifest, config, tmp_path):
    with pytest.raises(SplitError, match="Fold 7 does not exist"):
        train_fold(config, manifest, None, 7, tmp_path / "run")


def test_a_run_is_not_overwritten(manifest, config, tiny, tmp_path):
    out = tmp_path / "run"
    train_fold(config, manifest, None, 0, out)
    before = (out / "model.safetensors").stat().st_mtime_ns
    with pytest.raises(OutputError, match="holds a run already"):
        train_fold(config, manifest, None, 0, out)
    other = tiny(seed=1, optim={"epochs": 1}, split={"folds": 2, "train_share": 0.5})
    with pytest.raises(OutputError, match="another seed"):
        train_fold(other, manifest, None, 0, out, resume=True)
    assert (out / "model.safetensors").stat().st_mtime_ns == before


def test_a_checkpoint_of_other_parts_is_never_resumed(manifest, config, tmp_path):
    out = tmp_path / "run"
    train_fold(config, manifest, None, 0, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(OutputError, match=r"run: the run there was started on another fold"):
        train_fold(config, manifest, None, 1, out, resume=True)
    with pytest.raises(OutputError, match="started on another set of cases"):
        train_fold(config, Manifest(manifest.cases[1:]), None, 0, out, resume=True)
    table = make_splits(manifest.cases, config.split)
    one, other = (table.ids(0, part)[0] for part in (Part.TRAIN, Part.VAL))
    exchanged = {one: Part.VAL, other: Part.TRAIN}
    rows = [dataclasses.replace(row, part=exchanged.get(row.case_id, row.part)) for row in table.rows if row.fold == 0]
    with pytest.raises(OutputError, match="started on another split"):
        train_fold(config, manifest, SplitTable(tuple(rows)), 0, out, resume=True)
    (out / "learns_from.json").unlink()
    with pytest.raises(OutputError, match=r"learns_from\.json: cannot be read, so what checkpoint\.pt learnt"):
        train_fold(config, manifest, None, 0, out, resume=True)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        name: content for name, content in before.items() if name != "learns_from.json"
    }


def test_threads_can_be_set(manifest, tiny, tmp_path):
    import torch

    config = tiny(optim={"epochs": 1}, split={"folds": 2, "train_share": 0.5}, runtime={"threads": 1})
    train_fold(config, manifest, None, 0, tmp_path / "run")
    assert torch.get_num_threads() == 1


def leaking(manifest: Manifest) -> Manifest:
    """Return the manifest with every benign case tied to the others."""
    return manifest.with_cases(dataclasses.replace(c, group="G" if c.label == "benign" else None) for c in manifest)


def test_a_leak_is_trained_through_only_when_allowed_and_then_told(manifest, tiny, tmp_path):
    split = {"folds": 2, "train_share": 0.5}
    with pytest.raises(LeakError):
        train_fold(tiny(optim={"epochs": 1}, split=split), leaking(manifest), None, 0, tmp_path / "refused")
    allowed = tiny(optim={"epochs": 1}, split={**split, "allow_leaks": True})
    model = train_fold(allowed, leaking(manifest), None, 0, tmp_path / "allowed")
    assert load_bundle(model)[1].provenance["leaks_allowed"] is True


def test_unused_cases_are_on_no_side(manifest, config):
    table = make_splits(manifest.cases, config.split)
    unused = table.ids(0, Part.TRAIN)[0]
    rows = tuple(dataclasses.replace(r, part=Part.UNUSED) if r.case_id == unused else r for r in table.rows)
    parts = divide(config, manifest, SplitTable(rows), 0)
    assert unused not in {*parts.train, *parts.val, *parts.test}
    assert len(parts.train) + len(parts.val) + len(parts.test) == len(manifest.cases) - 1
