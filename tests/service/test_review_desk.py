"""The desk: where one stopped, how far one is, and answers that stay."""

from __future__ import annotations

import pytest

from echoduet.curation.review import read_review
from echoduet.errors import ManifestError, OutputError
from echoduet.service.review_desk import Desk, Progress


def test_a_new_review_begins_with_the_first_item(curated):
    desk = Desk(curated.path, "Ada")
    assert (desk.start, desk.progress) == (0, Progress(0, 7))
    assert desk.counts() == {"pair": Progress(0, 3), "conflict": Progress(0, 2), "finding": Progress(0, 2)}
    assert not desk.file.exists()


def test_answers_are_on_the_disk_and_known_to_the_next_session(curated):
    first = Desk(curated.path, "Ada")
    first.answer(0, "keep benign (1);benign (2)", "the same woman")
    first.answer(3, "copy")
    written = read_review(first.file)
    assert [(given.answer, given.by, given.note) for given in written.answers] == [
        ("keep benign (1);benign (2)", "Ada", "the same woman"), ("copy", "Ada", "")]  # fmt: skip
    assert written.verdict("malignant (1)").verdict == "drop"
    second = Desk(curated.path, "Bo")
    assert second.given == first.given
    assert second.progress == Progress(2, 7)


def test_one_goes_on_behind_the_last_answer_and_comes_back_to_what_was_skipped(curated):
    Desk(curated.path, "Ada").answer(5, "confirmed")
    desk = Desk(curated.path, "Ada")
    assert desk.start == 6
    desk.answer(6, "false-alarm")
    assert Desk(curated.path, "Ada").start == 0
    for number, answer in enumerate(["drop-all", "unsure", "copy", "copy", "unrelated"]):
        desk.answer(number, answer)
    assert Desk(curated.path, "Ada").start == 0


def test_an_answer_can_be_given_anew_and_taken_back(curated):
    desk = Desk(curated.path, "Ada")
    desk.answer(2, "copy")
    assert desk.answer(2, "unrelated").answer == "unrelated"
    assert desk.progress.answered == 1
    assert desk.answer(2, "withdrawn") is None
    assert desk.progress.answered == 0
    assert Desk(curated.path, "Ada").progress.answered == 0
    assert len(read_review(desk.file).answers) == 3


@pytest.mark.parametrize(
    ("number", "answer", "why"), [(7, "copy", "item 7"), (-1, "copy", "item -1"), (2, "keep", "no answer")]
)
def test_an_answer_that_does_not_fit_is_refused_and_leaves_nothing(curated, number, answer, why):
    desk = Desk(curated.path, "Ada")
    with pytest.raises(ManifestError, match=why):
        desk.answer(number, answer)
    assert not desk.file.exists()


def test_an_answer_that_cannot_be_written_does_not_hold(curated):
    desk = Desk(curated.path, "Ada")
    desk.answer(2, "copy")
    desk.file.unlink()
    desk.file.mkdir()
    with pytest.raises((ManifestError, OutputError), match=r"review\.csv"):
        desk.answer(2, "unrelated")
    assert desk.given[2].answer == "copy"


def test_what_is_not_found_any_more_can_still_be_seen_and_taken_back(curated):
    Desk(curated.path, "Ada").answer(4, "unrelated")
    pairs = curated.path / "pairs.csv"
    left = [line for line in pairs.read_text().splitlines(keepends=True) if "benign (1),malignant (1)" not in line]
    pairs.write_text("".join(left))
    desk = Desk(curated.path, "Ada")
    last = desk.agenda.items[-1]
    assert (last.cases, last.about) == (("benign (1)", "malignant (1)"), ("not found any more",))
    assert desk.progress == Progress(1, 7)
    desk.answer(6, "withdrawn")
    assert len(Desk(curated.path, "Ada").agenda.items) == 6


def test_a_damaged_review_is_told_at_once(curated):
    Desk(curated.path, "Ada").answer(2, "copy")
    with (curated.path / "review.csv").open("a") as stream:
        stream.write("pair,benign")
    with pytest.raises(ManifestError, match="cut short"):
        Desk(curated.path, "Ada")


def test_another_folder_is_told(tmp_path):
    with pytest.raises(ManifestError, match="holds no finished curation"):
        Desk(tmp_path, "Ada")
