"""Presentation contexts are those that can be kept."""

from __future__ import annotations

from pydicom.uid import UID

from echoduet.data.dicom.decoding import check_syntax
from echoduet.data.dicom.storage import check_kind
from echoduet.data.phantom_dicom import PhantomExam, make_phantom
from echoduet.dicom.node.contexts import MADE, SYNTAXES, TAKEN, receiving_contexts, sending_contexts


def test_every_transfer_syntax_is_one_that_is_read():
    for syntax in SYNTAXES:
        check_syntax(syntax, "x")
    assert len(set(SYNTAXES)) == 13


def test_every_class_is_ultrasound_and_no_result_is_taken_back():
    dataset = make_phantom(PhantomExam(width=32))
    for kind in TAKEN:
        dataset.SOPClassUID = kind
        check_kind(dataset, "x")
        assert "Ultrasound" in UID(kind).name
    assert not set(TAKEN) & set(MADE.values())


def test_the_node_takes_echo_and_ultrasound_in_every_syntax():
    found = {context.abstract_syntax: context.transfer_syntax for context in receiving_contexts()}
    assert len(found) == 5
    assert found.pop("1.2.840.10008.1.1")
    assert all(syntaxes == list(SYNTAXES) for syntaxes in found.values())


def test_a_class_is_offered_once_and_uncompressed():
    contexts = sending_contexts([MADE["sr"], MADE["seg"], MADE["seg"]])
    assert [context.abstract_syntax for context in contexts] == sorted([MADE["sr"], MADE["seg"]])
    assert all(not syntax.is_compressed for context in contexts for syntax in context.transfer_syntax)
