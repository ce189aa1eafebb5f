"""The command `echoduet`: which commands there are, and how an error leaves the program.

Exit codes: 0 done; 1 done, but some inputs had problems, which were listed; 2 an error, told in one sentence;
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from echoduet import __version__
from echoduet.cli import console
from echoduet.cli.ablate import ablate
from echoduet.cli.compare import compare
from echoduet.cli.crossval import crossval
from echoduet.cli.curate import curate
from echoduet.cli.demo import demo
from echoduet.cli.evaluate import evaluate
from echoduet.cli.export import export
from echoduet.cli.info import info
from echoduet.cli.manifest import manifest
from echoduet.cli.node import app as node
from echoduet.cli.options import JsonOption, QuietOption
from echoduet.cli.phantom import phantom
from echoduet.cli.predict import predict
from echoduet.cli.release import release
from echoduet.cli.review import review
from echoduet.cli.serve import serve
from echoduet.cli.split import split
from echoduet.cli.train import train
from echoduet.errors import EchoDuetError

DONE_WITH_PROBLEMS = 1
FAILED = 2
INTERRUPTED = 130

app = typer.Typer(
    name="echoduet",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(value: bool) -> None:
    if value:
        console.emit({"version": __version__}, f"echoduet {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", metavar="", callback=_show_version, is_eager=True, help="Print the version and leave."
        ),
    ] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Outline lesions in breast ultrasound and tell normal, benign and malignant apart. Research use only."""


# Before torch is imported. Its threads wait for one another by spinning, by default so long that one other busy process
# costs two thirds of the training speed; giving up sooner halves that loss and costs nothing on an idle machine
# (GNU OpenMP only; OMP_WAIT_POLICY=PASSIVE would cost a quarter there). Whoever sets the variable is obeyed.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# In the order of the work; each module imports no more than its options need, what is heavy inside the function.
COMMANDS = (
    phantom, manifest, curate, review, split, train, crossval, ablate, evaluate, compare, predict, export, serve,
    release, demo, info,
)  # fmt: skip
for _command in COMMANDS:
    app.command(_command.__name__)(_command)
app.add_typer(node)


def main(args: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an error becomes one sentence on stderr.

    Args:
        args: the words after `echoduet`; those of the process when None.
    """
    console.mode.quiet = console.mode.json = False
    return guarded(lambda: _run(args))


def guarded(work: Callable[[], int]) -> int:
    """Return the exit code of `work`; an error becomes one sentence on stderr and a code of its own.

    `ECHODUET_DEBUG=1` lets the error through with its traceback.
    """
    try:
        return work()
    except BaseException as error:  # the outermost frame: whatever comes must leave as a sentence and an exit code
        if isinstance(error, SystemExit) or os.environ.get("ECHODUET_DEBUG") == "1":
            raise
        sentence, code = explain(error)
        console.fail(sentence)
        return code


def _run(args: Sequence[str] | None) -> int:
    code = app(args, prog_name="echoduet", standalone_mode=False)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code before we see it
        raise KeyboardInterrupt
    return code if isinstance(code, int) else 0


def explain(error: BaseException) -> tuple[str, int]:
    """Return the sentence that tells the user about `error`, and the exit code that goes with it."""
    if isinstance(error, KeyboardInterrupt | typer.Abort):
        return (
            "interrupted; files already written are whole. Run the same command again, `echoduet train` with --resume.",
            INTERRUPTED,
        )
    if isinstance(error, EchoDuetError):
        return str(error), FAILED
    if isinstance(error, typer.TyperException):
        return f"{_end(error.format_message())} Try `echoduet --help`.", FAILED
    return _explain_foreign(error), FAILED


def _explain_foreign(error: BaseException) -> str:
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{_end(error.strerror or str(error))} Check the path, its permissions and the free space."
    # torch has its own out-of-memory error, told apart by name because torch is not imported here.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "out of memory. Use a smaller batch (--set optim.batch_size=...) or --set preprocess.size=..."
    what = f"unexpected {type(error).__name__}: {_end(str(error))}"
    return f"{what} This is a fault in EchoDuet; ECHODUET_DEBUG=1 shows where."


def _end(sentence: str) -> str:
    first_line = " ".join(sentence.split())
    return first_line if first_line.endswith((".", "!", "?")) else f"{first_line}."


if __name__ == "__main__":
    sys.exit(main())
