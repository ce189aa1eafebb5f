"""Which lesions no training outlines is read off the rows of a grid."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest

import misses
from echoduet.errors import OutputError

DUET = Path(__file__).parents[2] / "results" / "duet"


def rows_of(setting):
    """Return the raw Dice of each lesion image, one value a seed, straight from the file."""
    values = {}
    with (DUET / "rows.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["setting"] == setting and row["label"] != "normal" and "+" not in row["seed"]:
                values.setdefault(row["case_id"], []).append(float(row["raw_dice"]))
    return values


def test_the_lesions_that_none_outlines_are_those_of_the_rows():
    values = rows_of("MT")
    never = [name for name, dice in values.items() if max(dice) < misses.OUTLINED]
    always = [name for name, dice in values.items() if min(dice) >= misses.OUTLINED]
    told = misses.page(DUET, ["MT"])
    assert 0 < len(never) < 60
    assert f"| none | {len(never)} | {len(never) / len(values):.3f} |" in told
    assert f"| all 3 | {len(always)} |" in told
    named = told.split("Outlined by none: ")[1].rstrip(".").split(", ")
    assert sorted(named) == sorted(never)
    rest = [sum(dice) / 3 for dice in values.values() if max(dice) >= misses.OUTLINED]
    assert f"of those that a training outlines {sum(rest) / len(rest):.3f} (" in told


def test_more_trainings_leave_fewer_lesions_that_none_outlines():
    def count(names):
        return int(misses.page(DUET, names).split("| none | ")[1].split(" |")[0])

    assert 0 < count(["MT", "ST(Seg)"]) <= min(count(["MT"]), count(["ST(Seg)"]))


def test_other_networks_are_asked_about_the_images_they_were_tested_on():
    told = misses.page(DUET, ["MT"], DUET)
    never = int(told.split("| none | ")[1].split(" |")[0])
    assert f"| MT | {never} | 0 |" in told
    assert "| ST(Cls) |" not in told  # it has no masks


def test_a_row_without_masks_or_of_no_such_name_is_refused(tmp_path):
    with pytest.raises(OutputError, match=r"the row ST\(Cls\) has no masks"):
        misses.page(DUET, ["ST(Cls)"])
    with pytest.raises(OutputError, match=r"has no whole row XT\. There is ST"):
        misses.page(DUET, ["XT"])
    with pytest.raises(OutputError, match="The row MT is named twice"):
        misses.page(DUET, ["MT", "MT"])
    for name in ("MT+PR", "MT+E"):
        with pytest.raises(OutputError, match="is refined or an ensemble"):
            misses.page(DUET, [name])
    shutil.copy(DUET / "ablation.json", tmp_path)
    with pytest.raises(OutputError, match=r"rows\.csv: is missing"):
        misses.page(tmp_path, ["MT"])


def test_where_no_lesion_is_outlined_there_is_no_mean_of_the_others(monkeypatch):
    monkeypatch.setattr(misses, "OUTLINED", 2.0)
    told = misses.page(DUET, ["MT"])
    assert "| none | 386 | 1.000 |" in told
    assert "of those that a training outlines nan; share that none outlines 1.000" in told
