"""What a picture looks like, in numbers: finite for any, and telling what their names say."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats
from skimage.measure import shannon_entropy

from echoduet.inference.appearance import GRAIN, LEAST_SIDE, NAMES, SIDE, features, reduced, shrunk


def named(gray):
    """Return the features by their names."""
    return dict(zip(NAMES, features(gray), strict=True))


@pytest.fixture
def square(rng):
    """Speckled tissue of the size that is looked at, brighter above than below."""
    depth = np.linspace(150, 60, SIDE)[:, None]
    speckle = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)), (0, 0), sigmaX=3, sigmaY=1)
    return np.clip(depth + 120 * speckle, 0, 255).astype(np.uint8)


@settings(max_examples=60)
@given(
    arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)),
    st.sampled_from([1, 7]),
)
def test_any_picture_has_finite_features(gray, times):
    found = features(np.repeat(np.repeat(gray, times, axis=0), times, axis=1))
    assert found.shape == (len(NAMES),)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (2, 2), (9000, 30), (6000, 6000)])
@pytest.mark.parametrize("level", [0, 128, 255])
def test_blank_pictures_of_any_size_have_finite_features(shape, level):
    assert np.isfinite(features(np.full(shape, level, np.uint8))).all()


def test_names_are_told_once_and_the_grain_is_among_them():
    assert len(set(NAMES)) == len(NAMES)
    assert set(GRAIN) < set(NAMES)


def test_brightness_is_that_of_other_libraries(square):
    found, values = named(square), square.ravel() / 255
    assert found["mean"] == pytest.approx(values.mean())
    assert found["spread"] == pytest.approx(values.std())
    assert found["median"] == pytest.approx(np.median(values), abs=1 / 255)
    assert np.expm1(abs(found["skewness"])) == pytest.approx(abs(stats.skew(values)), abs=0.002)
    assert found["entropy"] == pytest.approx(shannon_entropy(square // 4), abs=1e-6)
    assert found["dark"] == pytest.approx(np.mean(square < 13))
    assert found["bright"] == pytest.approx(np.mean(square >= 200))


def test_attenuation_turns_its_sign_with_the_picture(square):
    upright, inverted = named(square), named(np.ascontiguousarray(square[::-1]))
    assert upright["upper"] > 0.2
    assert inverted["upper"] == pytest.approx(-upright["upper"], abs=0.01)
    assert inverted["attenuation"] == pytest.approx(-upright["attenuation"], abs=0.01)
    for name in ("mean", "entropy", "direction", "along_1", "down_4", "octave_0"):
        assert inverted[name] == pytest.approx(upright[name], abs=0.02)


def test_a_mirrored_picture_has_the_same_features(square):
    assert features(np.ascontiguousarray(square[:, ::-1])) == pytest.approx(features(square), abs=0.02)


def test_a_beam_blurs_across_and_a_picture_on_its_side_tells_so(square):
    upright, turned = named(square), named(np.ascontiguousarray(square.T))
    assert upright["along_2"] > upright["down_2"] + 0.2
    assert upright["direction"] > 0.3
    assert turned["direction"] == pytest.approx(-upright["direction"], abs=0.05)
    assert turned["along_2"] == pytest.approx(upright["down_2"], abs=0.02)


def test_grain_of_light_turns_where_dark_is_light(rng):
    light = np.linspace(0.1, 1, SIDE)[None, :]
    speckle = np.clip(light * (120 + 60 * rng.normal(size=(SIDE, SIDE))), 0, 255).astype(np.uint8)
    assert named(speckle)["grain_of_light"] > 0.8
    assert named(255 - speckle)["grain_of_light"] < -0.8


def test_flat_and_equal_tell_what_shows_nothing(square):
    half = square.copy()
    half[:, : SIDE // 2] = 90
    assert named(half)["flat"] == pytest.approx(0.5, abs=0.02)
    assert named(half)["equal"] > named(square)["equal"] + 0.4
    assert named(np.full((300, 400), 90, np.uint8))["equal"] == 1.0


def test_noise_is_all_in_the_finest_octave(rng):
    noise = rng.integers(0, 256, (SIDE, SIDE)).astype(np.uint8)
    found = named(noise)
    assert found["octave_0"] > -0.2
    assert found["octave_3"] < -1.5
    assert abs(found["along_2"]) < 0.05


def test_sharpness_tells_a_picture_that_was_enlarged(square):
    enlarged = cv2.resize(square, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    assert named(enlarged)["sharpness"] < named(square)["sharpness"] - 0.5


@given(st.integers(1, 900), st.integers(1, 900))
@settings(max_examples=30)
def test_every_picture_is_brought_to_one_scale(height, width):
    small = shrunk(np.zeros((height, width), np.uint8))
    assert max(small.shape) == SIDE
    assert min(small.shape) >= LEAST_SIDE


def test_reduced_leaves_small_pictures_and_keeps_the_aspect_of_large_ones():
    small, large = np.zeros((50, 80), np.uint8), np.zeros((1500, 3000, 3), np.uint8)
    assert reduced(small, 80) is small
    assert reduced(large, 1000).shape == (500, 1000, 3)
