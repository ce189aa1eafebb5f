"""Bad input, by the whole command line: one clear sentence that names the file or key, and nothing half-written."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from echoduet.cli.main import main

IMAGE = "benign/benign (1).png"
MASK = "benign/benign (1)_mask.png"
SMALL = ["preprocess.size=32", "optim.epochs=2", "runtime.threads=1", "split.folds=2", "split.train_share=0.6"]
WILD = ["optim.learning_rate=1e30", "optim.clip_norm=null", "model.pretrained=false"]


def train(data, out, *overrides):
    """Return the words that train a small network on a small data set."""
    settings = [word for override in (*SMALL, *overrides) for word in ("--set", override)]
    return ["train", "--config", "fast", "--data", data, "--fold", "0", "--out", out, *settings]


@pytest.fixture
def told(capsys, monkeypatch):
    """Return a function that runs a command and gives back its exit code and what it said on stderr."""
    monkeypatch.delenv("ECHODUET_DEBUG", raising=False)

    def run(*args):
        code = main([str(arg) for arg in args])
        said = capsys.readouterr().err
        assert "Traceback" not in said
        assert "fault in EchoDuet" not in said
        return code, said

    return run


def cut_short(root):
    content = (root / IMAGE).read_bytes()
    (root / IMAGE).write_bytes(content[: len(content) // 2])


def emptied(root):
    (root / IMAGE).write_bytes(b"")


def not_an_image(root):
    (root / IMAGE).write_text("a text under a wrong extension")


def one_pixel(root):
    Image.new("L", (1, 1)).save(root / IMAGE)


def twenty_thousand_wide(root):
    Image.new("1", (20_000, 20_000)).save(root / IMAGE)


def bomb(root):
    """Write a header that promises 10 Gpixel in front of next to nothing."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    (root / IMAGE).write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def mask_of_another_size(root):
    Image.new("1", (10, 10)).save(root / MASK)


def mask_for_no_image(root):
    (root / MASK).rename(root / "benign/benign (99)_mask.png")


def image_without_mask(root):
    (root / MASK).unlink()


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (cut_short, "benign (1).png"),
        (emptied, "benign (1).png"),
        (not_an_image, "benign (1).png"),
        (one_pixel, "benign (1).png"),
        (twenty_thousand_wide, "benign (1).png"),
        (bomb, "benign (1).png"),
        (mask_of_another_size, "benign (1)_mask.png"),
        (mask_for_no_image, "benign (99)"),
        (image_without_mask, "benign (1)"),
    ],
)
def test_a_damaged_file_is_named_and_the_rest_is_used(miniature_busi, told, tmp_path, damage, named):
    damage(miniature_busi)
    code, said = told("manifest", miniature_busi, "--out", tmp_path / "m.csv")
    assert code == 1
    assert any(line.startswith("warning:") and named in line for line in said.splitlines()), said
    rows = (tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 13
    assert not any(row.startswith("benign (1),") for row in rows)


def sixteen_bit(root):
    gray = np.asarray(Image.open(root / IMAGE).convert("L"))
    Image.fromarray(gray.astype(np.uint16) * 257).save(root / IMAGE)


def with_alpha(root):
    Image.open(root / IMAGE).convert("RGBA").save(root / IMAGE)


def jpeg_under_another_name(root):
    Image.open(root / IMAGE).convert("L").save(root / IMAGE, format="JPEG")


@pytest.mark.parametrize("change", [sixteen_bit, with_alpha, jpeg_under_another_name])
def test_unusual_files_are_read(miniature_busi, told, tmp_path, change):
    change(miniature_busi)
    code, said = told("manifest", miniature_busi, "--out", tmp_path / "m.csv")
    assert (code, "benign (1)" in said) == (0, False)


def test_an_unknown_class_folder_is_named(miniature_busi, told, tmp_path):
    (miniature_busi / "normal").rename(miniature_busi / "cysts")
    code, said = told("manifest", miniature_busi, "--out", tmp_path / "m.csv")
    assert code == 2
    assert said.startswith("error: ")
    assert "cysts" in said
    assert not (tmp_path / "m.csv").exists()


def test_an_id_given_twice_is_named(miniature_busi, told, tmp_path):
    assert told("manifest", miniature_busi, "--out", tmp_path / "m.csv")[0] == 0
    lines = (tmp_path / "m.csv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "m.csv").write_text("\n".join([*lines, lines[3]]) + "\n", encoding="utf-8")
    code, said = told("split", tmp_path / "m.csv", "--protocol", "paper", "--out", tmp_path / "s.csv")
    assert code == 2
    assert lines[3].partition(",")[0] in said
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("data", ["nowhere", "empty"])
def test_data_that_is_not_there_is_named(told, tmp_path, data):
    (tmp_path / "empty").mkdir()
    code, said = told("manifest", tmp_path / data, "--out", tmp_path / "m.csv")
    assert code == 2
    assert str(tmp_path / data) in said


def test_an_output_that_cannot_be_written_is_named(miniature_busi, told, tmp_path):
    (tmp_path / "file").write_text("in the way")
    code, said = told("manifest", miniature_busi, "--out", tmp_path / "file" / "m.csv")
    assert code == 2
    assert f"{tmp_path / 'file' / 'm.csv'}: cannot be written" in said


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("optim.epoch=3", 'did you mean "optim.epochs"'),
        ("optim.epochs=three", "optim.epochs"),
        ("model.architecture=unetp", "unetpp"),
        ("split.folds=20", "20 folds"),
    ],
)
def test_a_key_or_value_that_cannot_be_is_named(miniature_busi, told, tmp_path, override, named):
    code, said = told(*train(miniature_busi, tmp_path / "run", override))
    assert code == 2
    assert said.splitlines()[-1].startswith("error: ")
    assert named in said
    assert not list(tmp_path.glob("run/*.safetensors"))


def test_a_loss_that_is_no_number_stops_the_run(miniature_busi, told, tmp_path):
    code, said = told(*train(miniature_busi, tmp_path / "run", *WILD))
    assert code == 2
    assert "loss" in said.splitlines()[-1]
    assert not list(tmp_path.glob("run/*.safetensors"))


def test_a_run_is_never_overwritten_by_accident(miniature_busi, told, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").write_text("{}")
    code, said = told(*train(miniature_busi, tmp_path / "run"))
    assert code == 2
    assert "--resume" in said
    assert (tmp_path / "run" / "config.json").read_text() == "{}"
