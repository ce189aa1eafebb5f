from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.errors import DataError
from echoduet.inference.inputs import LONGEST_NAME, find_inputs, name_outputs


def touch(root: Path, *names: str) -> list[Path]:
    paths = [root / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return paths


def names(inputs):
    return [file.name for file in inputs.files]


def test_a_folder_gives_its_images_and_those_of_its_subfolders_in_natural_order(tmp_path):
    touch(tmp_path, "b (10).png", "b (2).png", "deep/er/c.JPG", "notes.txt", ".hidden.png", ".cache/x.png")
    assert names(find_inputs([tmp_path])) == ["b (2)", "b (10)", "c"]


def test_a_named_file_is_taken_whatever_its_suffix(tmp_path):
    odd, missing = *touch(tmp_path, "scan.dat"), tmp_path / "missing.png"
    assert [file.path for file in find_inputs([odd, missing]).files] == [odd, missing]


def test_reference_masks_beside_their_images_are_left_out(tmp_path):
    touch(
        tmp_path, "a (1).png", "a (1)_mask.png", "a (1)_mask_1.png", "case1.png", "case1_tumor.png", "case1_other2.png"
    )
    found = find_inputs([tmp_path])
    assert names(found) == ["a (1)", "case1"]
    assert len(found.masks_left_out) == 4


def test_a_mask_like_name_without_its_image_is_an_image(tmp_path):
    touch(tmp_path, "patient_mask.png")
    assert names(find_inputs([tmp_path])) == ["patient_mask"]


def test_a_mask_named_on_its_own_is_meant(tmp_path):
    _, mask = touch(tmp_path, "a.png", "a_mask.png")
    assert names(find_inputs([mask])) == ["a_mask"]


def test_outputs_of_an_earlier_run_are_no_inputs(tmp_path):
    touch(tmp_path, "a.png", "out/masks/a.png", "out/overlays/a.png")
    assert names(find_inputs([tmp_path], tmp_path / "out")) == ["a"]


def test_a_file_given_twice_is_predicted_once(tmp_path):
    (path,) = touch(tmp_path, "a.png")
    assert len(find_inputs([path, tmp_path, tmp_path / "." / "a.png"]).files) == 1


def test_nothing_to_predict_is_an_error_that_names_the_folder(tmp_path):
    touch(tmp_path, "notes.txt")
    with pytest.raises(DataError, match=rf"{tmp_path.name}: no image found"):
        find_inputs([tmp_path])


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["x/a.png", "y/b.png"], ["a", "b"]),
        (["x/a.png", "y/a.png"], ["x__a", "y__a"]),
        (["x/a.png", "x/a.jpg"], ["a_png", "a_jpg"]),
        (["w/x/a.png", "v/x/a.png", "b.png"], ["w__x__a", "v__x__a", "b"]),
        (["x/A.png", "x/a.png"], ["x__A_png", "x__a_png-2"]),
        (["a.png", "x/a.png"], ["a", "x__a"]),
        (["/scans/a.png", "a.png"], ["scans__a", "a"]),
        (["x__a.png", "x/a.png", "y/a.png"], ["x__a", "x__a-2", "y__a"]),
    ],
)
def test_names_are_as_short_as_they_can_be(paths, expected):
    assert list(name_outputs([Path(path) for path in paths])) == expected


part = st.text("aAb_", min_size=1, max_size=3)
path = st.builds(
    lambda folders, stem, suffix: Path(*folders, stem + suffix),
    st.lists(part, max_size=3),
    part,
    st.sampled_from([".png", ".jpg"]),
)


@given(st.lists(path, unique=True, max_size=12))
def test_no_two_outputs_share_a_name_even_on_a_case_insensitive_disk(paths):
    made = name_outputs(paths)
    assert len({name.casefold() for name in made}) == len(paths)
    assert all("/" not in name and name for name in made)


def test_dicom_is_found_by_its_suffix_and_without_one_by_its_first_bytes(tmp_path):
    touch(tmp_path, "a.dcm", "b.IMA", "README", "IM0002")
    (tmp_path / "IM0001").write_bytes(bytes(128) + b"DICM")
    assert names(find_inputs([tmp_path])) == ["a", "b", "IM0001"]


def test_dicom_files_that_are_named_by_their_uid_are_found(tmp_path):
    touch(tmp_path, "notes.2024")
    for uid in ("1.2.840.1", "1.2.840.2"):
        (tmp_path / uid).write_bytes(bytes(128) + b"DICM")
    found = find_inputs([tmp_path])
    assert [file.path.name for file in found.files] == ["1.2.840.1", "1.2.840.2"]
    assert len(set(names(found))) == 2


def test_a_name_that_could_be_a_frame_of_another_file_gets_a_number():
    assert name_outputs([Path("loop.dcm"), Path("loop-f001.png"), Path("else-f001.png")]) == (
        "loop",
        "loop-f001-2",
        "else-f001",
    )


def test_a_long_name_loses_its_end_and_stays_one_of_its_own():
    long = "ü" * 120 + ".png"
    first, second, short = name_outputs([Path("a") / long, Path("b") / long, Path("scan.png")])
    assert (first[:4], second[:4], short) == ("a__ü", "b__ü", "scan")
    one, other = name_outputs([Path("x" * 240 + "1.png"), Path("x" * 240 + "2.png")])
    assert (one, other) == ("x" * LONGEST_NAME, "x" * LONGEST_NAME + "-2")
    for name in (first, second, one, other):
        assert len(name.encode()) <= LONGEST_NAME + 2
