from __future__ import annotations

from pathlib import Path

import pytest

from echoduet.curation.conflicts import FindingKind
from echoduet.curation.intake import take_in, unusable_cases
from echoduet.data.manifest import build_manifest, write_manifest
from echoduet.errors import LayoutError, ManifestError


def test_a_sound_folder_comes_in_whole_with_sizes(miniature_busi: Path) -> None:
    intake = take_in(miniature_busi)
    assert intake.problems == ()
    assert intake.usable == build_manifest(miniature_busi)


def test_damaged_files_become_findings_about_their_cases(miniature_busi: Path) -> None:
    (miniature_busi / "benign" / "benign (1).png").write_bytes(b"")
    mask = miniature_busi / "malignant" / "malignant (2)_mask.png"
    mask.write_bytes(mask.read_bytes()[:60])
    stray = miniature_busi / "normal" / "stranger.docx"
    stray.write_text("?")
    intake = take_in(miniature_busi)
    assert unusable_cases(intake.problems) == ("benign (1)", "malignant (2)")
    assert {"benign (1)", "malignant (2)"}.isdisjoint(case.case_id for case in intake.usable)
    messages = {finding.cases: finding.message for finding in intake.problems}
    assert "benign (1).png" in messages["benign (1)",]
    assert "malignant (2)_mask.png" in messages["malignant (2)",]
    assert [f.kind for f in intake.problems if not f.cases] == [FindingKind.DATA_SET]


def test_a_manifest_with_a_missing_file_goes_on_without_the_case(miniature_busi: Path) -> None:
    write_manifest(build_manifest(miniature_busi), miniature_busi / "manifest.csv")
    (miniature_busi / "benign" / "benign (2).png").unlink()
    intake = take_in(miniature_busi / "manifest.csv")
    assert unusable_cases(intake.problems) == ("benign (2)",)
    assert len(intake.usable) == 13


def test_no_usable_case_is_an_error_that_names_the_first_problem(miniature_busi: Path) -> None:
    for image in miniature_busi.rglob("*.png"):
        image.write_bytes(b"")
    with pytest.raises(ManifestError, match=r"none of the 14 cases is usable.*benign \(1\)\.png"):
        take_in(miniature_busi)


def test_a_folder_that_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LayoutError):
        take_in(tmp_path)
