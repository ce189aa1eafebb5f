"""The BUS-UCLM layout: semicolons and a mark in the table, colours in the masks, one patient that does not fit."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from echoduet.data.manifest import build_manifest
from echoduet.data.masks import read_mask
from echoduet.data.sources import bus_uclm
from echoduet.errors import ImageError
from echoduet.records import Label


@pytest.fixture
def root(tmp_path):
    bus_uclm.write_miniature(tmp_path, 2)
    return tmp_path


def test_the_table_gives_class_and_the_name_the_patient(root):
    assert (root / "INFO.csv").read_bytes().startswith(b"\xef\xbb\xbfImage;")
    cases = list(bus_uclm.read(root))
    assert cases[0].case_id == "ALWI_000"
    assert [case.patient for case in cases[3:5]] == ["ALWI", "ANAT"]
    assert [case.label for case in cases[:3]] == [Label.BENIGN, Label.MALIGNANT, Label.NORMAL]


def test_any_colour_is_lesion(root):
    for case in list(bus_uclm.read(root))[:12]:
        colours = np.asarray(Image.open(case.masks[0]).convert("RGB"))
        channel = {Label.BENIGN: 1, Label.MALIGNANT: 0, Label.NORMAL: 2}[case.label]
        np.testing.assert_array_equal(read_mask(case.masks, None), colours[..., channel] > 0)
        assert read_mask(case.masks, None).any() == (case.label is not Label.NORMAL)


def test_names_without_extension_are_understood(root):
    table = root / "INFO.csv"
    expected = list(bus_uclm.read(root))
    table.write_text(table.read_text(encoding="utf-8").replace(".png", ""), encoding="utf-8")
    assert list(bus_uclm.read(root)) == expected


def test_the_patient_whose_masks_do_not_fit_is_named(root):
    with pytest.raises(ImageError, match=r"HESN_012\.png: 84x64, but its image is 84x72.*echoduet manifest"):
        build_manifest(root)
