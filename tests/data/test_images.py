"""Reading every kind of image file, and refusing what is none."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from echoduet.data.images import (
    MAX_PIXELS,
    image_size,
    is_image_name,
    read_colour_and_gray,
    read_gray,
    read_gray_and_colour,
    write_png,
)
from echoduet.errors import ImageError, OutputError, ShapeError

PICTURES = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


@pytest.fixture
def gray(rng):
    return rng.integers(0, 256, (37, 53), dtype=np.uint8)


def png_claiming(width, height):
    """Return a PNG whose header promises a size that its few bytes do not hold."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")
    )


@given(PICTURES)
@settings(max_examples=25)  # each writes files
def test_what_is_written_is_read(tmp_path_factory, picture):
    path = tmp_path_factory.mktemp("round") / "scan.png"
    write_png(path, picture)
    np.testing.assert_array_equal(read_gray(path), picture)
    assert image_size(path) == picture.shape[::-1]


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGB", "RGBA"])
def test_every_png_mode_of_a_gray_picture_is_the_same(tmp_path, gray, mode):
    Image.fromarray(gray).convert(mode).save(tmp_path / "scan.png")
    read = read_gray(tmp_path / "scan.png")
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_array_equal(read, gray)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_colours_come_with_the_same_gray_values(tmp_path, rng, mode):
    colours = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    picture = Image.fromarray(colours)
    if mode == "I;16":
        picture = Image.fromarray(colours[:, :, 0].astype(np.uint16) * 16)
    elif mode != "RGB":
        picture = picture.convert(mode)
    picture.save(tmp_path / "scan.png")
    colour, gray = read_colour_and_gray(tmp_path / "scan.png")
    np.testing.assert_array_equal(gray, read_gray(tmp_path / "scan.png"))
    assert colour.shape == (20, 30, 3)
    if mode in ("RGB", "RGBA"):
        np.testing.assert_array_equal(colour, colours)
    elif mode != "P":
        np.testing.assert_array_equal(colour, np.stack([gray] * 3, axis=2))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_a_gray_picture_has_no_colours_whatever_its_mode(tmp_path, gray, mode):
    Image.fromarray(gray).convert(mode).save(tmp_path / "scan.png")
    read, colour = read_gray_and_colour(tmp_path / "scan.png")
    assert colour is None
    np.testing.assert_array_equal(read, read_gray(tmp_path / "scan.png"))


@pytest.mark.parametrize("channel", range(3))
def test_one_coloured_pixel_makes_a_picture_coloured(tmp_path, gray, channel):
    colours = np.stack([gray] * 3, axis=2)
    colours[7, 9, channel] ^= 1
    write_png(tmp_path / "scan.png", colours)
    read, colour = read_gray_and_colour(tmp_path / "scan.png")
    np.testing.assert_array_equal(colour, colours)
    np.testing.assert_array_equal(read, read_gray(tmp_path / "scan.png"))


def test_one_bit_becomes_black_and_white(tmp_path, gray):
    Image.fromarray(gray > 99).save(tmp_path / "scan.png")
    np.testing.assert_array_equal(read_gray(tmp_path / "scan.png"), np.where(gray > 99, 255, 0))


def test_colours_become_itu_r_601_luma(tmp_path, rng):
    colours = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    write_png(tmp_path / "scan.png", colours)
    luma = colours @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(read_gray(tmp_path / "scan.png"), luma, atol=1)


def test_transparency_is_composited_over_black(tmp_path, gray, rng):
    alpha = rng.integers(0, 256, gray.shape, dtype=np.uint8)
    Image.merge("LA", [Image.fromarray(gray), Image.fromarray(alpha)]).save(tmp_path / "scan.png")
    np.testing.assert_allclose(read_gray(tmp_path / "scan.png"), gray * (alpha / 255), atol=1)


def test_transparent_palette_entries_are_black(tmp_path):
    picture = Image.fromarray(np.array([[0, 1, 2]], dtype=np.uint8), mode=None).convert("P")
    picture.putpalette([10, 10, 10, 200, 200, 200, 90, 90, 90])
    picture.save(tmp_path / "scan.png", transparency=b"\xff\x00\xff")
    assert read_gray(tmp_path / "scan.png").tolist() == [[10, 0, 90]]


@pytest.mark.parametrize("factor", [1, 16, 256, 257], ids=["8 bits", "12 bits", "16 bits", "16 bits, full range"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_pixels_are_scaled_to_eight_bits(tmp_path, gray, factor, suffix):
    gray[0, 0] = 255
    Image.fromarray(gray.astype(np.uint16) * factor).save(tmp_path / f"scan{suffix}")
    np.testing.assert_array_equal(read_gray(tmp_path / f"scan{suffix}"), gray)


def test_big_endian_tiff_agrees_with_tifffile(tmp_path, gray):
    tifffile.imwrite(tmp_path / "scan.tif", gray.astype(np.uint16) * 257, byteorder=">")
    expected = tifffile.imread(tmp_path / "scan.tif") >> 8
    np.testing.assert_array_equal(read_gray(tmp_path / "scan.tif"), expected)


def test_of_many_pages_the_first_is_read(tmp_path, gray):
    tifffile.imwrite(tmp_path / "scan.tif", np.stack([gray, 255 - gray]), photometric="minisblack")
    np.testing.assert_array_equal(read_gray(tmp_path / "scan.tif"), gray)


def test_floats_between_0_and_1_are_scaled(tmp_path, gray):
    tifffile.imwrite(tmp_path / "scan.tif", gray.astype(np.float32) / 255)
    np.testing.assert_array_equal(read_gray(tmp_path / "scan.tif"), gray)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 70000.0])
def test_values_without_a_place_among_grays_are_refused(tmp_path, value):
    tifffile.imwrite(tmp_path / "scan.tif", np.full((9, 9), value, dtype=np.float32))
    with pytest.raises(ImageError, match=r"scan\.tif: holds values .* 8 or 16 bits"):
        read_gray(tmp_path / "scan.tif")


@pytest.mark.parametrize(
    ("suffix", "mode", "options"),
    [
        (".bmp", "L", {}),
        (".bmp", "RGB", {}),
        (".bmp", "1", {}),
        (".jpg", "L", {"quality": 95}),
        (".jpeg", "RGB", {"progressive": True}),
        (".tif", "RGB", {}),
        (".tiff", "RGBA", {"compression": "tiff_deflate"}),
    ],
)
def test_other_formats_agree_with_imageio(tmp_path, gray, suffix, mode, options):
    path = tmp_path / f"scan{suffix}"
    Image.fromarray(gray).convert(mode).save(path, **options)
    expected = np.asarray(iio.imread(path)).astype(int)
    expected = expected[..., :3] @ np.array([0.299, 0.587, 0.114]) if expected.ndim == 3 else expected
    expected = expected * 255 if mode == "1" and expected.max() == 1 else expected
    np.testing.assert_allclose(read_gray(path), expected, atol=1)
    assert image_size(path) == (53, 37)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "packbits", "tiff_deflate"])
def test_tiff_without_loss_is_exact(tmp_path, gray, compression):
    Image.fromarray(gray).save(tmp_path / "scan.tif", compression=compression)
    np.testing.assert_array_equal(read_gray(tmp_path / "scan.tif"), gray)


def test_cmyk_jpeg_is_read(tmp_path, gray):
    Image.fromarray(gray).convert("RGB").convert("CMYK").save(tmp_path / "scan.jpg", quality=100)
    assert np.abs(read_gray(tmp_path / "scan.jpg").astype(int) - gray).mean() < 3


def test_a_single_pixel_is_an_image(tmp_path):
    write_png(tmp_path / "dot.png", np.array([[7]], dtype=np.uint8))
    assert read_gray(tmp_path / "dot.png").tolist() == [[7]]


def test_the_content_decides_not_the_extension(tmp_path, gray):
    Image.fromarray(gray).save(tmp_path / "scan.png", format="BMP")
    np.testing.assert_array_equal(read_gray(tmp_path / "scan.png"), gray)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"GIF89a and so on", "is no PNG, JPEG, TIFF or BMP"),
        (b"not an image at all", "is no PNG, JPEG, TIFF or BMP"),
        (b"\x89PNG\r\n\x1a\n", "is damaged"),
        (b"BM", "is damaged"),
        (b"II*\0\x08\0\0\0", "is damaged"),
    ],
)
def test_what_is_no_image_is_named(tmp_path, content, said):
    (tmp_path / "scan.png").write_bytes(content)
    for read in (read_gray, image_size):
        with pytest.raises(ImageError, match=rf"scan\.png: {said}"):
            read(tmp_path / "scan.png")


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(ImageError, match=r"gone\.png: is missing"):
        read_gray(tmp_path / "gone.png")
    with pytest.raises(ImageError, match="cannot be read"):
        read_gray(tmp_path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_refused_but_measured(tmp_path, gray, suffix, share):
    path = tmp_path / f"scan{suffix}"
    Image.fromarray(gray).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ImageError, match=rf"scan\{suffix}: is damaged .* Restore"):
        read_gray(path)
    if suffix in (".png", ".bmp"):  # their size stands at the beginning
        assert image_size(path) == (53, 37)


def test_bombs_are_refused_before_a_pixel_is_decoded(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_claiming(20_000, 20_000))
    with pytest.raises(ImageError, match=r"bomb\.png: 20000x20000 pixels, more than"):
        read_gray(tmp_path / "bomb.png")
    assert image_size(tmp_path / "bomb.png") == (20_000, 20_000)


def test_the_limit_counts_pixels(tmp_path):
    write_png(tmp_path / "scan.png", np.zeros((10, 20), dtype=np.uint8))
    assert read_gray(tmp_path / "scan.png", max_pixels=200).shape == (10, 20)
    with pytest.raises(ImageError, match="more than the 199"):
        read_gray(tmp_path / "scan.png", max_pixels=199)
    assert MAX_PIXELS >= 5000 * 5000


def encoded(fmt, mode):
    """Return a small picture as the bytes of a file."""
    stream = io.BytesIO()
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(15, 20)).convert(mode).save(stream, fmt)
    return stream.getvalue()


@given(
    whole=st.sampled_from([("PNG", "P"), ("PNG", "RGBA"), ("JPEG", "RGB"), ("TIFF", "L"), ("BMP", "L")]),
    keep=st.floats(0, 1),
    wounds=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=6),
)
def test_damage_gives_an_image_or_an_image_error(tmp_path_factory, whole, keep, wounds):
    content = bytearray(encoded(*whole))
    for place, value in wounds:
        content[int(place * len(content))] = value
    path = tmp_path_factory.getbasetemp() / "wounded.bin"
    path.write_bytes(content[: round(keep * len(content))])
    try:
        assert read_gray(path).ndim == 2
    except ImageError as error:
        assert "wounded.bin" in str(error)


def test_tiffs_with_odd_tags_are_read_in_threads_without_a_warning(tmp_path, gray):
    # The text of tag 305 (software) is said to lie behind the end of the file, which makes Pillow warn.
    path = tmp_path / "scan.tif"
    Image.fromarray(gray).save(path, tiffinfo={305: "a long name of a scanner"})
    content = path.read_bytes()
    at = content.index(struct.pack("<HH", 305, 2)) + 8
    path.write_bytes(content[:at] + struct.pack("<I", len(content) + 99) + content[at + 4 :])
    with pytest.warns(UserWarning, match="Truncated"):
        Image.open(path).close()
    with ThreadPoolExecutor(4) as pool:
        for read in pool.map(read_gray, [path] * 12):
            np.testing.assert_array_equal(read, gray)


def test_masks_and_colours_are_written(tmp_path, gray):
    write_png(tmp_path / "mask.png", gray > 128)
    np.testing.assert_array_equal(iio.imread(tmp_path / "mask.png"), np.where(gray > 128, 255, 0))
    overlay = np.stack([gray, gray // 2, gray], axis=2)
    write_png(tmp_path / "overlay.png", overlay)
    np.testing.assert_array_equal(iio.imread(tmp_path / "overlay.png"), overlay)


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 4, 2), np.uint8), np.zeros(4, np.uint8), np.zeros((3, 4), np.float32), np.zeros((1, 3, 4, 3))],
)
def test_what_is_no_picture_is_not_written(tmp_path, array):
    with pytest.raises(ShapeError, match=r"scan\.png: a picture is"):
        write_png(tmp_path / "scan.png", array)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_behind_where_writing_fails(tmp_path, gray):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        write_png(tmp_path / "file" / "scan.png", gray)
    (tmp_path / "scan.png").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        write_png(tmp_path / "scan.png", gray)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "scan.png"]


def test_image_names():
    assert is_image_name(Path("a.PNG"))
    assert is_image_name(Path("a.tiff"))
    assert not is_image_name(Path("a.gif"))
