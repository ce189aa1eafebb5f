"""Many comparisons at once: p values of a family."""

from __future__ import annotations

from collections.abc import Sequence

from echoduet.errors import StatisticsError


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return p values adjusted so that the chance of any false alarm in the family stays below the level (Holm, 1979).

    The i-th smallest of m becomes the largest of (m - j + 1) p_j over j <= i, at most 1; the order of the list stays.

    Args:
        p_values: of the comparisons; None for one that was not made. Such a one stays None and does not count in m.

    Raises:
        StatisticsError: a p value is NaN or not between 0 and 1.
    """
    made = {index: p for index, p in enumerate(p_values) if p is not None}
    if odd := [p for p in made.values() if not 0 <= p <= 1]:
        raise StatisticsError(f"A p value of {odd[0]} is not between 0 and 1. A comparison that was not made is None.")
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(made, key=made.__getitem__)):
        largest = min(1.0, max(largest, (len(made) - rank) * made[index]))
        adjusted[index] = largest
    return adjusted
