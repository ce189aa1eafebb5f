"""Whole data sets of phantoms on disk: layout, bytes, copies, and refusals."""

from __future__ import annotations

import csv
import hashlib
import json

import numpy as np
import pytest

from echoduet.data import synthetic
from echoduet.data.formats import recognise
from echoduet.data.images import read_gray
from echoduet.data.manifest import build_manifest
from echoduet.data.masks import read_mask
from echoduet.data.synthetic import DUPLICATES, PhantomSpec, simulate, write_phantoms
from echoduet.data.verification import verify
from echoduet.errors import OutputError
from echoduet.records import CLASSES, Label

SPEC = PhantomSpec(benign=3, malignant=3, normal=2, size=96, duplicates=8, conflicts=2, overlays=True)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A data set with a copy of every relation."""
    return write_phantoms(tmp_path_factory.mktemp("phantoms") / "set", SPEC)


@pytest.fixture(scope="module")
def rows(written):
    """The lines of its duplicates.csv."""
    with (written.root / DUPLICATES).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def digests(root):
    """Return the SHA-256 of every file, by its path under `root`."""
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def pair(written, row):
    """Return original and copy of a line, each as image and united mask."""
    found = []
    for side in "ab":
        stem = written.root / row[f"label_{side}"] / row[f"case_{side}"]
        masks = sorted(stem.parent.glob(f"{stem.name}_mask*.png"))
        found.append((read_gray(stem.with_name(f"{stem.name}.png")), read_mask(masks, None)))
    return found


def of_relation(rows, relation):
    """Return the line of a relation."""
    return next(row for row in rows if row["relation"] == relation)


def test_the_layout_is_recognised_as_busi_and_nothing_is_off(written):
    assert recognise(written.root) == "busi"
    report = verify(written.root)
    assert [problem.message for problem in report.problems if problem.path.name != DUPLICATES] == []
    assert len(report.usable) == SPEC.total + SPEC.duplicates


def test_counts_are_those_on_disk(written):
    manifest = build_manifest(written.root)
    assert {label: sum(case.label is label for case in manifest) for label in CLASSES} == dict(written.counts)


def test_masks_are_filled_for_lesions_and_empty_for_normals(written):
    for case in build_manifest(written.root):
        image = read_gray(case.image)
        mask = read_mask(case.masks, image.shape)
        assert mask.any() == (case.label is not Label.NORMAL)


def test_pictures_are_gray_pngs_and_masks_black_and_white(written):
    assert set(np.unique(read_gray(written.root / "benign" / "benign (1)_mask.png"))) == {0, 255}
    assert len(np.unique(read_gray(written.root / "benign" / "benign (1).png"))) > 100


def test_bytes_depend_on_the_spec_alone(written, tmp_path):
    again = write_phantoms(tmp_path / "again", SPEC, workers=1)
    assert digests(again.root) == digests(written.root)


def test_another_seed_gives_other_pictures(tmp_path):
    one, two = (write_phantoms(tmp_path / str(seed), PhantomSpec(normal=1, size=64, seed=seed)) for seed in (1, 2))
    assert digests(one.root)["normal/normal (1).png"] != digests(two.root)["normal/normal (1).png"]


def test_a_phantom_does_not_depend_on_what_is_made_with_it(written, tmp_path):
    alone = write_phantoms(tmp_path / "alone", PhantomSpec(benign=2, size=96, overlays=True))
    everything = digests(written.root)
    assert all(everything[name] == digest for name, digest in digests(alone.root).items())


def test_no_two_originals_look_alike(written):
    images = [read_gray(written.root / label / f"{label} (1).png") for label in CLASSES]
    assert len({image.tobytes() for image in images}) == len(CLASSES)


def test_an_exact_copy_is_a_copy_of_the_bytes(written, rows):
    row = of_relation(rows, "exact")
    files = [written.root / row[f"label_{side}"] / f"{row[f'case_{side}']}.png" for side in "ab"]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("relation", ["calipers", "text"])
def test_overlays_are_put_on_or_taken_off_and_the_rest_stays(written, rows, relation):
    (original, _), (copy, _) = pair(written, of_relation(rows, relation))
    assert 0 < (original != copy).mean() < 0.1


def test_a_flip_is_the_mirror_image(written, rows):
    row = of_relation(rows, "flip")
    (original, _), (copy, _) = pair(written, row)
    assert (copy == original[:, ::-1]).all()


def test_a_crop_lies_where_its_transform_says(written, rows):
    row = of_relation(rows, "crop")
    left, top, right, bottom = json.loads(row["transform"])["crop"]
    (original, _), (copy, _) = pair(written, row)
    height, width = original.shape
    part = original[round(top * height) : round(bottom * height), round(left * width) : round(right * width)]
    assert (copy == part).all()


def test_a_zoom_has_the_size_that_its_transform_says(written, rows):
    row = of_relation(rows, "zoom")
    change = json.loads(row["transform"])
    (original, _), (copy, _) = pair(written, row)
    share = change["crop"][2] - change["crop"][0]
    assert copy.shape[1] == pytest.approx(original.shape[1] * share * change["scale"], abs=2)


def test_conflicting_copies_stand_under_another_class(rows):
    assert sum(row["label_a"] != row["label_b"] for row in rows) == SPEC.conflicts


def test_without_copies_there_is_no_list_of_them(tmp_path):
    made = write_phantoms(tmp_path / "plain", PhantomSpec(normal=1, size=64))
    assert made.copies == ()
    assert sorted(digests(made.root)) == ["normal/normal (1).png", "normal/normal (1)_mask.png"]


def test_a_second_lesion_gets_a_mask_of_its_own(tmp_path):
    # One benign phantom in sixteen has two lesions; of this seed, the third.
    root = write_phantoms(tmp_path / "two", PhantomSpec(benign=24, size=48)).root
    second = list(root.glob("benign/*_mask_1.png"))
    assert second
    for path in second:
        first = read_mask([path.with_name(path.name.replace("_mask_1", "_mask"))], None)
        assert not (first & read_mask([path], None)).any()


def test_simulate_returns_an_image_and_its_mask(rng):
    image, mask = simulate(Label.BENIGN, rng, size=64)
    assert image.shape == mask.shape
    assert (image.dtype, mask.dtype) == (np.uint8, np.bool_)
    assert mask.any()


def test_a_folder_with_something_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(OutputError, match="not empty"):
        write_phantoms(tmp_path, PhantomSpec(normal=1, size=32))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "empty").mkdir()
    assert write_phantoms(tmp_path / "empty", PhantomSpec(normal=1, size=32)).counts[Label.NORMAL] == 1


def test_a_file_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_phantoms(tmp_path / "file", PhantomSpec(normal=1, size=32))


def test_nothing_half_written_remains_when_a_phantom_fails(tmp_path, monkeypatch):
    def full(path, array):
        raise OutputError(f"{path}: cannot be written (No space left on device).")

    monkeypatch.setattr(synthetic, "write_png", full)
    with pytest.raises(OutputError, match="No space left"):
        write_phantoms(tmp_path / "set", PhantomSpec(normal=2, size=32))
    assert list(tmp_path.iterdir()) == []


def test_progress_counts_every_picture(tmp_path):
    seen = []

    def watch(items, *, label, total=None):
        seen.append((label, total))
        yield from items

    write_phantoms(tmp_path / "set", PhantomSpec(benign=1, normal=1, size=32, duplicates=1), watch)
    assert seen == [("Phantoms", 3)]
