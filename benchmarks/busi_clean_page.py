"""The tables of docs/busi-clean.md, from `data_lists/busi_clean_summary.json`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

BEGIN, END = "<!-- tables: begin -->", "<!-- tables: end -->"

PUBLISHED = {"2": 122, "3": 22, "4": 5}
"""Groups by size, as Aumente-Maestro et al. (2025) published them; 330 images in all."""

KEPT = 450
"""Images that they kept."""

SIZES = {"2": "pairs", "3": "triplets", "4": "quadruplets"}

CHANGES = {
    "cropped": "cropped: one shows less than 95 % of the other",
    "scaled": "shown at another size (2 % and more)",
    "turned": "turned by a degree or more",
    "mirrored": "mirrored or upside down",
    "shifted": "shifted by 2 % of the width or more, and no more than that",
    "graphics": "with calipers, text or a body mark on one of them only",
    "in place": "none of these: gain, compression, or nothing at all",
}

CONFLICTS = {
    "label-conflict": "scans that stand in several classes",
    "normal-copies-lesion": "pairs of a normal and a lesion image of one scan",
    "mask-conflict": "pairs of one scan whose masks agree with a Dice below {least_dice:.2f}, the worst first",
    "lesion-without-mask": "lesion images without a mask",
    "normal-with-mask": "normal images with a mask",
    "unusable": "files that cannot be used",
}

DISPUTES = {
    "half": "kept, though an image of the same scan is left out",
    "both": "kept beside another image of the same scan",
    "frames": "left out, though only other frames of the scene were found",
    "alone": "left out, though nothing related was found",
    "neighbour": "kept, with another frame of the scene in the set (no error of a list of copies)",
}


def with_tables(page: str, figures: Mapping[str, Any]) -> str:
    """Return the page with its tables between the two marks written anew.

    Raises:
        ValueError: a mark is missing.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"The page lacks {BEGIN} or {END}.")
    return f"{before}{begin}\n\n{tables(figures)}\n{end}{after}"


def tables(figures: Mapping[str, Any]) -> str:
    """Return all tables, as Markdown."""
    parts = [
        "### Groups of one scan, beside the published ones\n",
        *_groups(figures),
        "\n### How images of one scan differ\n",
        *_table(("pairs of one scan", "number"), ((CHANGES[name], figures["changes"][name]) for name in CHANGES)),
        "\n### What contradicts itself\n",
        *_table(("", "number", "which"), _conflicts(figures)),
        "\n### What is on or wrong with single images\n",
        *_table(("finding", "images"), figures["issues"].items()),
        "\n### What becomes of the images\n",
        *_decisions(figures),
    ]
    if "list" in figures:
        parts += ["\n### Against the published list, image by image\n", *_list(figures["list"])]
    return "\n".join(parts) + "\n"


def _groups(figures: Mapping[str, Any]) -> Iterator[str]:
    ours = figures["scan_groups"]["by_size"]
    larger = sum(number for size, number in ours.items() if size not in SIZES)
    scenes = figures["groups"]
    rows = [(SIZES[size], ours.get(size, 0), PUBLISHED[size]) for size in reversed(SIZES)]
    rows += [
        ("larger groups", larger, 0),
        ("images in groups", figures["scan_groups"]["images"], sum(int(s) * n for s, n in PUBLISHED.items())),
        ("images left when none of a group is kept", figures["without_copies"], KEPT),
    ]
    yield from _table(("", "here", "published"), rows)
    yield (
        f"\nPairs: {_listed(figures['pairs'])}. With frames of one scene, {scenes['images']} images stand in "
        f"{scenes['number']} groups, the largest of {max(map(int, scenes['by_size']), default=0)}."
    )


def _conflicts(figures: Mapping[str, Any]) -> Iterator[tuple[str, int, str]]:
    for name, words in CONFLICTS.items():
        named = "; ".join(" + ".join(ids) for ids in figures["contradictions"].get(name, ()))
        yield words.format(least_dice=figures["least_dice"]), figures["findings"][name], named


def _decisions(figures: Mapping[str, Any]) -> Iterator[str]:
    yield f"Decisions by keep-one: {_listed(figures['decisions'])}.\n"
    kept = figures["kept"]
    yield from _table(("class", "images", "kept"), ((name, figures["cases"][name], kept[name]) for name in kept))


def _list(found: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        (name, f"{score['precision']:.3f}", f"{score['recall']:.3f}", *(score[count] for count in _COUNTS))
        for name, score in (("copies and images of one scan", found["score"]), ("frames too", found["scene_score"]))
    ]
    yield from _table(("in a group here", "precision", "recall", "both", "only here", "only the list"), rows)
    yield ""
    disputes = found["disputes"]
    named = ((DISPUTES[kind], len(ids), ", ".join(ids)) for kind, ids in disputes.items())
    yield from _table(("what the list does", "images", "which"), named)


_COUNTS = ("true_positives", "false_positives", "false_negatives")


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def _table(heads: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + "---|" * len(heads)
    for row in rows:
        yield f"| {' | '.join(map(str, row))} |"
