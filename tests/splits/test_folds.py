from __future__ import annotations

import csv
import hashlib
import os
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold, train_test_split

from echoduet.config.schema import SplitConfig
from echoduet.errors import SplitError
from echoduet.records import CLASSES, Case, Label
from echoduet.splits.folds import clean_folds, make_splits, paper_folds
from echoduet.splits.leakage import find_leaks
from echoduet.splits.table import SIDES, Part, SplitTable, write_splits

CURATED_COUNTS = {Label.BENIGN: 222, Label.MALIGNANT: 164, Label.NORMAL: 64}
CURATED_TABLE = "804f9f8ca13060df44c52d447959edba86c354e27a27827b36fd63055f4701d2"
PUBLISHED_TABLE = "72db3434c6fd431b41e2110fc50df16a145c0a0f29461da83dda5ad9d90f98db"


def a_case(label: Label, number: int, style: str = "{} ({})", **known: str | None) -> Case:
    name = style.format(label.value, number)
    return Case(case_id=name, image=Path(f"{name}.png"), masks=(), label=label, **known)


def curated_like(style: str = "{} ({})") -> list[Case]:
    """450 cases with the published class counts, in shuffled order."""
    cases = [a_case(label, number + 1, style) for label, count in CURATED_COUNTS.items() for number in range(count)]
    random.Random(0).shuffle(cases)
    return cases


def table_hash(table: SplitTable, folder: Path) -> str:
    write_splits(table, folder / "splits.csv")
    return hashlib.sha256((folder / "splits.csv").read_bytes()).hexdigest()


def folds_by_scikit_learn(rows: list[tuple[str, int]]) -> list[dict[str, set[tuple[str, int]]]]:
    """The published protocol, written down once more on plain rows sorted by class and id."""
    rows = sorted(rows)
    classes = [label for label, _ in rows]
    folds = []
    for rest, test in StratifiedKFold(n_splits=4, shuffle=True, random_state=1993).split(rows, classes):
        train, val = train_test_split(
            [rows[i] for i in rest], train_size=0.8, random_state=1993, stratify=[classes[i] for i in rest]
        )
        folds.append({"train": set(train), "val": set(val), "test": {rows[i] for i in test}})
    return folds


def members(table: SplitTable, fold: int, part: str) -> set[tuple[str, int]]:
    return {(name.split(" ")[0], int(name.split("(")[1][:-1])) for name in table.ids(fold, part)}


def assert_same_membership(table: SplitTable, rows: list[tuple[str, int]]) -> None:
    for fold, expected in enumerate(folds_by_scikit_learn(rows)):
        for part in ("train", "val", "test"):
            assert members(table, fold, part) == expected[part]


def test_paper_folds_are_those_of_scikit_learn_on_the_published_counts(tmp_path: Path) -> None:
    table = paper_folds(curated_like())
    assert_same_membership(
        table, [(label.value, n + 1) for label, count in CURATED_COUNTS.items() for n in range(count)]
    )
    assert table_hash(table, tmp_path) == CURATED_TABLE
    assert [len(table.ids(0, part)) for part in SIDES] == [269, 68, 113]


@pytest.mark.busi
def test_paper_folds_are_those_of_scikit_learn_on_the_published_list(tmp_path: Path) -> None:
    if "ECHODUET_BUSI" not in os.environ:
        pytest.skip("set ECHODUET_BUSI to the BUSI folder; the published list is looked for beside it")
    published = Path(os.environ["ECHODUET_BUSI"]).parent / "mapping_curated_BUSI.csv"
    with published.open(newline="") as stream:
        rows = [(row["class"], int(row["id"])) for row in csv.DictReader(stream, delimiter=";")]
    table = paper_folds([a_case(Label(label), number) for label, number in reversed(rows)])
    assert len(rows) == 450
    assert_same_membership(table, rows)
    assert table_hash(table, tmp_path) == PUBLISHED_TABLE


def test_both_layouts_give_the_same_membership() -> None:
    busi, release = paper_folds(curated_like()), paper_folds(curated_like("{}_id_{}"))
    assert [(row.case_id.replace(" (", "_id_").rstrip(")"), row.part) for row in busi.rows] == [
        (row.case_id, row.part) for row in release.rows
    ]


@pytest.mark.parametrize("protocol", [paper_folds, clean_folds])
def test_folds_do_not_depend_on_the_order_of_the_cases(protocol) -> None:
    cases = curated_like()
    assert protocol(cases) == protocol(cases[::-1])


@pytest.mark.parametrize("protocol", [paper_folds, clean_folds])
def test_another_seed_gives_other_folds_of_the_same_sizes(protocol) -> None:
    one, other = protocol(curated_like(), seed=1), protocol(curated_like(), seed=2)
    assert one != other
    for part in Part:
        assert abs(len(one.ids(2, part)) - len(other.ids(2, part))) <= 1


@st.composite
def grouped_cases(draw: st.DrawFn) -> list[Case]:
    """Cases of two or three classes with random groups, patients and equal files."""
    labels = draw(st.lists(st.sampled_from(CLASSES), max_size=40)) + [label for label in CLASSES for _ in range(6)]
    ties = st.sampled_from([None, None, None, "1", "2", "3"])
    return [
        a_case(
            label, i, group=draw(ties) if i < 20 else None, patient=draw(ties) if i < 8 else None, sha256=f"{i % 50}"
        )
        for i, label in enumerate(labels)
    ]


@given(grouped_cases(), st.integers(2, 3), st.integers(0, 5))
@settings(max_examples=60, deadline=None)
def test_clean_folds_never_leak_and_test_every_case_once(cases: list[Case], folds: int, seed: int) -> None:
    try:
        table = clean_folds(cases, folds=folds, seed=seed)
    except SplitError as error:  # random groups may tie up a whole class
        assert "class" in str(error).lower()
        return
    assert find_leaks(table, cases) == []
    assert sorted(table.case_ids) == sorted(case.case_id for case in cases)
    tested = Counter(case_id for fold in table.folds for case_id in table.ids(fold, Part.TEST))
    assert set(tested.values()) == {1}
    assert len(tested) == len(cases)


def test_clean_folds_without_ties_are_as_stratified_as_can_be() -> None:
    table = clean_folds(curated_like())
    for fold in table.folds:
        for part, share in ((Part.TEST, 0.25), (Part.VAL, 0.15), (Part.TRAIN, 0.60)):
            counts = Counter(case_id.split(" ")[0] for case_id in table.ids(fold, part))
            for label, total in CURATED_COUNTS.items():
                assert counts[label.value] == pytest.approx(share * total, abs=2)


def test_clean_folds_balance_patients_with_many_mixed_images() -> None:
    rng = np.random.default_rng(3)
    cases = [
        a_case(CLASSES[rng.choice(3, p=[0.25, 0.15, 0.6])], 100 * patient + k, patient=f"P{patient}")
        for patient in range(38)
        for k in range(rng.integers(5, 30))
    ]
    table = clean_folds(cases)
    totals = Counter(case.label.value for case in cases)
    for fold in table.folds:
        counts = Counter(case_id.split(" ")[0] for case_id in table.ids(fold, "test"))
        for label in CLASSES:
            assert counts[label.value] / totals[label.value] == pytest.approx(0.25, abs=0.06)


def test_clean_folds_give_the_smallest_class_to_every_part() -> None:
    cases = [a_case(label, i) for label, count in zip(CLASSES, (40, 20, 3), strict=True) for i in range(count)]
    table = clean_folds(cases, folds=3)
    for fold in table.folds:
        assert [sum("normal" in name for name in table.ids(fold, part)) for part in SIDES] == [1, 1, 1]


@pytest.mark.parametrize("protocol", ["paper", "clean"])
def test_a_class_too_small_for_the_folds_is_named_with_its_count(protocol: str) -> None:
    cases = [a_case(label, i) for label, count in zip(CLASSES, (9, 9, 3), strict=True) for i in range(count)]
    with pytest.raises(SplitError, match=r'Class "normal" has 3 .* too few for 4 folds. .*--folds'):
        make_splits(cases, SplitConfig(protocol=protocol))


def test_clean_folds_count_groups_rather_than_images() -> None:
    cases = [a_case(label, i) for label in CLASSES for i in range(9)]
    cases = [replace(case, group="one scan") if case.label is Label.NORMAL else case for case in cases]
    with pytest.raises(SplitError, match=r'Class "normal" has 1 independent groups'):
        clean_folds(cases)


def test_clean_folds_refuse_a_part_without_a_class() -> None:
    # One patient holds ten of the thirteen malignant images: the fold that tests the other three trains on her alone.
    cases = [a_case(Label.BENIGN, i) for i in range(20)]
    cases += [a_case(Label.MALIGNANT, i, patient="one" if i < 10 else None) for i in range(13)]
    with pytest.raises(SplitError, match=r'Fold 1 gets no image of class "malignant" for val'):
        clean_folds(cases, folds=2)


def test_paper_folds_of_a_tiny_data_set_still_have_a_val_part() -> None:
    cases = [a_case(label, i) for label, count in zip(CLASSES, (5, 5, 4), strict=True) for i in range(count)]
    table = paper_folds(cases)
    for fold in table.folds:
        assert len(table.ids(fold, Part.VAL)) == 3
        assert {name.split(" ")[0] for name in table.ids(fold, Part.TEST)} == set(CLASSES)


def test_paper_folds_explain_a_rest_that_cannot_be_divided() -> None:
    with pytest.raises(SplitError, match=r"Fold 0 cannot be divided into train and val: .* Give more images"):
        paper_folds(curated_like(), train_share=0.001)


def test_an_id_that_stands_twice_is_refused() -> None:
    cases = curated_like()
    with pytest.raises(SplitError, match="stands 2 times"):
        paper_folds([*cases, cases[0]])


def test_no_cases_are_refused() -> None:
    with pytest.raises(SplitError, match="no cases"):
        clean_folds([])


def test_make_splits_follows_the_config() -> None:
    cases = curated_like()
    config = SplitConfig(protocol="clean", folds=5, seed=7, train_share=0.5)
    assert make_splits(cases, config) == clean_folds(cases, folds=5, seed=7, train_share=0.5)
    assert make_splits(cases, SplitConfig()) == paper_folds(cases)
