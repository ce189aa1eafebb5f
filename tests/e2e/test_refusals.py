"""A trained model at hand: what is refused, and what is skipped, in one sentence and with nothing half-written."""

from __future__ import annotations

import csv
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from echoduet.cli.main import main


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def refused(capsys):
    """Return a check that a command ends with code 2 and one line that names what is wrong."""

    def check(words, *named):
        code = main([str(word) for word in words])
        said = capsys.readouterr().err
        assert (code, "Traceback" in said) == (2, False), said
        (sentence,) = [line for line in said.splitlines() if line.startswith("error: ")]
        assert sentence.endswith((".", "!", "?"))
        assert [word for word in named if word not in sentence] == []

    return check


def claim_to_be(path: Path, width: int, height: int) -> None:
    """Write a PNG of a few bytes whose header promises `width` x `height` pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(bytes(10_000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def test_predict_reads_odd_images_and_skips_bad_ones(study, cli, tmp_path, rng):
    folder = tmp_path / "mixed"
    folder.mkdir()
    gray = rng.integers(0, 255, (60, 80), dtype=np.uint8)
    Image.fromarray(gray.astype(np.uint16) * 257).save(folder / "good 16 bit.png")
    Image.fromarray(np.dstack([gray] * 3 + [np.full_like(gray, 200)])).save(folder / "good alpha.png")
    Image.fromarray(gray[:1, :1]).save(folder / "good 1x1.png")
    Image.fromarray(gray).save(folder / "whole.png")
    (folder / "whole.png").rename(folder / "good wrong extension.jpg")
    (folder / "bad empty.png").touch()
    (folder / "bad text.png").write_text("not an image")
    Image.fromarray(gray).save(folder / "bad truncated.png")
    (folder / "bad truncated.png").write_bytes((folder / "bad truncated.png").read_bytes()[:-1500])
    claim_to_be(folder / "bad 20000.png", 20_000, 20_000)
    claim_to_be(folder / "bad bomb.png", 2**31 - 1, 2**31 - 1)
    done = cli("predict", folder, tmp_path / "bad gone.png", "--model", study.model, "--out", tmp_path / "out")
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    predicted = {row["name"] for row in rows(tmp_path / "out" / "predictions.csv")}
    assert predicted == {"good 16 bit", "good alpha", "good 1x1", "good wrong extension"}
    skipped = {Path(row["file"]).stem for row in rows(tmp_path / "out" / "skipped.csv")}
    assert skipped == {"bad empty", "bad text", "bad truncated", "bad 20000", "bad bomb", "bad gone"}
    assert all(name in done.stderr for name in skipped)
    assert len(list((tmp_path / "out" / "masks").iterdir())) == 4


def test_one_name_in_two_class_folders_is_named(refused, miniature_busi, tmp_path):
    folder = tmp_path / "folder"
    for label in ("benign", "malignant"):
        (folder / label).mkdir(parents=True)
        for name in ("scan.png", "scan_mask.png"):
            shutil.copy(miniature_busi / "benign" / name.replace("scan", "benign (1)"), folder / label / name)
    refused(("manifest", folder, "--out", tmp_path / "out" / "manifest.csv"), "'scan'", str(folder))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "command", ["manifest", "curate", "split", "train", "evaluate", "predict", "crossval", "phantom", "demo"]
)
def test_a_place_that_cannot_be_written_is_named(study, refused, tiny, tmp_path, command):
    (tmp_path / "file").write_text("kept")
    place = tmp_path / "file" / "out"
    clean = ("--protocol", "clean", "--folds", "2", "--train-share", "0.5")
    words = {
        "manifest": (study.data, "--out", place / "manifest.csv", "--no-verify"),
        "curate": (study.data, "--out", place),
        "split": (study.curated, *clean, "--out", place / "splits.csv"),
        "train": (*tiny, "--data", study.curated, "--fold", "0", "--out", place),
        "evaluate": ("--model", study.model, "--data", study.curated, "--out", place),
        "predict": (study.data, "--model", study.model, "--out", place),
        "crossval": (*tiny, "--data", study.curated, "--out", place),
        "phantom": (place, "--count", "1"),
        "demo": ("--out", place),
    }
    refused((command, *words[command]), str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "kept"


def test_a_leaking_split_is_not_trained_on(refused, tiny, miniature_busi, tmp_path):
    folder = miniature_busi / "benign"
    for mask in folder.glob("*_mask*.png"):
        mask.unlink()
    first = Image.open(folder / "benign (1).png")
    for n in range(1, 6):  # every benign image is the same: folds that look at images alone cannot keep them apart
        first.save(folder / f"benign ({n}).png")
        Image.new("1", first.size, 1).save(folder / f"benign ({n})_mask.png")
    words = ("train", *tiny, "--set", "split.protocol=paper", "--data", miniature_busi, "--fold", "0")
    refused((*words, "--out", tmp_path / "run"), "leaks", "benign (")
    assert not (tmp_path / "run").exists()


def test_a_model_that_is_none_is_named(study, refused, tmp_path):
    foreign = tmp_path / "foreign.pth"
    foreign.write_bytes(b"\x80\x04cos\nsystem\n")  # what a pickle that runs a program begins like
    for model in (foreign, tmp_path / "gone.safetensors", study.curated):
        refused(("predict", study.data, "--model", model, "--out", tmp_path / "out"), model.name)
    assert not (tmp_path / "out").exists()
