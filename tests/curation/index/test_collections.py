from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from echoduet.curation.conflicts import FindingKind
from echoduet.curation.index.collections import take_in, unusable_cases
from echoduet.curation.index.folder import Index
from echoduet.curation.index.search import related
from echoduet.curation.matching.settings import MatchSettings
from echoduet.curation.quality.issues import Issue
from echoduet.data.images import read_gray, write_png
from echoduet.data.manifest import build_manifest, read_manifest, write_manifest
from echoduet.data.sources import busi
from echoduet.errors import LayoutError, ManifestError

KINDS = FindingKind


@pytest.fixture
def index(opened):
    with opened() as index:
        yield index


def test_a_sound_folder_comes_in_whole(miniature_busi: Path, index: Index) -> None:
    intake = take_in([miniature_busi], index)
    assert intake.usable == build_manifest(miniature_busi)
    assert intake.problems == ()
    assert list(intake.rows) == list(intake.scores) == [case.case_id for case in intake.usable]
    assert {Issue.TEXT, Issue.MASK_SMALL, Issue.ODD_SIZE} <= intake.scores["benign (1)"].keys()
    assert "subset" in intake.notes[0]


def test_damaged_files_become_findings_about_their_cases(miniature_busi: Path, index: Index) -> None:
    (miniature_busi / "benign" / "benign (1).png").write_bytes(b"")
    mask = miniature_busi / "malignant" / "malignant (2)_mask.png"
    mask.write_bytes(mask.read_bytes()[:60])
    (miniature_busi / "normal" / "stranger.docx").write_text("?")
    intake = take_in([miniature_busi], index)
    assert unusable_cases(intake.problems) == ("benign (1)", "malignant (2)")
    assert {"benign (1)", "malignant (2)"}.isdisjoint(case.case_id for case in intake.usable)
    messages = {finding.cases: finding.message for finding in intake.problems}
    assert "benign (1).png" in messages["benign (1)",]
    assert "malignant (2)_mask.png" in messages["malignant (2)",]
    assert [f.kind for f in intake.problems if not f.cases] == [KINDS.DATA_SET]


def test_outlines_where_none_should_be_and_the_reverse_are_findings(miniature_busi: Path, index: Index) -> None:
    benign, malignant, normal = (miniature_busi / name for name in ("benign", "malignant", "normal"))
    (benign / "benign (1)_mask.png").unlink()
    mask = malignant / "malignant (1)_mask.png"
    write_png(mask, np.zeros(read_gray(malignant / "malignant (1).png").shape, bool))
    mask = normal / "normal (1)_mask.png"
    outline = np.zeros(read_gray(normal / "normal (1).png").shape, bool)
    outline[10:20, 10:15] = True
    write_png(mask, outline)
    for _ in range(2):  # what the index remembers is told as well
        intake = take_in([miniature_busi], index)
        assert len(intake.usable) == 14
        assert [(finding.kind, *finding.cases) for finding in intake.problems] == [
            (KINDS.LESION_WITHOUT_MASK, "benign (1)"),
            (KINDS.LESION_WITHOUT_MASK, "malignant (1)"),
            (KINDS.NORMAL_WITH_MASK, "normal (1)"),
        ]
    missing, empty, outlined = (finding.message for finding in intake.problems)
    assert "benign (1).png: is benign, but has no mask" in missing
    assert "its mask is empty" in empty
    assert "a lesion of 50 pixels" in outlined
    assert unusable_cases(intake.problems) == ()
    assert intake.usable.case("benign (1)").masks == ()
    assert len(intake.usable.case("malignant (1)").masks) == 1


def test_a_manifest_goes_on_without_a_case_whose_image_is_missing(miniature_busi: Path, index: Index) -> None:
    table = miniature_busi / "manifest.csv"
    write_manifest(build_manifest(miniature_busi), table)
    (miniature_busi / "benign" / "benign (2).png").unlink()
    (miniature_busi / "notes.docx").write_text("a manifest does not mind what lies beside it")
    intake = take_in([table], index)
    assert unusable_cases(intake.problems) == ("benign (2)",)
    assert len(intake.problems) == 1
    assert intake.usable.cases == tuple(case for case in read_manifest(table, False) if case.case_id != "benign (2)")


def test_no_usable_case_is_an_error_that_names_the_first_problem(miniature_busi: Path, index: Index) -> None:
    for image in miniature_busi.rglob("*.png"):
        image.write_bytes(b"")
    with pytest.raises(ManifestError, match=r"none of the 14 cases is usable.*benign \(1\)\.png"):
        take_in([miniature_busi], index)


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path, index: Index) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(LayoutError):
        take_in([tmp_path / "empty"], index)


def test_two_sets_with_the_same_ids_are_told_apart_and_compared(tmp_path: Path, index: Index) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    busi.write_miniature(first, 1)
    busi.write_miniature(second, 2)
    for path in first.glob("benign/benign (3)*.png"):
        shutil.copy(path, second / "malignant" / path.name.replace("benign (3)", "malignant (9)"))
    alone = take_in([first], index)
    both = take_in([first, second], index)
    assert len(alone.usable) == 14
    assert len(both.usable) == 29
    assert both.usable.source == "first, second"
    assert {case.source for case in both.usable} == {"first", "second"}
    assert both.rows["first/benign (3)"] == alone.rows["benign (3)"]
    pairs = related(index, both.rows, index.settings)
    assert ("first/benign (3)", "second/malignant (9)") in {(pair.case_a, pair.case_b) for pair in pairs}


def lose_a_case(root: Path) -> None:
    for path in (root / "normal").glob("normal (4)*.png"):
        path.unlink()


def gain_a_case(root: Path) -> None:
    shutil.copy(root / "normal" / "normal (1).png", root / "normal" / "normal (9).png")


def gain_a_mask(root: Path) -> None:
    shutil.copy(root / "benign" / "benign (1)_mask.png", root / "benign" / "benign (1)_mask_1.png")


def test_a_size_is_odd_among_those_of_its_own_set(tmp_path: Path, index: Index, rng) -> None:
    for name, side in (("small", 40), ("large", 400)):
        for number in range(1, 6):
            image = rng.integers(0, 256, (side, side + number), dtype=np.uint8)
            write_png(tmp_path / name / "normal" / f"normal ({number}).png", image)
    scores = take_in([tmp_path / "small", tmp_path / "large"], index).scores
    assert max(score[Issue.ODD_SIZE] for score in scores.values()) < 0.5


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lose_a_case, r": 1 gone \(normal \(4\)\.png among them"),
        (gain_a_case, r": 1 new \(normal \(9\)\.png among them"),
        (gain_a_mask, r": 1 with other masks \(benign \(1\)\.png among them"),
        (shutil.rmtree, "no such file or folder"),
    ],
)
def test_a_folder_that_changes_while_it_is_read_is_told(miniature_busi: Path, index: Index, change, told: str) -> None:
    def progress(items, *, label, total=None):
        yield from items
        change(miniature_busi)

    intake = take_in([miniature_busi], index, progress=progress)
    assert len(intake.usable) == 14
    (finding,) = [finding for finding in intake.problems if "changed while it was read" in finding.message]
    assert finding.kind is KINDS.DATA_SET
    assert str(miniature_busi) in finding.message
    assert re.search(told, finding.message)


def test_an_index_inside_the_data_is_no_part_of_them(miniature_busi: Path, settings: MatchSettings) -> None:
    with Index.open(miniature_busi / "index", settings) as index:
        assert take_in([miniature_busi], index).problems == ()
        assert take_in([miniature_busi], index).problems == ()


def test_an_image_that_is_a_link_in_a_circle_is_a_damaged_image(miniature_busi: Path, index: Index) -> None:
    image = miniature_busi / "normal" / "normal (1).png"
    image.unlink()
    image.symlink_to(image)
    (finding,) = take_in([miniature_busi], index).problems
    assert finding.cases == ("normal (1)",)
    assert "normal (1).png" in finding.message


RUN = """
import sys
from pathlib import Path
from echoduet.curation.index import reading
from echoduet.curation.index.collections import take_in
from echoduet.curation.index.folder import Index
from echoduet.curation.index.search import related
from echoduet.curation.matching import search
from echoduet.curation.matching.settings import MatchSettings

def progress(items, *, label, total=None):
    for item in items:
        yield item
        print("step", flush=True)

reading.SHARD, reading.AHEAD, search.BLOCK = 2, 1, 2
with Index.open(Path(sys.argv[2]), MatchSettings(side=96, features=60)) as index:
    intake = take_in([Path(sys.argv[1])], index, progress=progress)
    pairs = related(index, intake.rows, index.settings, progress)
print("done", len(intake.usable), *pairs, sep=chr(10), flush=True)
"""


def run(data: Path, index: Path, kill_after: int | None = None) -> tuple[int, list[str]]:
    """Read and search in a process of its own, killed after so many steps; return the steps made and what it found."""
    command = [sys.executable, "-c", RUN, str(data), str(index)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        steps = 0
        for line in process.stdout:
            if line == "done\n":
                return steps, process.stdout.read().splitlines()
            steps += 1
            if steps == kill_after:
                process.kill()
        return steps, []


def test_a_run_that_is_killed_again_and_again_comes_to_the_same_end(miniature_busi: Path, tmp_path: Path) -> None:
    for name in ("benign (1)", "benign (1)_mask"):
        folder = miniature_busi / "benign"
        shutil.copy(folder / f"{name}.png", folder / f"{name.replace('1', '8')}.png")
    steps, whole = run(miniature_busi, tmp_path / "whole")
    assert whole[0] == "15"
    assert any("benign (1)" in line and "benign (8)" in line for line in whole[1:])
    for kill_after in (5, 6, 9):
        assert run(miniature_busi, tmp_path / "killed", kill_after)[1] == []
    left, result = run(miniature_busi, tmp_path / "killed")
    assert result == whole
    assert left < steps - 10
    assert run(miniature_busi, tmp_path / "killed") == (0, whole)
