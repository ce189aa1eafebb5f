"""From cells to the rows of the table."""

from __future__ import annotations

import csv
import shutil

import pytest

from echoduet.errors import OutputError
from echoduet.evaluation.cases import read_cases
from echoduet.evaluation.combination import combine_all, refine_score
from echoduet.experiments.grid.ablation import claimed
from echoduet.experiments.grid.cell import run_cell
from echoduet.experiments.grid.reported import not_run, on_papers_folds, read_arms, read_grid, write_rows


@pytest.fixture
def ran(make_ablation, trained):
    """Return a runner of the first cells of a grid, whose rows are then written."""

    def run(count=12, *replaced):
        ablation = make_ablation(*replaced)
        with claimed(ablation):
            for job in ablation.cells[:count]:
                run_cell(job)
            write_rows(ablation, ablation.finished())
        return ablation

    return run


def test_arms_are_the_reported_rows_in_the_tables_order(ran):
    ablation = ran()
    arms = read_arms(ablation.out)
    assert [arm.name for arm in arms] == ["Seg", "Seg+Cls+PR", "MT+PR"]
    order = [case.case_id for case in ablation.manifest]
    for arm in arms:
        assert list(arm.rows) == [1, 2]
        for rows in arm.rows.values():
            assert [row.case_id for row in rows] == order
            assert {row.case_id: row.fold for row in rows} == ablation.splits.test_folds()
    assert not_run(ablation.out) == ()


def cells(ablation, setting, seed):
    """Return raw and refined scores of a setting, read from its cells."""
    pairs = [
        read_cases(job.folder / "cases.csv") for job in ablation.jobs if (job.setting, job.seed) == (setting, seed)
    ]
    place = {case.case_id: i for i, case in enumerate(ablation.manifest)}
    return [sorted((s for pair in pairs for s in pair[i]), key=lambda s: place[s.case_id]) for i in (0, 1)]


def test_a_row_holds_what_its_definition_says(ran):
    ablation = ran()
    seg, combined, refined = read_arms(ablation.out)
    assert list(seg.rows[1]) == cells(ablation, "Seg", 1)[0]
    assert list(refined.rows[2]) == cells(ablation, "MT", 2)[1]
    both = combine_all(cells(ablation, "Seg", 1)[0], cells(ablation, "Cls", 1)[0])
    assert list(combined.rows[1]) == [refine_score(score) for score in both]


def test_an_ensembles_row_is_the_same_for_every_seed(ran):
    two = "{segmentation: Seg, classification: Cls, refined: true, ensemble: true}"
    rows = f"MT+E: {{from: MT, ensemble: true}}\n  two: {two}"
    ablation = ran(18, "MT+PR: {from: MT, refined: true}", rows)
    arms = {arm.name: arm for arm in read_arms(ablation.out)}
    jobs = [job for job in ablation.joining if job.setting == "MT"]
    expected = {score.case_id: score for job in jobs for score in read_cases(job.folder / "cases.csv")[0]}
    for rows in arms["MT+E"].rows.values():
        assert {row.case_id: row for row in rows} == expected
    assert arms["two"].rows[1] == arms["two"].rows[2]
    with (ablation.out / "rows.csv").open(newline="") as stream:
        assert [*dict.fromkeys(row["seed"] for row in csv.DictReader(stream))] == ["1", "2", "1+2"]


def test_an_ensemble_that_lacks_a_fold_is_not_run(ran):
    ablation = ran(13, "MT+PR: {from: MT, refined: true}", "MT+E: {from: MT, ensemble: true}")
    assert not_run(ablation.out) == ("MT+E",)


def test_every_scored_size_has_its_arms(ran):
    ablation = ran()
    assert {row.width for row in read_arms(ablation.out)[0].rows[1]} == {64}
    assert {row.width for row in read_arms(ablation.out, "native")[0].rows[1]} == {112, 128, 144, 160}
    with pytest.raises(OutputError, match=r"was not scored at 256\. There is 64, native"):
        read_arms(ablation.out, 256)


def test_a_row_without_a_whole_seed_is_not_run(ran):
    ablation = ran(3)  # Seg on both folds, Cls on one
    assert [(arm.name, list(arm.rows)) for arm in read_arms(ablation.out)] == [("Seg", [1])]
    assert not_run(ablation.out) == ("Seg+Cls+PR", "MT+PR")


def test_rows_are_long_and_say_where_they_are_from(ran):
    ablation = ran()
    with (ablation.out / "rows.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0])[:3] == ["setting", "seed", "part"]
    assert len(rows) == 3 * 2 * len(ablation.manifest)
    assert {row["part"] for row in rows} == {"test"}


def test_arms_are_read_without_the_cells(ran):
    ablation = ran()
    arms = read_arms(ablation.out)
    shutil.rmtree(ablation.out / "cells")
    (ablation.out / "manifest.csv").unlink()
    assert read_arms(ablation.out) == arms
    assert read_grid(ablation.out) == ablation.grid


def test_the_validation_part_has_arms_too(ran):
    ablation = ran(12, "seeds:", "part: val\nseeds:")
    rows = read_arms(ablation.out)[0].rows[1]
    assert len(rows) == sum(len(ablation.splits.ids(fold, "val")) for fold in ablation.splits.folds)


def test_rows_changed_by_hand_are_refused(ran):
    ablation = ran()
    path = ablation.out / "rows.csv"
    path.write_text(path.read_text().replace("0.9", "1.0"))
    with pytest.raises(OutputError, match=r"rows\.csv: was changed after it was written"):
        read_arms(ablation.out)


def test_a_folder_without_a_grid_or_rows_is_told(ran, tmp_path):
    with pytest.raises(OutputError, match=r"holds no ablation\.json"):
        read_arms(tmp_path / "nothing")
    ablation = ran(0)
    (ablation.out / "rows.csv").unlink()
    with pytest.raises(OutputError, match=r"rows\.csv: is missing"):
        read_arms(ablation.out)


def test_a_grid_with_nothing_finished_has_no_arms(ran):
    ablation = ran(0)
    assert read_arms(ablation.out) == ()
    assert not_run(ablation.out) == ("Seg", "Seg+Cls+PR", "MT+PR")


@pytest.mark.parametrize("protocol", ["paper", "clean"])
def test_the_protocol_of_the_folds_is_that_of_the_grid(make_ablation, protocol):
    ablation = make_ablation("split.protocol: clean", f"split.protocol: {protocol}")
    with claimed(ablation):
        assert on_papers_folds(ablation.out) is (protocol == "paper")
