"""Which scores are high enough to be told."""

from __future__ import annotations

from echoduet.curation.quality.issues import Issue, Scores
from echoduet.curation.quality.settings import QualitySettings


def flags(scores: Scores, settings: QualitySettings) -> tuple[Issue, ...]:
    """Return the issues whose score reaches its threshold, in the order of `Issue`.

    A score of 0 is never flagged, not even by a threshold of 0: there is nothing to be seen.

    Args:
        scores: of one case; an issue that was not looked for has none.
        settings: the thresholds.
    """
    return tuple(issue for issue in Issue if scores.get(issue, 0.0) >= max(settings.thresholds[issue], 1e-12))
