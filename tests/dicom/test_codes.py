from __future__ import annotations

from pydicom.sr._concepts_dict import concepts
from pydicom.sr.coding import Code

from echoduet.dicom import codes
from echoduet.records import CLASSES, Ground, Label


def standard_codes():
    found = [value for value in vars(codes).values() if isinstance(value, Code) and value.scheme_designator != "UCUM"]
    found += [*codes.SIDES.values(), *codes.CLASS_VALUES.values()]
    return [code for code in found if code.scheme_designator in ("SCT", "DCM")]


def test_standard_codes_mean_what_the_standard_says():
    assert len(standard_codes()) > 15
    for code in standard_codes():
        meanings = [
            meaning.lower()
            for known in concepts[code.scheme_designator].values()
            for value, (meaning, *_) in known.items()
            if value == code.value
        ]
        assert code.meaning.lower() in meanings, code


def test_own_codes_fit_their_attributes_and_differ():
    own = codes.own_codes()
    assert len({code.value for code in own}) == len({code.meaning for code in own}) == len(own)
    for code in own:
        assert code.scheme_designator == codes.SCHEME
        assert len(code.value) <= 16 and len(code.meaning) <= 64
        assert (code.value + code.meaning).isascii()


def test_every_class_and_every_ground_has_its_codes():
    assert set(codes.CLASS_VALUES) == set(codes.PROBABILITIES) == set(codes.SPREADS) == set(CLASSES) == set(Label)
    assert set(codes.GROUNDS) == set(codes.SCORES) == set(codes.LIMITS) == set(Ground)


def test_no_code_is_left_out_of_the_list():
    written = [value for value in vars(codes).values() if isinstance(value, Code)]
    written += [code for table in vars(codes).values() if isinstance(table, dict) for code in table.values()]
    own = {code for code in written if isinstance(code, Code) and code.scheme_designator == codes.SCHEME}
    assert own == set(codes.own_codes())


def test_the_scheme_names_itself():
    assert codes.own_scheme().CodingSchemeDesignator == codes.SCHEME
