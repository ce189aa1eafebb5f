"""What the burnt-in graphics are: calipers, text, a body mark. Scores are `1 - 2^-n` of n pieces of evidence."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from echoduet.curation.quality.issues import Issue
from echoduet.records import Mask

ARM = 0.0075
"""Least half-width of a caliper's cross, as a share of the image's width."""

CORNERS = 0.3
"""Most of the four fields between a cross's arms that may be filled: by a dotted line, or a digit."""

DOTS, DOTTED = 7, 0.04
"""Least number of dots on a dotted line, and its least length as a share of the image's width."""

BETWEEN = 0.02
"""Most distance from dot to dot, as a share of the image's width."""

NEAR, TURNS = 2.0, 120
"""How far from its line a dot may lie, in pixels, and how many directions of lines are tried."""

MOST_DOTS = 400
"""Dots that are looked at: no measurement has more."""

LETTER = (0.012, 0.07)
"""Heights of letters, as shares of the image's width."""

BODY_MARK = (0.035, 0.25)
"""Sides of body marks, as shares of the image's width."""

STRAIGHT = 0.03
"""Least length of the upright lines that do not count: the sides of a colour box, as a share of the image's width."""

DENSE = 0.5
"""Share of ink in its rectangle from which a drawing is none: a letter, a button."""

LOGO = 0.06
"""Side of the upper left corner whose letters do not count, as a share of the image's width."""

MOST_LETTERS = 1000
"""No picture carries more; every part is compared with every other."""

WORD = 3
"""Letters from which a row of parts is surely a word."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The connected strokes of a picture's graphics: `(N,)` each, and which pixel belongs to which, `(H, W)`."""

    labels: NDArray[np.int32]
    left: NDArray[np.int64]
    top: NDArray[np.int64]
    width: NDArray[np.int64]
    height: NDArray[np.int64]
    area: NDArray[np.int64]

    @classmethod
    def of(cls, mask: Mask) -> Parts:
        """Take a mask apart."""
        _, labels, table, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
        return cls(np.asarray(labels, np.int32), *np.asarray(table, np.int64)[1:].T)


def evidence(pieces: int) -> float:
    """Return the score of so many pieces of evidence: none 0, one 0.5, two 0.75."""
    return float(1.0 - 0.5 ** max(0, pieces))


def graphics_scores(overlay: Mask) -> dict[Issue, float]:
    """Return the scores of calipers, text and body marks.

    Args:
        overlay: burnt-in graphics, `(H, W)`.
    """
    parts = Parts.of(overlay)
    if not len(parts.area):
        return dict.fromkeys((Issue.CALIPERS, Issue.TEXT, Issue.PICTOGRAM), 0.0)
    at = crosses(overlay)
    of_cross = parts.labels[at[:, 0], at[:, 1]] - 1
    letters = np.flatnonzero(_letter_sized(parts))[:MOST_LETTERS]
    words = _words(parts, letters)
    # A cross with a number beside it is no word of three letters, but the T of RIGHT may look like a cross.
    in_word = np.isin(of_cross, letters[words >= WORD])
    alone = ~np.isin(letters, of_cross) | (words >= WORD)
    return {
        Issue.CALIPERS: evidence(int(np.count_nonzero(~in_word)) + dotted_lines(parts)),
        Issue.TEXT: evidence(int(_words(parts, letters[alone]).max(initial=0)) - 1),
        Issue.PICTOGRAM: pictogram_score(overlay, at),
    }


def crosses(overlay: Mask) -> NDArray[np.int64]:
    """Return the centres `(row, column)` of the upright crosses of calipers, `(N, 2)`."""
    arm = max(2, round(ARM * overlay.shape[1]))
    closed = cv2.morphologyEx(overlay.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    whole, size = np.asarray(closed, np.uint8), 2 * arm + 1
    across, upright = (
        cv2.erode(whole, np.ones(shape, np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0)
        for shape in ((1, size), (size, 1))
    )
    fits = cv2.bitwise_and(across, upright)
    if not cv2.countNonZero(fits):
        return np.zeros((0, 2), np.int64)
    _, _, _, centres = cv2.connectedComponentsWithStats(fits, connectivity=8)
    found = np.rint(centres[1:, ::-1]).astype(np.int64)
    return np.asarray(found[[_is_cross(whole, int(y), int(x), arm) for y, x in found]], np.int64)


def _is_cross(whole: NDArray[np.uint8], y: int, x: int, arm: int) -> bool:
    reach = 3 * arm
    around = np.pad(whole, reach)[y : y + 2 * reach + 1, x : x + 2 * reach + 1]
    middle = around[reach - arm : reach + arm + 1, reach - arm : reach + arm + 1]
    # Strokes are up to five pixels wide: the fields begin beyond them.
    half = min(2, arm - 2)
    fields = np.abs(np.arange(-arm, arm + 1)) > half
    filled = float(middle[np.ix_(fields, fields)].mean())
    # The cross hairs of a body mark, and the lines of a grid, go on where a caliper ends.
    ends = (around[0, reach], around[-1, reach], around[reach, 0], around[reach, -1])
    return filled <= CORNERS and sum(map(int, ends)) <= 2


def dotted_lines(parts: Parts) -> int:
    """Count the dotted lines, at most two: small parts that follow one another on a straight line."""
    columns = parts.labels.shape[1]
    side = max(4, round(ARM * columns))
    small = (np.maximum(parts.width, parts.height) <= side) & (parts.area <= side * side // 2)
    middles = np.stack([parts.left + parts.width / 2, parts.top + parts.height / 2], axis=1)[small][:MOST_DOTS]
    found = 0
    while found < 2 and len(middles) >= DOTS:
        on_line = _straightest(middles, columns)
        if not on_line.any():
            break
        found, middles = found + 1, middles[~on_line]
    return found


def _straightest(middles: NDArray[np.float64], columns: int) -> NDArray[np.bool_]:
    """Tell which dots lie on the line that most of them share (Hough's vote), `(N,)`; none on a line too short."""
    angles = np.arange(0.0, np.pi, np.pi / TURNS)
    away = middles @ np.stack([np.cos(angles), np.sin(angles)])
    bins = np.rint((away - away.min()) / NEAR).astype(np.int64)
    votes = np.bincount((bins + np.arange(TURNS) * (bins.max() + 1)).ravel())
    turn, bin_ = divmod(int(votes.argmax()), int(bins.max()) + 1)
    members = np.flatnonzero(np.abs(away[:, turn] - away.min() - bin_ * NEAR) <= NEAR)
    along = middles[members] @ (-np.sin(angles[turn]), np.cos(angles[turn]))
    order = np.argsort(along)
    runs = np.split(members[order], np.flatnonzero(np.diff(along[order]) > BETWEEN * columns) + 1)
    longest = max(runs, key=len)
    chosen = np.zeros(len(middles), np.bool_)
    extent = np.ptp(middles[longest], axis=0)
    chosen[longest] = len(longest) >= DOTS and float(np.hypot(*extent)) >= DOTTED * columns
    return chosen


def _letter_sized(parts: Parts) -> NDArray[np.bool_]:
    columns = parts.labels.shape[1]
    tall = (parts.height >= max(5.0, LETTER[0] * columns)) & (parts.height <= max(12.0, LETTER[1] * columns))
    filled = parts.area / (parts.width * parts.height)
    # What was cropped left a piece of the scanner's logo in the corner of nearly every picture of BUSI.
    logo = (parts.left + parts.width <= LOGO * columns) & (parts.top + parts.height <= LOGO * columns)
    shaped = (parts.width <= 12 * parts.height) & (filled >= 0.2) & (filled <= 0.9)
    return np.asarray(tall & shaped & ~logo, np.bool_)


def _words(parts: Parts, letters: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many letters the word of each letter has: parts of one height on one line, side by side, `(N,)`."""
    left, top, width, height = (column[letters] for column in (parts.left, parts.top, parts.width, parts.height))
    gap = np.maximum(left[:, None], left) - np.minimum(left[:, None] + width[:, None], left + width)
    least, most = np.minimum(height[:, None], height), np.maximum(height[:, None], height)
    bottom = top + height
    level = np.maximum(abs(top[:, None] - top), abs(bottom[:, None] - bottom)) <= 0.25 * least
    beside = level & (gap <= 0.8 * most) & (least >= 0.75 * most)
    count, word = connected_components(beside, directed=False)
    return np.asarray(np.bincount(word, [_letters_in(parts, int(i)) for i in letters], count)[word], np.int64)


def _letters_in(parts: Parts, i: int) -> int:
    """Count the letters of a part: as many as it is wide, where they touch, if it has as many strokes side by side."""
    wide = round(float(parts.width[i] / (0.9 * parts.height[i])))
    if wide <= 1:
        return 1
    top, left = int(parts.top[i]), int(parts.left[i])
    ink = parts.labels[top : top + int(parts.height[i]), left : left + int(parts.width[i])] == i + 1
    strokes = np.count_nonzero(np.diff(ink, axis=1, prepend=False) & ink, axis=1)
    return max(1, min(wide, round(float(np.percentile(strokes, 75)))))


def pictogram_score(overlay: Mask, at: NDArray[np.int64]) -> float:
    """Return how sparse the sparsest drawing of a body mark's size is: outlines and hardly any ink, also where cropped.

    Args:
        overlay: burnt-in graphics, `(H, W)`.
        at: the centres of its crosses, `(N, 2)`.
    """
    ink, length = overlay.astype(np.uint8), max(7, round(STRAIGHT * overlay.shape[1]))
    straight = (cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(shape, np.uint8)) for shape in ((1, length), (length, 1)))
    drawings = Parts.of(overlay & ~np.logical_or(*straight))
    low, high = (share * overlay.shape[1] for share in BODY_MARK)
    sized = (np.minimum(drawings.width, drawings.height) >= low) & (np.maximum(drawings.width, drawings.height) <= high)
    # Two crosses joined by a line are sparse as well.
    crossed = np.unique(drawings.labels[at[:, 0], at[:, 1]])
    sized[crossed[crossed > 0] - 1] = False
    filled = drawings.area[sized] / (drawings.width * drawings.height)[sized]
    return float(np.clip(1.0 - filled / DENSE, 0.0, 1.0).max(initial=0.0))
