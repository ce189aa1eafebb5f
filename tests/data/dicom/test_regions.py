"""Where the picture lies in a frame, and how large its pixels are."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from echoduet.data.dicom.objects import Region, region_item
from echoduet.data.dicom.regions import Layout, read_layout
from echoduet.records import Box, Spacing

WHOLE = Box(0, 0, 480, 640)
LEFT, RIGHT = Box(50, 20, 400, 290), Box(50, 320, 400, 300)
FINE = Spacing(0.1, 0.08)


def layout(*regions, **more):
    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = [region_item(region) for region in regions]
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return read_layout(dataset, 480, 640)


def test_without_regions_the_whole_frame_and_nothing_more():
    assert read_layout(Dataset(), 480, 640) == Layout(None, None, 1, False)


def test_the_region_and_its_spacing():
    assert layout(Region(LEFT, FINE)) == Layout(LEFT, Spacing(pytest.approx(0.1), pytest.approx(0.08)), 1, False)


def test_the_largest_of_several_and_how_many_there_are():
    found = layout(Region(LEFT, Spacing(0.3, 0.3)), Region(RIGHT, FINE))
    assert (found.region, found.panels) == (RIGHT, 2)
    assert found.spacing.row == pytest.approx(0.1)


def test_a_region_told_twice_or_inside_another_is_one_panel():
    inside = Box(100, 60, 100, 100)
    assert layout(Region(LEFT, FINE), Region(LEFT, FINE), Region(inside, FINE)).panels == 1


def test_colour_flow_is_told_and_is_no_panel():
    flow = Region(Box(120, 80, 150, 150), FINE, data=2)
    found = layout(flow, Region(LEFT, FINE))
    assert (found.region, found.panels, found.colour_flow) == (LEFT, 1, True)
    assert layout(flow) == Layout(None, None, 1, True)


@pytest.mark.parametrize("spatial", [2, 3, 4, 5])
def test_m_mode_spectra_curves_and_graphics_are_passed_over(spatial):
    assert layout(Region(RIGHT, FINE, spatial=spatial)) == Layout()
    assert layout(Region(RIGHT, FINE, spatial=spatial), Region(LEFT)).region == LEFT


def test_a_region_of_the_whole_frame_is_none():
    found = layout(Region(WHOLE, FINE))
    assert found.region is None
    assert found.spacing is not None


def test_a_region_beyond_the_frame_is_clipped():
    assert layout(Region(Box(100, 400, 1000, 1000))).region == Box(100, 400, 380, 240)


@pytest.mark.parametrize("box", [Box(600, 10, 100, 100), Box(10, 10, 3, 300), Box(20, 20, -5, 40)])
def test_regions_that_cannot_be_are_passed_over(box):
    assert layout(Region(box, FINE) if box.height > 0 else Region(Box(400, 20, 2, 40), FINE)) == Layout()


def test_a_direction_is_no_negative_size():
    item = region_item(Region(LEFT, FINE))
    item.PhysicalDeltaX, item.PhysicalDeltaY = -0.008, -0.01
    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = [item]
    assert read_layout(dataset, 480, 640).spacing == Spacing(pytest.approx(0.1), pytest.approx(0.08))


@pytest.mark.parametrize("delta", [0.0, math.nan, math.inf, 1e-9, 40.0])
def test_sizes_that_no_pixel_has_are_passed_over(delta):
    item = region_item(Region(LEFT, FINE))
    item.PhysicalDeltaX = delta
    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = [item]
    found = read_layout(dataset, 480, 640)
    assert (found.region, found.spacing) == (LEFT, None)


@pytest.mark.parametrize("units", [0, 4, 5])
def test_units_other_than_centimetres_tell_no_size(units):
    item = region_item(Region(LEFT, FINE))
    item.PhysicalUnitsYDirection = units
    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = [item]
    assert read_layout(dataset, 480, 640).spacing is None


def test_pixel_spacing_stands_in_and_sizes_of_detectors_and_films_do_not():
    assert layout(PixelSpacing=[0.2, 0.3]).spacing == Spacing(0.2, 0.3)
    assert layout(Region(LEFT), PixelSpacing=[0.2, 0.3]).spacing == Spacing(0.2, 0.3)
    assert layout(Region(LEFT, FINE), PixelSpacing=[0.2, 0.3]).spacing.row == pytest.approx(0.1)
    assert layout(ImagerPixelSpacing=[0.2, 0.3], NominalScannedPixelSpacing=[0.2, 0.3]).spacing is None


@given(
    spatial=st.integers(0, 9),
    data=st.integers(0, 9),
    corners=st.tuples(*[st.integers(0, 2**32 - 1)] * 4),
    units=st.integers(0, 9),
    delta=st.floats(),
    left_out=st.sets(st.sampled_from(["RegionDataType", "RegionLocationMaxX1", "PhysicalDeltaY"])),
)
def test_whatever_stands_there_the_region_lies_in_the_frame(spatial, data, corners, units, delta, left_out):
    item = region_item(Region(LEFT, FINE, data, spatial))
    item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1, item.RegionLocationMaxY1 = corners
    item.PhysicalUnitsXDirection, item.PhysicalDeltaX = units, delta
    for keyword in left_out:
        delattr(item, keyword)
    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = [item]
    box = read_layout(dataset, 480, 640).region or WHOLE
    assert box.top >= 0 <= box.left
    assert box.top + box.height <= 480
    assert box.left + box.width <= 640
    assert min(box.height, box.width) >= 16
