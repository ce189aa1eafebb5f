from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import UID

from echoduet import __version__
from echoduet.dicom.identity import IMPLEMENTATION_CLASS, Algorithm, Kind, content_uid, derived_uid

texts = st.lists(st.text(max_size=8), max_size=4)


@given(texts, texts)
def test_uids_are_valid_and_equal_for_equal_texts_only(one, other):
    uid = derived_uid(*one)
    assert uid.is_valid and len(uid) <= 64
    assert (derived_uid(*other) == uid) is (one == other)


def test_uids_are_uuids_that_never_change():
    uid = derived_uid("series", "1.2.3")
    assert uid == "2.25.184724592550854590317633853890988961296"
    assert uuid.UUID(int=int(uid.removeprefix("2.25."))).version == 5
    assert IMPLEMENTATION_CLASS.is_valid


def instance(**values):
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.ContentTime = "1.2.840.10008.5.1.4.1.1.7", "2.25.0", "101010"
    made.ImageComments = "said"
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def test_an_instance_is_the_same_at_another_time():
    uid = content_uid(instance())
    assert content_uid(instance(ContentTime="202020", ContentDate="20300101", SOPInstanceUID="2.25.7")) == uid
    assert content_uid(instance(InstanceCreationDate="20300101", TimeOfSecondaryCapture="1010")) == uid


def test_an_instance_that_says_something_else_is_another():
    assert content_uid(instance(ImageComments="Said")) != content_uid(instance())
    pixels = [content_uid(instance(BitsAllocated=8, PixelData=bytes([0, last]))) for last in (1, 2)]
    assert pixels[0] != pixels[1]


def test_the_content_is_not_changed_by_asking():
    asked = instance()
    content_uid(asked)
    assert asked == instance()


def test_algorithms_differ_by_every_field():
    algorithm = Algorithm("base", "ab" * 32, (("mask_threshold", "0.5"),))
    others = [
        replace(algorithm, model="small"),
        replace(algorithm, sha256="cd" * 32),
        replace(algorithm, settings=(("mask_threshold", "0.4"),)),
        replace(algorithm, version="9"),
    ]
    assert len({one.key for one in (algorithm, *others)}) == 5
    assert algorithm.version == __version__
    assert algorithm.serial_number == "ab" * 8


def test_an_algorithm_is_named_by_its_bundle(tmp_path):
    bundle = tmp_path / "echoduet-own.safetensors"
    bundle.write_bytes(b"weights")
    algorithm = Algorithm.of_file(bundle)
    assert (algorithm.model, algorithm.sha256) == ("echoduet-own", hashlib.sha256(b"weights").hexdigest())
    assert algorithm.key != Algorithm.of_file(bundle, (("mask_threshold", "0.4"),)).key


def test_parameters_are_ascii():
    told = Algorithm("modèle", "ab" * 32, (("gl\u00e4tte", "½"),)).parameters
    assert told == {"model": "mod?le", "sha256": "ab" * 32, "gl?tte": "?"}


def test_kinds_have_series_of_their_own():
    assert len({kind.series_number for kind in Kind}) == len(Kind)
    for kind in Kind:
        assert len(kind.series_description) <= 64
        assert "research use only" in kind.series_description
    assert isinstance(derived_uid(), UID)
