from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from echoduet.curation.index.sets import list_sets, set_names
from echoduet.data.manifest import build_manifest, list_cases, write_manifest
from echoduet.data.sources import busi
from echoduet.errors import LayoutError, ManifestError


@pytest.fixture
def two_sets(tmp_path: Path) -> tuple[Path, Path]:
    """Two data sets in one layout, with the same ids and other images."""
    roots = tmp_path / "first", tmp_path / "second"
    for seed, root in enumerate(roots):
        busi.write_miniature(root, seed)
    return roots


def test_a_set_that_is_alone_keeps_its_ids(miniature_busi: Path) -> None:
    (one,) = list_sets([miniature_busi])
    assert tuple(one.renamed()) == list_cases(miniature_busi).cases
    assert not one.is_manifest


def test_of_several_each_puts_its_name_before_what_is_its_own(two_sets: tuple[Path, Path]) -> None:
    first, second = two_sets
    table = second / "manifest.csv"
    manifest = build_manifest(second)
    write_manifest(manifest, table)
    text = table.read_text().splitlines()
    text[1] = text[1].replace("benign,,", "benign,p1,g1", 1)
    table.write_text("\n".join(text) + "\n")
    sets = list_sets([first, table])
    assert [one.name for one in sets] == ["first", "manifest"]
    assert [one.is_manifest for one in sets] == [False, True]
    cases = [case for one in sets for case in one.renamed()]
    assert len({case.case_id for case in cases}) == len(cases) == 28
    assert {case.source for case in cases} == {"first", "manifest"}
    assert cases[0].case_id == "first/benign (1)"
    assert cases[0].patient is None
    assert cases[0].group is None


def test_patients_and_groups_of_two_sets_are_not_mixed_up(two_sets: tuple[Path, Path]) -> None:
    for root in two_sets:
        rows = [
            f"{image.stem},{image.name},,normal,p1,g1" for image in sorted((root / "normal").glob("normal (?).png"))
        ]
        text = "\n".join(["case_id,image,masks,label,patient,group", *rows]) + "\n"
        (root / "normal" / "manifest.csv").write_text(text)
    sets = list_sets([root / "normal" / "manifest.csv" for root in two_sets])
    cases = [case for one in sets for case in one.renamed()]
    assert {case.patient for case in cases} == {"first/normal/manifest/p1", "second/normal/manifest/p1"}
    assert {case.group for case in cases} == {"first/normal/manifest/g1", "second/normal/manifest/g1"}


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a"], ["a"]),
        (["x/a", "y/b"], ["a", "b"]),
        (["x/data", "y/data"], ["x/data", "y/data"]),
        (["s/x/data", "t/x/data", "t/other"], ["s/x/data", "t/x/data", "other"]),
        (["data", "y/data"], None),
    ],
)
def test_names_are_as_long_as_they_must_be(tmp_path: Path, paths: list[str], names: list[str] | None) -> None:
    found = set_names([tmp_path / path for path in paths])
    assert found == names or names is None
    assert len(set(found)) == len(paths)


@pytest.mark.parametrize("spelled", ["{}", "{}/.", "{}/benign/.."])
def test_the_same_folder_twice_is_refused(miniature_busi: Path, spelled: str) -> None:
    with pytest.raises(LayoutError, match=r"is the same as .*Give each data set once"):
        list_sets([miniature_busi, Path(spelled.format(miniature_busi))])


def test_a_link_to_a_set_is_the_set(miniature_busi: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(miniature_busi)
    with pytest.raises(LayoutError, match="link: is the same as"):
        list_sets([miniature_busi, tmp_path / "link"])


@pytest.mark.parametrize("order", [1, -1])
def test_a_set_inside_another_is_refused(two_sets: tuple[Path, Path], order: int) -> None:
    outer, inner = two_sets[0], two_sets[0] / "more"
    shutil.move(two_sets[1], inner)
    with pytest.raises(LayoutError, match=r"more: lies inside .*first"):
        list_sets([outer, inner][::order])


def test_a_manifest_beside_its_own_folder_lists_the_same_images(miniature_busi: Path) -> None:
    write_manifest(build_manifest(miniature_busi), miniature_busi / "manifest.csv")
    with pytest.raises(ManifestError, match=r"benign \(1\)\.png: is listed by .* and by .*manifest\.csv"):
        list_sets([miniature_busi, miniature_busi / "manifest.csv"])


def test_images_that_are_links_into_another_set_are_the_other_sets(two_sets: tuple[Path, Path]) -> None:
    first, second = two_sets
    image = second / "normal" / "normal (1).png"
    image.unlink()
    image.symlink_to(first / "normal" / "normal (1).png")
    with pytest.raises(ManifestError, match=r"normal \(1\)\.png: is listed by"):
        list_sets(two_sets)


def test_a_folder_that_links_to_what_holds_it_is_refused(miniature_busi: Path) -> None:
    (miniature_busi / "benign" / "images").symlink_to(miniature_busi / "benign")
    with pytest.raises(LayoutError, match=r"images: is a symbolic link to a folder that holds it"):
        list_sets([miniature_busi])


def test_links_to_each_other_are_refused(miniature_busi: Path) -> None:
    shutil.rmtree(miniature_busi / "normal")
    (miniature_busi / "normal").symlink_to(miniature_busi / "other")
    (miniature_busi / "other").symlink_to(miniature_busi / "normal")
    with pytest.raises(LayoutError, match="is a symbolic link that leads nowhere"):
        list_sets([miniature_busi])
    with pytest.raises(LayoutError, match="normal: is a symbolic link that leads nowhere"):
        list_sets([miniature_busi / "normal"])


def test_a_link_to_another_folder_is_followed(miniature_busi: Path, tmp_path: Path) -> None:
    shutil.move(miniature_busi / "normal", tmp_path / "elsewhere")
    (miniature_busi / "normal").symlink_to(tmp_path / "elsewhere")
    assert len(list_sets([miniature_busi])[0].listed) == 14
