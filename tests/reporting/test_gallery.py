from __future__ import annotations

import pytest

from echoduet.evaluation.cases import CaseScore
from echoduet.records import Label
from echoduet.reporting.gallery import examples, failures, gallery_cases


def row(case_id, label, predicted=None, p=(None, None, None), **kwargs):
    probabilities = dict(zip(("p_benign", "p_malignant", "p_normal"), p, strict=True))
    return CaseScore(case_id, label, None, None, 10, 10, predicted=predicted, **probabilities, **kwargs)


def by_key(sections):
    return {section.key: section for section in sections}


def ids(section):
    return [score.case_id for score in section.scores]


def test_missed_lesions_come_malignant_first_then_the_largest():
    scores = [
        row("small", Label.BENIGN, dice=0.0, reference_area=5),
        row("large", Label.BENIGN, dice=0.0, reference_area=50),
        row("grave", Label.MALIGNANT, dice=0.0, reference_area=1),
        row("touched", Label.BENIGN, dice=0.01, reference_area=9),
        row("alarm", Label.NORMAL, dice=0.0, predicted_area=3),
    ]
    assert ids(by_key(failures(scores))["missed"]) == ["grave", "large", "small"]


def test_false_alarms_come_by_their_area():
    scores = [row(f"n{area}", Label.NORMAL, dice=float(not area), predicted_area=area) for area in (3, 0, 40)]
    assert ids(by_key(failures(scores))["alarms"]) == ["n40", "n3"]


def test_wrong_classes_come_malignant_first_then_the_surest():
    scores = [
        row("unsure", Label.BENIGN, Label.NORMAL, (0.3, 0.3, 0.4)),
        row("sure", Label.NORMAL, Label.BENIGN, (0.9, 0.05, 0.05)),
        row("grave", Label.MALIGNANT, Label.BENIGN, (0.5, 0.4, 0.1)),
        row("right", Label.BENIGN, Label.BENIGN, (0.9, 0.05, 0.05)),
        row("unasked", Label.BENIGN),
    ]
    assert ids(by_key(failures(scores))["wrong"]) == ["grave", "sure", "unsure"]


@pytest.fixture
def outlines():
    return [row(f"d{i:02}", Label.BENIGN, dice=i / 20) for i in range(21)]


def test_examples_are_the_worst_the_middle_and_the_best(outlines):
    sections = by_key(examples(outlines, per_section=3))
    assert ids(sections["worst"]) == ["d01", "d02", "d03"]  # d00 is a miss, and a failure
    assert ids(sections["median"]) == ["d09", "d10", "d11"]
    assert ids(sections["best"]) == ["d20", "d19", "d18"]
    assert {section.total for section in sections.values()} == {20}


def test_a_section_shows_the_first_few_and_says_how_many_there_are(outlines):
    section = by_key(failures([row(f"m{i}", Label.BENIGN, dice=0.0) for i in range(12)], per_section=4))["missed"]
    assert (len(section.scores), section.total) == (4, 12)


def test_gallery_cases_names_every_case_shown_once(scores):
    _, refined = scores()
    named = gallery_cases(refined, per_section=3)
    shown = {s.case_id for section in (*failures(refined, 3), *examples(refined, 3)) for s in section.scores}
    assert set(named) == shown
    assert len(named) == len(set(named))


def test_normals_and_classifiers_have_no_examples(scores):
    assert examples([row("n", Label.NORMAL, dice=1.0, predicted_area=0)]) == ()
    _, refined = scores(masks=False)
    assert examples(refined) == ()
    assert [section.total for section in failures(refined)[:2]] == [0, 0]
