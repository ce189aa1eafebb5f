from __future__ import annotations

import json
from dataclasses import replace

import pytest

from echoduet.errors import ManifestError, OutputError, PairingError
from echoduet.evaluation.cases import write_cases
from echoduet.experiments.comparison.arm_files import UNKNOWN_SEED, matched_seeds, read_arm, read_curves
from echoduet.files import file_sha256
from echoduet.records import Label


def put(folder, rows, refined=None):
    write_cases(folder / "cases.csv", rows, rows if refined is None else refined)


@pytest.fixture
def rows(make_arm):
    return make_arm("A").cases


def test_a_file_and_its_folder_are_the_same_arm(rows, tmp_path):
    put(tmp_path, rows)
    assert read_arm(tmp_path, "A") == read_arm(tmp_path / "cases.csv", "A")
    assert read_arm(tmp_path, "A").rows == {UNKNOWN_SEED: rows}


def test_raw_and_refined_are_told_apart(rows, tmp_path):
    refined = [replace(row, predicted=Label.NORMAL) for row in rows]
    put(tmp_path, rows, refined)
    assert read_arm(tmp_path, "A", "raw").cases == rows
    assert read_arm(tmp_path, "A").cases == tuple(refined)


def test_folds_without_a_pooled_file_are_put_together(rows, tmp_path):
    for fold in range(4):
        put(tmp_path / f"fold_{fold}", [row for row in rows if row.fold == fold])
    assert sorted(read_arm(tmp_path, "A").cases, key=repr) == sorted(rows, key=repr)


@pytest.mark.parametrize(("seal", "key"), [("outcome.json", "files"), ("metrics.json", "rows")])
def test_rows_that_were_changed_after_they_were_written_are_refused(rows, tmp_path, seal, key):
    put(tmp_path, rows)
    (tmp_path / seal).write_text(json.dumps({key: {"cases.csv": file_sha256(tmp_path / "cases.csv")}}))
    assert read_arm(tmp_path, "A").cases == rows
    put(tmp_path, rows, [replace(row, dice=1.0) for row in rows])
    with pytest.raises(OutputError, match=rf"cases\.csv: was changed after it was written: .* {seal} has"):
        read_arm(tmp_path, "A")


@pytest.mark.parametrize("text", ["{", "[]", '{"rows": 3}'])
def test_a_damaged_seal_is_named(rows, tmp_path, text):
    put(tmp_path, rows)
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(OutputError, match=r"metrics\.json: cannot be read"):
        read_arm(tmp_path, "A")


def test_a_fold_is_known_by_its_folder_where_the_rows_do_not_say(rows, tmp_path):
    put(tmp_path / "fold_3", [replace(row, fold=None) for row in rows])
    assert {row.fold for row in read_arm(tmp_path, "A").cases} == {3}


def test_seeds_with_folds_and_pooled_files_beside(make_arm, tmp_path):
    arm = make_arm("A", seeds=(3, 11))
    for fold in range(4):
        put(tmp_path / "seed_3" / f"fold_{fold}", [row for row in arm.rows[3] if row.fold == fold])
    put(tmp_path / "seed_11", arm.rows[11])
    put(tmp_path, arm.rows[3])  # a pooled table beside the seeds does not hide them
    read = read_arm(tmp_path, "A")
    assert list(read.rows) == [3, 11]
    assert read.rows[11] == arm.rows[11]


def test_a_cell_knows_its_seed_from_its_place(rows, tmp_path):
    put(tmp_path / "seed_5" / "fold_0", rows)
    assert list(read_arm(tmp_path / "seed_5" / "fold_0", "A").rows) == [5]


def test_an_unfinished_fold_and_a_folder_without_scores_are_refused(rows, tmp_path):
    put(tmp_path / "a" / "fold_0", rows)
    (tmp_path / "a" / "fold_1").mkdir()
    with pytest.raises(PairingError, match=r"fold_1: holds no cases\.csv: this fold is not finished"):
        read_arm(tmp_path / "a", "A")
    (tmp_path / "b").mkdir()
    with pytest.raises(PairingError, match=r"b: holds no cases\.csv, and no folders fold_0"):
        read_arm(tmp_path / "b", "A")
    put(tmp_path / "empty", [])
    with pytest.raises(PairingError, match=r"cases\.csv: holds no scored case"):
        read_arm(tmp_path / "empty", "A")
    with pytest.raises(PairingError, match="gone: there is no such file or folder"):
        read_arm(tmp_path / "gone", "A")


def test_a_file_of_another_version_names_the_missing_column(rows, tmp_path):
    put(tmp_path, rows)
    path = tmp_path / "cases.csv"
    path.write_text(path.read_text().replace("refined_dice", "refined_dsc"))
    with pytest.raises(ManifestError, match=r"cases\.csv: row 2 has no column refined_dice"):
        read_arm(tmp_path, "A")


def test_an_unknown_seed_becomes_that_of_the_others_where_they_agree(make_arm):
    unknown, known = make_arm("A", seeds=(1,)), make_arm("B", seeds=(7,))
    unknown = type(unknown)("A", {UNKNOWN_SEED: unknown.rows[1]})
    assert [list(arm.rows) for arm in matched_seeds([unknown, known])] == [[7], [7]]
    several = make_arm("C", seeds=(7, 8))
    with pytest.raises(PairingError, match=r"^A: does not say its seed, and the others have 7, 8\. Compare it with"):
        matched_seeds([unknown, several])
    assert [list(arm.rows) for arm in matched_seeds([several, make_arm("D", seeds=(7, 8))])] == [[7, 8], [7, 8]]


def test_curves_are_found_in_every_run_under_the_folder(tmp_path):
    for place in ("seed_1/fold_0", "seed_1/fold_1", "seed_2/fold_0"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "metrics.jsonl").write_text(json.dumps({"epoch": 1, "place": place}) + "\n")
    assert [run[0]["place"] for run in read_curves(tmp_path)] == ["seed_1/fold_0", "seed_1/fold_1", "seed_2/fold_0"]
    assert read_curves(tmp_path / "seed_2" / "fold_0")[0][0]["epoch"] == 1
    assert read_curves(tmp_path / "none") == ()
