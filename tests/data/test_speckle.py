"""The physics: speckle statistics, resolution, attenuation and compression against what theory says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.data.speckle import (
    Grid,
    Probe,
    Tissue,
    accumulated_loss,
    blur_by_probe,
    compress,
    decibel_to_amplitude,
    detect,
    display,
    draw_probe,
    envelope,
    scatterers,
    smooth_noise,
)

GRID = Grid(height=200, width=240, pitch=0.1)


@pytest.fixture
def even():
    """Tissue of one echo everywhere, with no reflectors and no loss."""
    return Tissue(GRID, *(np.zeros(GRID.shape, dtype=np.float32) for _ in range(3)))


def half_width(correlation):
    """Return the lag at which a falling correlation crosses one half, by interpolation."""
    lag = int(np.argmax(correlation < 0.5))
    before, after = correlation[lag - 1], correlation[lag]
    return lag - 1 + (before - 0.5) / (before - after)


def correlation_along(field, axis, lags=12):
    """Return the correlation of |field|^2 at lags 0, 1, 2 ... along an axis."""
    power = np.moveaxis(np.abs(field) ** 2, axis, 0)
    power = power - power.mean()
    return np.array([(power[: len(power) - k] * power[k:]).mean() for k in range(lags)]) / (power**2).mean()


def test_grid_measures_in_millimetres():
    assert GRID.shape == (200, 240)
    assert (GRID.depth_mm, GRID.width_mm) == pytest.approx((20.0, 24.0))
    assert GRID.z.shape == (200, 1)
    assert GRID.x.shape == (1, 240)
    assert float(GRID.z[10, 0]) == pytest.approx(1.0)
    assert float(GRID.x[0, 30]) == pytest.approx(3.0)


def test_scatterers_are_circular_gaussian_of_unit_power(rng):
    field = scatterers((300, 300), rng)
    assert field.dtype == np.complex64
    assert np.mean(np.abs(field) ** 2) == pytest.approx(1.0, abs=0.02)
    # Circular: real and imaginary part have equal power and do not know of each other.
    assert np.mean(field**2) == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(("axial", "lateral"), [(1.0, 1.0), (1.5, 3.0), (0.9, 4.5)])
def test_psf_keeps_the_power_of_white_scatterers(rng, axial, lateral):
    blurred = blur_by_probe(scatterers((500, 500), rng), axial, lateral)
    assert np.mean(np.abs(blurred) ** 2) == pytest.approx(1.0, abs=0.08)


def test_fully_developed_speckle_has_the_rayleigh_signal_to_noise_ratio(even, rng):
    received = envelope(replace_grid(even, Grid(700, 700, 0.1)), Probe(axial=0.12, lateral=0.2, looks=1), rng)
    assert received.mean() / received.std() == pytest.approx(np.sqrt(np.pi / (4 - np.pi)), abs=0.06)  # 1.91


def test_compounding_raises_the_ratio_by_the_root_of_the_looks(even, rng):
    tissue = replace_grid(even, Grid(500, 500, 0.1))
    received = envelope(tissue, Probe(axial=0.12, lateral=0.2, looks=4), rng)
    assert received.mean() / received.std() == pytest.approx(2 * 1.913, abs=0.15)


def test_speckle_is_as_long_as_the_psf_says(rng):
    axial, lateral = 1.5, 4.0
    field = blur_by_probe(scatterers((900, 900), rng), axial, lateral)
    # The power's correlation of Gaussian speckle is exp(-lag^2 / (2 sigma^2)): one half at 1.177 sigma.
    assert half_width(correlation_along(field, 0)) == pytest.approx(1.177 * axial, rel=0.08)
    assert half_width(correlation_along(field, 1)) == pytest.approx(1.177 * lateral, rel=0.08)


def test_a_smooth_reflector_stands_out_by_its_amplitude(even, rng):
    even.specular[100] = 50.0
    received = envelope(even, Probe(), rng)
    assert received[100].mean() > 5 * received[50].mean()


def replace_grid(tissue, grid):
    """Return even tissue on another grid."""
    return Tissue(grid, *(np.full(grid.shape, part.flat[0]) for part in (tissue.echo, tissue.specular, tissue.loss)))


@given(st.floats(-60, 60))
def test_decibels_and_amplitudes_are_inverse(level):
    assert float(compress(decibel_to_amplitude(np.float32(level)))) == pytest.approx(level, abs=1e-3)


def test_nothing_compresses_to_minus_infinity():
    assert float(compress(np.float32(0.0))) == pytest.approx(-120.0)


def test_loss_adds_up_with_depth_and_starts_at_nothing(even):
    even.loss[:] = 0.5
    lost = accumulated_loss(even, Probe(shadow_length=1e6))
    # 0.5 dB per mm over 20 mm.
    assert lost[-1] == pytest.approx(np.full(240, 10.0), abs=0.1)
    assert (np.diff(lost[:, 0]) > 0).all()


def test_a_shadow_lies_below_its_cause_and_fades(even):
    even.loss[50:60, 100:140] = 3.0
    lost = accumulated_loss(even, Probe(shadow_length=10.0))
    assert lost[:50].max() == 0
    assert lost[62, 120] == pytest.approx(2.9, abs=0.2)  # 3 dB per mm over 1 mm
    assert lost[162, 120] == pytest.approx(lost[62, 120] * np.exp(-1.0), rel=0.01)
    assert abs(lost[100, 20]) < 1e-6


def test_half_the_echo_is_the_darker_half(even, rng):
    even.echo[:, 120:] = -12.0
    gray = detect(even, Probe(dynamic_range=48.0, brightness=120.0), rng)
    assert gray.dtype == np.uint8
    # 12 of 48 dB are a quarter of the gray scale.
    assert gray[:, :110].mean() - gray[:, 130:].mean() == pytest.approx(255 / 4, rel=0.2)


@given(st.lists(st.floats(-300, 500), min_size=2, max_size=20))
def test_display_is_monotone_and_within_range(levels):
    gray = display(np.sort(np.asarray(levels, dtype=np.float32))).astype(int)
    assert (np.diff(gray) >= 0).all()
    assert (gray >= 0).all() and (gray <= 255).all()


def test_display_is_straight_where_it_is_bright():
    assert display(np.array([120.0, 200.0, 400.0], dtype=np.float32)).tolist() == [120, 200, 255]


def test_smooth_noise_is_standardised_and_as_smooth_as_asked(rng):
    noise = smooth_noise(Grid(400, 400, 0.1), rng, axial=1.0, lateral=5.0)
    assert noise.shape == (400, 400)
    assert noise.dtype == np.float32
    assert (noise.mean(), noise.std()) == pytest.approx((0.0, 1.0), abs=1e-3)
    assert np.abs(np.diff(noise, axis=0)).mean() > 3 * np.abs(np.diff(noise, axis=1)).mean()


def test_a_narrow_view_is_seen_with_a_finer_probe():
    wide, narrow = (draw_probe(width, np.random.default_rng(3)) for width in (40.0, 20.0))
    assert (narrow.axial, narrow.lateral) == pytest.approx((wide.axial / 2, wide.lateral / 2))
    assert replace(narrow, axial=wide.axial, lateral=wide.lateral) == wide
