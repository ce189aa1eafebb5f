"""Progress that nobody watches."""

from __future__ import annotations

from echoduet.progress import Progress, silent


def count(progress: Progress) -> int:
    """Use a progress the way every room does."""
    return sum(1 for _ in progress(iter("abc"), label="letters", total=3))


def test_silent_passes_everything_through(capsys):
    assert list(silent([3, 1, 2], label="x")) == [3, 1, 2]
    assert count(silent) == 3
    assert capsys.readouterr() == ("", "")


def test_silent_takes_items_one_at_a_time():
    taken = []

    def source():
        for item in range(3):
            taken.append(item)
            yield item

    passing = silent(source(), label="x")
    assert next(passing) == 0
    assert taken == [0]
