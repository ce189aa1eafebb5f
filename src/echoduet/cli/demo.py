"""`echoduet demo`: the whole way, on phantoms, in a few minutes."""

from __future__ import annotations

import json as json_text
import shlex
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from typer import Context, Option

from echoduet.cli.console import emit, mode, note
from echoduet.cli.options import JsonOption, QuietOption

MARK = "demo.json"
"""Written first: a folder that has it is a demo's, and may be overwritten by the next."""

DONE_WITH_PROBLEMS, INTERRUPTED = 1, 130
"""Exit codes of a step: it dealt with everything but some inputs, which it listed; it was stopped by Ctrl-C."""

FULL = ("--benign", "96", "--malignant", "80", "--normal", "56", "--duplicates", "16", "--conflicts", "4", "--overlays")
QUICK = (
    "--benign",
    "18",
    "--malignant",
    "14",
    "--normal",
    "12",
    "--duplicates",
    "4",
    "--conflicts",
    "1",
    "--size",
    "160",
)


def demo(
    context: Context,
    out: Annotated[Path, Option("--out", help="Where everything goes; an earlier demo there is replaced.")] = Path(
        "demo"
    ),
    quick: Annotated[
        bool, Option("--quick", help="Few phantoms, two epochs: shows that all works, not how well.")
    ] = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Show the whole way on simulated images: simulate, curate, split, train, evaluate, predict.

    Each step is a command of this program and is printed before it runs. Nothing is downloaded.
    """
    started = time.monotonic()
    claim(out)
    for words in steps(out, quick):
        note(f"\n$ echoduet {shlex.join(words)}")
        _run(context, words)
    metrics = json_text.loads((out / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    result = _result(out, metrics, time.monotonic() - started)
    emit(result, _text(result))


def steps(out: Path, quick: bool) -> tuple[tuple[str, ...], ...]:
    """Return the commands of the demo, each as its words after `echoduet`."""
    phantoms, curated, run = out / "phantoms", out / "curated", out / "run"
    manifest, splits, model = curated / "manifest.csv", out / "splits.csv", run / "model.safetensors"
    fewer = ("--set", "optim.epochs=2") if quick else ()
    commands = (
        ("phantom", phantoms, *(QUICK if quick else FULL)),
        ("curate", phantoms, "--policy", "keep-one", "--out", curated),
        ("split", manifest, "--protocol", "clean", "--out", splits),
        ("train", "--config", "demo", "--data", manifest, "--splits", splits, "--fold", "0", *fewer, "--out", run),
        (
            "evaluate",
            "--model",
            model,
            "--data",
            manifest,
            "--splits",
            splits,
            "--fold",
            "0",
            "--out",
            out / "evaluation",
        ),
        ("phantom", out / "new", "--count", "6", "--seed", "7", "--overlays"),
        ("predict", out / "new", "--model", model, "--out", out / "predictions"),
    )
    return tuple(tuple(map(str, words)) for words in commands)


def claim(out: Path) -> None:
    """Make `out` a demo's folder: new, empty, or an earlier demo's, whose results are removed.

    Raises:
        OutputError: it holds something else, or cannot be written.
    """
    from echoduet.errors import OutputError
    from echoduet.files import write_json

    if out.exists() and not (out / MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise OutputError(f"{out}: holds something that is not a demo's. Choose another --out, or empty the folder.")
    write_json(out / MARK, {"about": "The results of `echoduet demo`; the next demo replaces this folder's content."})
    for name in ("phantoms", "curated", "run", "evaluation", "new", "predictions"):
        shutil.rmtree(out / name, ignore_errors=True)


def _run(context: Context, words: Sequence[str]) -> None:
    from echoduet.errors import EchoDuetError

    with _no_json():
        code = context.find_root().command.main(list(words), prog_name="echoduet", standalone_mode=False)
    if code == INTERRUPTED:  # typer turns Ctrl-C into this code before we see it
        raise KeyboardInterrupt
    if isinstance(code, int) and code > DONE_WITH_PROBLEMS:
        raise EchoDuetError(f"echoduet {words[0]} stopped with code {code}. Run it alone to see why.")


@contextmanager
def _no_json() -> Iterator[None]:
    """Keep the steps from printing JSON objects of their own: with `--json` the demo prints one, at the end."""
    quiet, json = mode.quiet, mode.json
    mode.quiet, mode.json = quiet or json, False
    try:
        yield
    finally:
        mode.quiet, mode.json = quiet, json


def _result(out: Path, metrics: dict[str, Any], seconds: float) -> dict[str, Any]:
    refined = metrics["refined"]
    return {
        "report": out / "evaluation" / "report.html",
        "curation_report": out / "curated" / "report.html",
        "overlays": out / "predictions" / "overlays",
        "cases": metrics["n"],
        "lesion_dice": refined["segmentation"]["dsc_lesion"]["mean"],
        "accuracy": refined["classification"]["accuracy"]["mean"],
        "seconds": round(seconds, 1),
    }


def _text(result: dict[str, Any]) -> str:
    return (
        f"\nOn {result['cases']} phantoms that the model never saw: lesion Dice {result['lesion_dice']:.2f}, "
        f"accuracy {result['accuracy']:.2f} ({result['seconds']:.0f} s in all).\n"
        f"What curation found: {result['curation_report']}\n"
        f"New phantoms, outlined: {result['overlays']}\n"
        f"Report: {result['report'].resolve()}"
    )
