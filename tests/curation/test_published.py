from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from echoduet.curation.conflicts import FindingKind
from echoduet.curation.groups import Group, related_groups
from echoduet.curation.published import PublishedList, disagreements, listed_cases, read_published_list, score
from echoduet.curation.relations import Pair, Relation
from echoduet.errors import ManifestError
from echoduet.records import Case, Label


def case(name: str, label: Label = Label.BENIGN) -> Case:
    return Case(name, Path(name), (), label)


def a_list(*keys: tuple[Label, int]) -> PublishedList:
    return PublishedList(Path("list.csv"), keys)


def test_the_published_format_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"class;id\r\nbenign;20\r\nNormal;3\r\nbenign;20\r\n")
    assert read_published_list(tmp_path / "list.csv").keys == ((Label.BENIGN, 20), (Label.NORMAL, 3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("class;number\nbenign;1\n", "no column 'id'"),
        ("class;id\nbenin;1\n", "line 2: the class 'benin'"),
        ("class;id\nbenign;one\n", "line 2: 'id' is 'one'"),
        ("class;id\nbenign;\n", "line 2: 'id' is empty"),
        ("class;id\n", "lists no image"),
    ],
)
def test_a_wrong_list_is_named_with_its_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(ManifestError, match=message) as caught:
        read_published_list(tmp_path / "list.csv")
    assert "list.csv" in str(caught.value)


def test_both_layouts_answer_to_class_and_number() -> None:
    published = a_list((Label.BENIGN, 2), (Label.NORMAL, 7))
    busi = [case("benign (2)"), case("benign (12)"), case("normal (7)", Label.NORMAL), case("normal (2)", Label.NORMAL)]
    release = [case("benign_id_2"), case("benign_id_12"), case("normal_id_7", Label.NORMAL)]
    assert listed_cases(published, busi) == ({"benign (2)", "normal (7)"}, [])
    assert listed_cases(published, release) == ({"benign_id_2", "normal_id_7"}, [])


def test_listed_images_that_are_not_there_are_findings() -> None:
    listed, findings = listed_cases(a_list((Label.BENIGN, 1), (Label.MALIGNANT, 9)), [case("benign (1)")])
    assert listed == {"benign (1)"}
    assert [(finding.kind, finding.message) for finding in findings] == [
        (FindingKind.LISTED_MISSING, "list.csv keeps malignant 9, which is not among the cases.")
    ]


def test_a_list_of_another_data_set_is_refused() -> None:
    with pytest.raises(ManifestError, match="names none of the 2 cases"):
        listed_cases(a_list((Label.BENIGN, 5)), [case("benign (1)"), case("no number")])


def test_two_cases_of_one_class_and_number_are_refused() -> None:
    with pytest.raises(ManifestError, match=r"benign 1 could be benign \(1\) or other \(1\)"):
        listed_cases(a_list((Label.BENIGN, 1)), [case("benign (1)"), case("other (1)")])


def test_disagreements_go_both_ways() -> None:
    cases = [case(name) for name in "abcdef"]
    pairs = [Pair("a", "b", Relation.COPY), Pair("b", "c", Relation.SAME_SCAN), Pair("e", "f", Relation.SAME_SCENE)]
    groups = related_groups("abcdef", pairs)
    kept, alone, frame = disagreements({"a", "b", "e"}, cases, groups)
    assert (kept.kind, kept.cases, kept.group) == (FindingKind.LISTED_COPIES, ("a", "b"), "dup:a")
    assert (alone.kind, alone.cases, alone.group) == (FindingKind.UNLISTED_ORIGINAL, ("d",), "")
    assert (frame.kind, frame.cases, frame.group) == (FindingKind.UNLISTED_ORIGINAL, ("f",), "dup:e")
    assert "no copy was found" in alone.message
    assert "only other frames" in frame.message


def test_a_large_group_is_told_in_one_line() -> None:
    names = [str(i) for i in range(1000)]
    groups = related_groups(names, [Pair("0", name, Relation.COPY) for name in names[1:]])
    (finding,) = disagreements(set(names), [case(name) for name in names], groups)
    assert finding.message.count("and 992 more") == 2
    assert len(finding.cases) == 1000


@settings(max_examples=25)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_scores_are_those_of_scikit_learn(rows: list[tuple[bool, bool]]) -> None:
    cases = [case(str(i)) for i in range(len(rows))]
    groups = [Group("g", tuple(str(i) for i, (found, _) in enumerate(rows) if found))]
    result = score({str(i) for i, (_, dropped) in enumerate(rows) if not dropped}, cases, groups)
    found, dropped = zip(*rows, strict=True)
    assert result.precision == pytest.approx(precision_score(dropped, found, zero_division=1.0))
    assert result.recall == pytest.approx(recall_score(dropped, found, zero_division=1.0))
    counted = (result.true_positives, result.false_positives, result.false_negatives, result.true_negatives)
    assert sum(counted) == len(rows)
