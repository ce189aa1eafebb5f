"""A flag is a score at or above its threshold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from echoduet.curation.quality.flags import flags
from echoduet.curation.quality.issues import Issue
from echoduet.curation.quality.settings import QualitySettings

SHARES = st.floats(0, 1)
TABLES = st.dictionaries(st.sampled_from(Issue), SHARES)


@given(TABLES, st.fixed_dictionaries(dict.fromkeys(Issue, SHARES)))
def test_flags_are_the_scores_at_or_above_their_thresholds(scores, thresholds) -> None:
    found = flags(scores, QualitySettings(thresholds))
    assert list(found) == sorted(found, key=list(Issue).index)
    for issue in Issue:
        reached = scores.get(issue, 0.0) >= thresholds[issue]
        assert (issue in found) == (reached and scores.get(issue, 0.0) >= 1e-12)


def test_what_is_not_there_at_all_is_never_flagged() -> None:
    everything = QualitySettings(dict.fromkeys(Issue, 0.0))
    assert flags(dict.fromkeys(Issue, 0.0), everything) == ()
    assert flags({Issue.TEXT: 0.001}, everything) == (Issue.TEXT,)
