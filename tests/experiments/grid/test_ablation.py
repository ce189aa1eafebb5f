"""Whose a folder is, and what may be added to a grid without losing what is finished."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest

from echoduet import lock
from echoduet.data.manifest import read_manifest
from echoduet.errors import ConfigError, OutputError, SplitError
from echoduet.experiments.grid.ablation import HEAD, claimed, read_head
from echoduet.experiments.grid.attempt import Attempt
from echoduet.experiments.grid.cell import run_cell
from echoduet.experiments.grid.reported import write_rows
from echoduet.splits.folds import read_splits


def start(ablation):
    """Claim the folder once."""
    with claimed(ablation):
        return ablation


def test_cells_run_seed_by_seed_in_the_order_of_the_grid(make_ablation):
    names = [(job.seed, job.setting, job.fold) for job in make_ablation().jobs]
    assert names[:5] == [(1, "Seg", 0), (1, "Seg", 1), (1, "Cls", 0), (1, "Cls", 1), (1, "MT", 0)]
    assert len(names) == len(set(names)) == 12


def test_a_grid_may_ask_for_some_folds(make_ablation):
    ablation = make_ablation("seeds: [1, 2]", "seeds: [1]\nfolds: [1]")
    assert {job.fold for job in ablation.jobs} == {1}
    with pytest.raises(ConfigError, match=r"there is no fold 7\. The split has 0, 1"):
        start(make_ablation("seeds: [1, 2]", "seeds: [1]\nfolds: [7]"))


@pytest.mark.parametrize("key", ["model.architecture: unet", "model.pretrained: true"])
def test_a_network_that_there_is_not_is_refused_before_anything_is_written(make_ablation, key):
    ablation = make_ablation("MT: {}", f"MT: {{set: {{{key}}}}}")
    with pytest.raises(ConfigError, match=r"tiny: settings\.MT: .*(unet|pretrained)"):
        start(ablation)
    assert not ablation.out.exists()


def test_images_that_a_network_does_not_take_are_refused_before_anything_is_written(make_ablation):
    ablation = make_ablation("MT: {}", "MT: {set: {model.architecture: nnunet, preprocess.size: 32}}")
    with pytest.raises(ConfigError, match=r"tiny: settings\.MT: This network takes .* not 1x32x32\. Set preprocess"):
        start(ablation)
    assert not ablation.out.exists()


def test_the_folder_tells_whose_it_is(make_ablation):
    ablation = start(make_ablation())
    assert read_head(ablation.out)["grid"]["name"] == "tiny"
    assert [case.case_id for case in read_manifest(ablation.out / "manifest.csv")] == [
        case.case_id for case in ablation.manifest
    ]
    assert read_splits(ablation.out / "splits.csv") == ablation.splits


def test_two_grids_do_not_run_in_one_folder_at_a_time(make_ablation):
    with claimed(make_ablation()), pytest.raises(OutputError, match="another run is using it"):
        start(make_ablation())
    start(make_ablation())


@pytest.mark.parametrize(
    ("replaced", "named"),
    [
        (("name: tiny", "name: other"), "another name"),
        (("seeds:", "part: val\nseeds:"), "another part"),
        (("[64, native]", "[native]"), "another at_sizes"),
    ],
)
def test_another_grid_in_the_folder_is_refused(make_ablation, replaced, named):
    before = (start(make_ablation()).out / HEAD).read_text()
    with pytest.raises(OutputError, match=named):
        start(make_ablation(*replaced))
    assert (make_ablation().out / HEAD).read_text() == before


def test_other_data_in_the_folder_are_refused(make_ablation, easy):
    start(make_ablation())
    with pytest.raises(OutputError, match="another split"):
        start(make_ablation(seed=7))
    relabelled = easy.with_cases([dataclasses.replace(easy.cases[0], sha256="0"), *easy.cases[1:]])
    with pytest.raises(OutputError, match="another set of cases"):
        start(make_ablation(manifest=relabelled))


def test_a_split_of_other_cases_is_refused_before_anything_is_written(make_ablation, easy):
    ablation = make_ablation()
    fewer = dataclasses.replace(ablation, manifest=easy.with_cases(easy.cases[1:]))
    with pytest.raises(SplitError, match="is not in the data"):
        start(fewer)
    assert not ablation.out.exists()


def test_a_folder_of_another_version_is_refused(make_ablation):
    ablation = start(make_ablation())
    head = json.loads((ablation.out / HEAD).read_text())
    (ablation.out / HEAD).write_text(json.dumps(head | {"version": "0.0.1"}))
    with pytest.raises(OutputError, match=r"was begun by EchoDuet 0\.0\.1, and this is"):
        start(make_ablation())
    (ablation.out / HEAD).write_text(json.dumps(head | {"format": 99}))
    with pytest.raises(OutputError, match="another version of EchoDuet"):
        start(make_ablation())


@pytest.mark.parametrize(("key", "value"), [("grid", "a text"), ("rows", "a text"), ("folds", 4)])
def test_a_damaged_part_of_the_head_is_named(make_ablation, key, value):
    ablation = start(make_ablation())
    head = json.loads((ablation.out / HEAD).read_text())
    (ablation.out / HEAD).write_text(json.dumps(head | {key: value}))
    with pytest.raises(OutputError, match=rf"{HEAD}: {key} is damaged"):
        start(make_ablation())


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_damaged_head_is_named(make_ablation, text):
    ablation = start(make_ablation())
    (ablation.out / HEAD).write_text(text)
    with pytest.raises(OutputError, match=rf"{HEAD}: (cannot be read|is damaged|was written by)"):
        start(make_ablation())


def test_a_folder_that_holds_something_else_is_refused(make_ablation):
    ablation = make_ablation()
    ablation.out.mkdir()
    (ablation.out / lock.NAME).touch()
    (ablation.out / "thesis.tex").touch()
    with pytest.raises(OutputError, match=r"holds thesis\.tex and no grid"):
        start(ablation)


def test_settings_and_seeds_may_be_added(make_ablation, trained):
    ablation = start(make_ablation("seeds: [1, 2]", "seeds: [1]"))
    run_cell(ablation.jobs[0])
    more = start(make_ablation("MT: {}", "MT: {}\n  Long: {set: {optim.epochs: 4}}"))
    assert [job.name for job in more.finished()] == ["Seg, seed 1, fold 0"]
    assert len(more.jobs) == 16


def test_a_setting_changed_after_it_ran_is_refused(make_ablation, trained):
    begun = start(make_ablation())
    run_cell(begun.jobs[0])
    before = (begun.out / HEAD).read_bytes()
    with pytest.raises(OutputError, match="holds a cell of another configuration"):
        start(make_ablation("optim.epochs: 3", "optim.epochs: 4"))
    assert (begun.out / HEAD).read_bytes() == before


@pytest.fixture
def with_rows(make_ablation, trained):
    """A folder with the first cell finished, and its rows."""
    ablation = start(make_ablation())
    run_cell(ablation.jobs[0])
    write_rows(ablation, ablation.finished())
    return ablation


@pytest.mark.parametrize("fewer", ["seeds: [2]", "seeds: [1, 2]\nfolds: [1]"])
def test_rows_of_what_the_grid_no_longer_has_are_not_written_over(make_ablation, with_rows, fewer):
    before = {path.name: path.read_bytes() for path in with_rows.out.glob("*.*")}
    with pytest.raises(
        OutputError, match=r"rows\.csv: holds rows of Seg, seed 1, fold 0, which the grid no longer has"
    ):
        start(make_ablation("seeds: [1, 2]", fewer))
    assert {path.name: path.read_bytes() for path in with_rows.out.glob("*.*")} == before


def test_rows_whose_cells_are_not_in_the_folder_are_not_written_over(make_ablation, with_rows):
    before = (with_rows.out / "rows.csv").read_bytes()
    shutil.rmtree(with_rows.out / "cells")
    with pytest.raises(OutputError, match=r"rows\.csv: holds the rows of 1 cells that are not in this folder"):
        start(make_ablation())
    assert (with_rows.out / "rows.csv").read_bytes() == before


def test_a_cell_that_was_moved_away_runs_again(make_ablation, with_rows):
    shutil.rmtree(with_rows.jobs[0].folder)
    with claimed(make_ablation()) as finished:
        assert finished == {}


def test_rows_that_are_no_table_are_named(make_ablation, with_rows):
    (with_rows.out / HEAD).write_text(json.dumps(with_rows.head()))
    (with_rows.out / "rows.csv").write_text("nothing\n1\n")
    with pytest.raises(OutputError, match=r"rows\.csv: cannot be read as the rows of a grid"):
        start(make_ablation())


def test_a_setting_changed_after_it_was_begun_is_refused(make_ablation):
    ablation = start(make_ablation())
    left = Attempt.begin(ablation.jobs[0].folder)
    (left.path / "config.json").write_text(json.dumps(ablation.jobs[0].config))
    start(make_ablation())
    with pytest.raises(OutputError, match="was begun with another configuration of Seg"):
        start(make_ablation("optim.epochs: 3", "optim.epochs: 4"))
