"""Answers of a person: written so that none is lost, read so that damage is told, obeyed by the next run."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.answers import ANSWERS, Answer, ItemKind, answer_now
from echoduet.curation.relations import Pair, Relation, Transform
from echoduet.curation.review import COLUMNS, NO_ANSWER, Review, append, obey_pairs, read_review, repair
from echoduet.errors import ManifestError, OutputError

WHEN = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
HEADER = ",".join(COLUMNS) + "\n"
ROW = "pair,a;b,copy,,Ada,2026-01-31T12:00:00Z\n"

ids = st.text(st.characters(codec="utf-8", exclude_characters=";\r\n\0"), min_size=1, max_size=12)
texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=20)


def pair(answer, cases=("a", "b"), by="Ada"):
    """An answer to a pair."""
    return Answer(ItemKind.PAIR, cases, answer, by, WHEN)


def conflict(answer, cases=("a", "b", "c")):
    """An answer to a conflict."""
    return Answer(ItemKind.CONFLICT, cases, answer, "Ada", WHEN)


def finding(answer, case="a", when=WHEN):
    """An answer to a finding."""
    return Answer(ItemKind.FINDING, (case,), answer, "Bo", when)


@st.composite
def answers(draw):
    """Any answer to any item."""
    kind = draw(st.sampled_from(ItemKind))
    cases = draw(st.lists(ids, min_size=2, max_size=2 if kind is ItemKind.PAIR else 4, unique=True))
    choice = draw(st.sampled_from(ANSWERS[kind])).replace("<ids>", ";".join(cases[1:]))
    when = draw(st.datetimes(timezones=st.just(UTC), min_value=datetime(1990, 1, 1)))
    return Answer(kind, tuple(cases), choice, draw(texts.filter(bool)), when, draw(texts))


@given(given_answers=st.lists(answers(), max_size=6))
def test_what_is_appended_is_read_again(tmp_path_factory, given_answers):
    path = tmp_path_factory.mktemp("out") / "review.csv"
    for answer in given_answers:
        append(path, answer)
    assert (read_review(path).answers if given_answers else ()) == tuple(given_answers)


def test_the_last_answer_to_an_item_wins_whatever_the_order_of_its_cases():
    review = Review((pair("copy"), pair("unrelated", ("b", "a"))))
    assert review.relation("a", "b") is None
    assert review.relation("b", "a") is None


@pytest.mark.parametrize("answer", ["unsure", "withdrawn"])
def test_who_is_not_sure_has_given_no_relation(answer):
    assert Review((pair("copy"), pair(answer))).relation("a", "b") == NO_ANSWER
    assert Review().relation("a", "b") == NO_ANSWER


def test_pairs_get_the_persons_relation_and_keep_their_measures():
    turned = Transform(rotation=4)
    pairs = [Pair(*"ab", Relation.COPY, turned, 0.8, 0.9, 0.7), Pair(*"ac", Relation.COPY), Pair(*"bc", Relation.COPY)]
    review = Review((pair("same-scene", ("b", "a")), pair("unrelated", ("a", "c")), pair("unsure", ("b", "c"))))
    assert obey_pairs(pairs, review) == (Pair(*"ab", Relation.SAME_SCENE, turned, 0.8, 0.9, 0.7), pairs[2])


def test_an_answer_to_a_conflict_keeps_what_it_names_and_drops_the_rest():
    review = Review((conflict("keep a;c"),))
    assert [review.verdict(case).verdict for case in "abc"] == ["keep", "drop", "keep"]
    assert review.verdict("a") == ("keep", "Ada", WHEN)
    assert review.verdict("d") is None


@pytest.mark.parametrize(("answer", "verdict"), [("drop-all", "drop"), ("keep-all", "keep"), ("unsure", None)])
def test_a_conflict_may_be_answered_as_a_whole(answer, verdict):
    told = [Review((conflict(answer),)).verdict(case) for case in "abc"]
    assert [found and found.verdict for found in told] == [verdict] * 3


@pytest.mark.parametrize(
    ("answer", "verdict"), [("drop", "drop"), ("keep", "keep"), ("confirmed", None), ("false-alarm", None)]
)
def test_a_finding_is_judged_by_keep_or_drop_only(answer, verdict):
    told = Review((finding(answer),)).verdict("a")
    assert (told and told.verdict) == verdict


def test_the_later_of_two_answers_about_one_case_holds_also_when_the_other_item_was_answered_first():
    first, second = conflict("keep a"), finding("drop")
    assert Review((first, second)).verdict("a").verdict == "drop"
    assert Review((second, first)).verdict("a").verdict == "keep"
    assert Review((first, second, finding("withdrawn"))).verdict("a").verdict == "keep"
    # An item that is answered again counts as answered then.
    assert Review((first, second, first)).verdict("a").verdict == "keep"


@pytest.mark.parametrize(
    ("kind", "cases", "answer", "why"),
    [
        ("pair", ("a", "a"), "copy", "two different cases"),
        ("pair", ("a", "b"), "same", "'same' is no answer to a pair"),
        ("pair", ("a", ""), "copy", "none empty"),
        ("finding", ("a;b",), "keep", "semicolon"),
        ("conflict", ("a", "b"), "keep c", "outside the conflict"),
        ("conflict", ("a", "b"), "keep", "keep <ids>"),
        ("finding", ("a",), "copy", "confirmed, false-alarm"),
    ],
)
def test_an_answer_that_does_not_fit_its_item_is_refused(kind, cases, answer, why):
    with pytest.raises(ManifestError, match=why):
        answer_now(ItemKind(kind), cases, answer, "Ada")


def test_an_answer_needs_somebody_and_a_moment():
    with pytest.raises(ManifestError, match="nobody"):
        answer_now(ItemKind.PAIR, ("a", "b"), "copy", " \n")
    with pytest.raises(ManifestError, match="time zone"):
        Answer(ItemKind.PAIR, ("a", "b"), "copy", "Ada", WHEN.replace(tzinfo=None))


def test_an_answer_of_now_is_of_now_and_on_one_line():
    told = answer_now(ItemKind.PAIR, ["a", "b"], "copy", "Ada\nL.", "first\r\nsecond")
    assert (told.by, told.note) == ("Ada L.", "first second")
    assert abs(datetime.now(UTC) - told.when) < timedelta(minutes=1)


def test_the_file_is_a_plain_table(tmp_path):
    path = tmp_path / "review.csv"
    append(path, conflict("keep a;b"))
    (row,) = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
    expected = ["conflict", "a;b;c", "keep a;b", "", "Ada", "2026-01-31T12:00:00Z"]
    assert row == dict(zip(COLUMNS, expected, strict=True))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ("pear,a;b,copy,,Ada,2026-01-31T12:00:00Z", "'pear' is no kind"),
        ("pair,a;b,copy,,Ada,yesterday", "'yesterday' is no time"),
        ("pair,a;b,copy,,Ada,2026-01-31T12:00:00", "no time zone"),
        ("pair,a;b,copy,Ada", "4 cells"),
        ("pair,a;b,cop,,Ada,2026-01-31T12:00:00Z", "'cop' is no answer"),
        ('pair,a;b,copy,"x"y,Ada,2026-01-31T12:00:00Z', "expected after"),
        ("pair,a\udcff;b,copy,,Ada,2026-01-31T12:00:00Z", "UTF-8"),
    ],
)
def test_damage_is_told_with_its_line_and_the_file_is_left_alone(tmp_path, bad, why):
    path = tmp_path / "review.csv"
    content = (HEADER + ROW + bad + "\n" + ROW).encode(errors="surrogateescape")
    path.write_bytes(content)
    for read in (read_review, repair):
        with pytest.raises(ManifestError, match=rf"review\.csv, line 3: .*{why}.*Correct line 3"):
            read(path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["review.csv"]


@pytest.mark.parametrize("header", ["", "kind;cases;answer;note;by;when\n", "cases,kind,answer,note,by,when\n"])
def test_other_columns_are_refused(tmp_path, header):
    path = tmp_path / "review.csv"
    path.write_text(header)
    with pytest.raises(ManifestError, match="line 1: the columns are not kind,cases"):
        read_review(path)


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(ManifestError, match="cannot be read"):
        read_review(tmp_path / "review.csv")


@pytest.mark.parametrize("length", range(1, len(ROW) - 1))
def test_a_torn_last_line_is_told_and_repaired_without_losing_the_others(tmp_path, length):
    path = tmp_path / "review.csv"
    torn = ROW.encode()[:length]
    path.write_bytes((HEADER + ROW).encode() + torn)
    with pytest.raises(ManifestError, match=r"line 3: the last line was cut short.*--repair.* the 1 before it"):
        read_review(path)
    with pytest.raises(ManifestError, match="cut short"):
        append(path, pair("unrelated"))
    assert repair(path).encode() == torn
    assert path.read_text() == HEADER + ROW
    assert (tmp_path / "review.csv.torn").read_bytes() == torn + b"\n"
    append(path, pair("unrelated"))
    assert [answer.answer for answer in read_review(path).answers] == ["copy", "unrelated"]


def test_a_line_torn_inside_a_letter_is_repaired_too(tmp_path):
    path = tmp_path / "review.csv"
    path.write_bytes((HEADER + ROW).encode() + "pair,é".encode()[:-1])
    with pytest.raises(ManifestError, match="cut short"):
        read_review(path)
    repair(path)
    assert (tmp_path / "review.csv.torn").read_bytes() == b"pair,\xc3\n"
    assert repair(path) == ""


def test_a_last_line_that_lacks_only_its_end_is_whole(tmp_path):
    path = tmp_path / "review.csv"
    path.write_text(HEADER + ROW.rstrip("\n"))
    assert len(read_review(path).answers) == 1
    append(path, pair("unrelated"))
    assert [answer.answer for answer in read_review(path).answers] == ["copy", "unrelated"]


def test_nothing_is_lost_or_half_written_when_the_disk_is_full(tmp_path):
    path = tmp_path / "review.csv"
    append(path, pair("copy"))
    before = path.read_bytes()
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from echoduet.curation.answers import ItemKind, answer_now\n"
        "from echoduet.curation.review import append; from echoduet.errors import OutputError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 9},) * 2)\n"
        "try: append(Path(sys.argv[1]), answer_now(ItemKind.PAIR, ('a', 'b'), 'unrelated', 'Ada'))\n"
        "except OutputError as error: print(error)\n"
    )
    told = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert "review.csv: cannot be written" in told.stdout
    assert path.read_bytes() == before


def test_a_folder_in_the_way_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be written"):
        append(tmp_path / "file" / "review.csv", pair("copy"))


def test_every_answer_given_before_a_kill_is_there(tmp_path):
    path = tmp_path / "review.csv"
    code = (
        "import sys; from pathlib import Path\n"
        "from echoduet.curation.answers import ItemKind, answer_now\n"
        "from echoduet.curation.review import append\n"
        "for n in range(10**6):\n"
        "    append(Path(sys.argv[1]), answer_now(ItemKind.PAIR, (f'a{n}', 'b'), 'copy', 'Ada'))\n"
        "    print(n, flush=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        seen = [int(process.stdout.readline()) for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        seen += [int(line) for line in process.stdout.read().splitlines()]
    repair(path)
    told = [answer.cases[0] for answer in read_review(path).answers]
    assert told[: len(seen)] == [f"a{n}" for n in seen]
