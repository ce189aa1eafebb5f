"""`echoduet phantom`: a data set for those who have none on disk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from echoduet.cli.console import console_progress, emit
from echoduet.cli.options import JsonOption, QuietOption, SeedOption

if TYPE_CHECKING:
    from echoduet.data.synthetic import PhantomSet

DEFAULT_COUNT = 60

_Number = Annotated[int | None, Option(min=0, help="Number of phantoms of this class.", show_default=False)]


def phantom(
    out: Annotated[Path, Argument(metavar="OUT", help="A new or empty folder.", show_default=False)],
    count: Annotated[
        int | None,
        Option(min=1, help=f"Phantoms in all, in BUSI's proportions; {DEFAULT_COUNT} when nothing is said."),
    ] = None,
    benign: _Number = None,
    malignant: _Number = None,
    normal: _Number = None,
    seed: SeedOption = 1993,
    size: Annotated[
        int | None, Option(min=32, max=2048, help="Width in pixels; as varied as BUSI's if left out.")
    ] = None,
    duplicates: Annotated[int, Option(min=0, help="Copies to add: cropped, zoomed, mirrored, marked ...")] = 0,
    conflicts: Annotated[int, Option(min=0, help="How many of the copies carry another label.")] = 0,
    overlays: Annotated[bool, Option("--overlays", help="Burn calipers and text into some pictures.")] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Simulate breast ultrasound with masks, in BUSI's layout: the same seed gives the same bytes.

    With copies, OUT/duplicates.csv tells which case is a copy of which.
    """
    from echoduet.data.synthetic import PhantomSpec, write_phantoms

    numbers = _numbers(count, benign, malignant, normal)
    spec = PhantomSpec(*numbers, seed=seed, size=size, duplicates=duplicates, conflicts=conflicts, overlays=overlays)
    written = write_phantoms(out, spec, console_progress())
    emit(_result(written), _summary(written))


def _numbers(count: int | None, *classes: int | None) -> tuple[int, int, int]:
    """Return how many of each class: as asked for one by one, or a total in BUSI's proportions.

    Raises:
        ConfigError: both are given, or nothing is left to write.
    """
    from echoduet.data.phantom_plan import busi_proportions
    from echoduet.errors import ConfigError

    benign, malignant, normal = (number or 0 for number in classes)
    if all(number is None for number in classes):
        return busi_proportions(DEFAULT_COUNT if count is None else count)
    if count is not None:
        raise ConfigError("--count: cannot go with --benign, --malignant or --normal. Use the one or the others.")
    if benign + malignant + normal == 0:
        raise ConfigError("--benign, --malignant, --normal: all are 0. Ask for at least one phantom.")
    return benign, malignant, normal


def _result(written: PhantomSet) -> dict[str, object]:
    return {
        "folder": written.root,
        "cases": sum(written.counts.values()),
        "classes": {label.value: number for label, number in written.counts.items()},
        "duplicates": len(written.copies),
        "conflicts": sum(copy.conflicting for copy in written.copies),
    }


def _summary(written: PhantomSet) -> str:
    classes = ", ".join(f"{number} {label}" for label, number in written.counts.items())
    lines = [f"{sum(written.counts.values())} phantoms ({classes})"]
    if written.copies:
        conflicts = sum(copy.conflicting for copy in written.copies)
        lines.append(f"{len(written.copies)} of them copies, {conflicts} under another label: duplicates.csv")
    return "\n".join([*lines, str(written.root)])
