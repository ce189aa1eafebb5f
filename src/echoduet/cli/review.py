"""`echoduet review`: a page on this machine on which a person answers what curation left open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from echoduet.cli.console import emit, note
from echoduet.cli.options import JsonOption, QuietOption


def review(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder that `echoduet curate` wrote.", show_default=False)
    ],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the page on 127.0.0.1; 0 takes a free one.")] = 0,
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who answers; the name of the system's user when left out.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in the browser.")] = True,
    repair: Annotated[
        bool, typer.Option("--repair", help="First cut off the last line of review.csv that a crash left half written.")
    ] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Step through pairs, conflicts and findings in a local page; `curate` obeys the answers, in OUT/review.csv."""
    from echoduet.files import require_writable
    from echoduet.service.listening import address, bound
    from echoduet.service.review_desk import Desk
    from echoduet.service.review_server import serve

    if repair:
        _repair(out)
    desk = Desk(out, by or _user())
    require_writable(out)  # now, not at the first answer
    listener = bound(port)
    done = desk.progress
    emit(
        {"address": address(listener), "items": done.total, "answered": done.answered, "review": desk.file},
        f"review page: {address(listener)} ({done.answered} of {done.total} answered; Ctrl-C ends it)",
    )
    serve(desk, listener, open_)
    done = desk.progress
    note(f"{done.answered} of {done.total} answered, in {desk.file}; `echoduet curate` obeys them in its next run.")


def _repair(out: Path) -> None:
    from echoduet.curation.review import repair
    from echoduet.service.review_desk import REVIEW_FILE

    torn = repair(out / REVIEW_FILE)
    note(f"cut off and kept in {REVIEW_FILE}.torn: {torn!r}" if torn else f"{REVIEW_FILE} needs no repair.")


def _user() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (KeyError, OSError):  # a container may know no name for its user
        return "unknown"
