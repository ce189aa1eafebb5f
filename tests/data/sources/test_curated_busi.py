"""The release layout of Curated BUSI."""

from __future__ import annotations

import pytest

from echoduet.data.sources import curated_busi
from echoduet.records import Label


@pytest.fixture
def root(tmp_path):
    curated_busi.write_miniature(tmp_path, 2)
    return tmp_path


def test_names_give_class_and_number(root):
    cases = list(curated_busi.read(root))
    assert [case.case_id for case in cases[:4]] == [f"benign_id_{n}" for n in (2, 3, 10, 21)]
    assert [case.label for case in cases] == [Label.BENIGN] * 4 + [Label.MALIGNANT] * 4 + [Label.NORMAL] * 4
    assert cases[0].masks == (root / "masks" / "benign_id_2_mask.png",)


def test_a_mask_may_have_the_name_of_its_image(root):
    (root / "masks" / "benign_id_3_mask.png").rename(root / "masks" / "benign_id_3.png")
    assert list(curated_busi.read(root))[1].masks == (root / "masks" / "benign_id_3.png",)


def test_numbers_do_not_run_into_each_other(root):
    # "benign_id_2" begins "benign_id_21": its masks must not be taken for those of 21, nor the other way round.
    assert all(len(case.masks) == 1 for case in curated_busi.read(root))


def test_what_is_missing_is_asked_for_by_name(root):
    (root / "images" / "normal_id_3.png").unlink()
    (root / "masks" / "malignant_id_2_mask.png").unlink()
    cases = {case.case_id: case for case in curated_busi.read(root)}
    assert not cases["normal_id_3"].image.exists()
    assert cases["malignant_id_2"].masks == (root / "masks" / "malignant_id_2_mask.png",)
    assert len(cases) == 12
