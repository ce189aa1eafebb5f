"""Verification names every file that is off, and nothing else."""

from __future__ import annotations

import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from echoduet.data.counts import Counts
from echoduet.data.formats import SOURCES
from echoduet.data.images import read_gray, write_png
from echoduet.data.manifest import build_manifest, list_cases, read_manifest, write_manifest
from echoduet.data.masks import read_mask
from echoduet.data.sources import busi
from echoduet.data.verification import Trouble, examine, survey, verify
from echoduet.errors import LayoutError, ManifestError


def found(report):
    """Return what was found, as kinds and file names."""
    return [(problem.trouble, problem.path.name) for problem in report.problems]


def truncate(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


@pytest.mark.parametrize("name", SOURCES)
def test_every_miniature_is_clean_but_for_its_known_trap(tmp_path, name):
    SOURCES[name].write_miniature(tmp_path, 4)
    report = verify(tmp_path)
    assert found(report) == ([(Trouble.SIZE, "HESN_012.png")] if name == "bus_uclm" else [])
    assert report.ok == (name != "bus_uclm")
    assert len(report.usable) >= 12
    assert report.usable.source == name


def test_usable_cases_are_those_of_the_manifest(miniature_busi):
    assert verify(miniature_busi).usable.cases == build_manifest(miniature_busi).cases


def test_every_fault_is_named_and_its_case_left_out(miniature_busi):
    benign, malignant, normal = (miniature_busi / name for name in ("benign", "malignant", "normal"))
    (benign / "benign (1).png").unlink()
    (benign / "benign (2)_mask_1.png").write_bytes(b"")
    truncate(benign / "benign (3).png")
    (malignant / "malignant (1)_mask.png").unlink()
    write_png(malignant / "malignant (2)_mask.png", np.zeros((20, 30), bool))
    (malignant / "malignant (3).png").write_text("not an image")
    write_png(normal / "normal (1).png", np.zeros((1, 1), np.uint8))
    write_png(normal / "normal (1)_mask.png", np.zeros((1, 1), bool))
    (normal / "notes.doc").write_text("what is this")
    report = verify(miniature_busi)
    assert found(report) == [
        (Trouble.MISSING, "benign (1).png"),
        (Trouble.UNREADABLE, "benign (2)_mask_1.png"),
        (Trouble.UNREADABLE, "benign (3).png"),
        (Trouble.MISSING, "malignant (1)_mask.png"),
        (Trouble.SIZE, "malignant (2)_mask.png"),
        (Trouble.UNREADABLE, "malignant (3).png"),
        (Trouble.SIZE, "normal (1).png"),
        (Trouble.UNEXPECTED, "notes.doc"),
    ]
    assert all(str(problem.path) in problem.message for problem in report.problems)
    assert report.problems[3].message.endswith("It is a mask of malignant (1).png.")
    assert len(report.usable) == 14 - 7
    assert not report.ok


def test_a_damaged_image_does_not_hide_its_damaged_mask(miniature_busi):
    truncate(miniature_busi / "benign" / "benign (1).png")
    truncate(miniature_busi / "benign" / "benign (1)_mask.png")
    assert found(verify(miniature_busi)) == [
        (Trouble.UNREADABLE, "benign (1).png"),
        (Trouble.UNREADABLE, "benign (1)_mask.png"),
    ]


def test_an_examination_holds_the_pixels_that_it_decoded(miniature_busi):
    case = list_cases(miniature_busi).case("benign (2)")  # its lesion has two masks
    seen = examine(case)
    assert seen.problems == ()
    np.testing.assert_array_equal(seen.gray, read_gray(case.image))
    np.testing.assert_array_equal(seen.mask, read_mask(case.masks, seen.gray.shape))
    assert seen.colour.shape == (*seen.gray.shape, 3)
    assert seen.case == build_manifest(miniature_busi).case("benign (2)")


def test_only_the_masks_that_fit_are_united(miniature_busi):
    case = list_cases(miniature_busi).case("benign (2)")
    write_png(case.masks[1], np.ones((9, 9), bool))
    seen = examine(case)
    assert [problem.path for problem in seen.problems] == [case.masks[1]]
    np.testing.assert_array_equal(seen.mask, read_mask(case.masks[:1], None))


def test_a_survey_looks_at_names_and_counts_only(miniature_busi):
    (miniature_busi / "benign" / "benign (1).png").write_bytes(b"")
    (miniature_busi / "benign" / "notes.doc").write_text("?")
    problems, notes = survey(miniature_busi, list_cases(miniature_busi))
    assert [(problem.trouble, problem.path.name) for problem in problems] == [(Trouble.UNEXPECTED, "notes.doc")]
    assert "subset" in notes[0]


def test_a_bomb_is_named_and_the_rest_is_read(miniature_busi):
    header = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 20_000, 8, 0, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    pixels = b"IDAT" + zlib.compress(b"\0")
    bomb += struct.pack(">I", len(pixels) - 4) + pixels + struct.pack(">I", zlib.crc32(pixels))
    (miniature_busi / "normal" / "normal (2).png").write_bytes(bomb)
    report = verify(miniature_busi)
    assert found(report) == [(Trouble.UNREADABLE, "normal (2).png")]
    assert "20000x20000 pixels" in report.problems[0].message
    assert len(report.usable) == 13


def test_a_lesion_without_any_mask_is_named(tmp_path):
    SOURCES["folder"].write_miniature(tmp_path, 4)
    (tmp_path / "masks" / "malignant" / "tumour 2.png").unlink()
    report = verify(tmp_path)
    assert found(report) == [(Trouble.MISSING, "tumour 2.bmp")]
    assert "is malignant but has no mask" in report.problems[0].message


def test_companions_and_hidden_files_are_welcome(tmp_path):
    SOURCES["bus_bra"].write_miniature(tmp_path, 4)
    for name in ("README.md", "LICENSE", ".DS_Store", "Thumbs.db", "manifest.csv", "10-fold-cv.csv", ".git/config"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("fine")
    assert found(verify(tmp_path)) == []
    (tmp_path / "Images" / "bus_9999-l.png").write_text("in no row of the table")
    assert found(verify(tmp_path)) == [(Trouble.UNEXPECTED, "bus_9999-l.png")]


def test_a_subset_is_a_note_and_a_gap_in_the_whole_a_problem(miniature_busi, monkeypatch):
    assert "14 of 780 published images" in verify(miniature_busi).notes[0]
    monkeypatch.setattr(busi, "EXPECTED", Counts(5, 5, 4, numbered="{label} ({number})"))
    assert verify(miniature_busi).notes == ()
    for name in ("benign (4).png", "benign (4)_mask.png"):
        (miniature_busi / "benign" / name).unlink()
    report = verify(miniature_busi)
    assert found(report) == [(Trouble.COUNT, miniature_busi.name)]
    assert "4 benign images, published are 5. Missing: benign (4)." in report.problems[0].message
    assert len(report.usable) == 13


def test_a_manifest_is_compared_with_its_files(miniature_busi):
    path = miniature_busi / "manifest.csv"
    write_manifest(build_manifest(miniature_busi), path)
    assert verify(read_manifest(path)).ok
    with Image.open(miniature_busi / "benign" / "benign (1).png") as picture:
        flipped = np.fliplr(np.asarray(picture))
    write_png(miniature_busi / "benign" / "benign (1).png", flipped)
    (miniature_busi / "normal" / "normal (1).png").unlink()
    report = verify(read_manifest(path, require_files=False))
    assert found(report) == [(Trouble.CHANGED, "benign (1).png"), (Trouble.MISSING, "normal (1).png")]
    assert "has changed since the manifest was written" in report.problems[0].message


def test_what_has_no_cases_at_all_is_refused(tmp_path, miniature_busi):
    with pytest.raises(LayoutError, match="not recognised"):
        verify(tmp_path / "Dataset_BUSI_with_GT" / "benign")
    other = miniature_busi / "malignant" / "benign (1).png"
    other.write_bytes((miniature_busi / "benign" / "benign (1).png").read_bytes())
    with pytest.raises(ManifestError, match=r"has the id 'benign \(1\)' of"):
        verify(miniature_busi)


@pytest.mark.busi
def test_the_real_busi_is_whole_and_verified_in_time(busi_root):
    start = time.process_time()  # of all threads together, so that other work on the machine does not count
    build_manifest(busi_root)
    report = verify(busi_root)
    assert time.process_time() - start < 10
    assert report.ok
    assert report.notes == ()
    assert len(report.usable) == 780
