"""The paper's own commands, in terms of ours: src/curate.py, src/train.py and src/evaluate.py call these.

They read and write where the paper's README says: `data/Dataset_BUSI_with_GT`, then `curated/`, then `models/`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from echoduet.cli.console import note
from echoduet.cli.main import guarded, main
from echoduet.errors import LayoutError, ManifestError

BUSI = Path("data/Dataset_BUSI_with_GT")
PUBLISHED_LIST = Path("data/mapping_curated_BUSI.csv")
CURATED = Path("curated")
MODELS = Path("models")
CONFIG = Path("configs/multi_task_config.json")


def curate(given: Sequence[str]) -> int:
    """Curate BUSI, by the published list when it lies beside the data, and by the paper's policy otherwise."""
    return guarded(lambda: _curate(given))


def _curate(given: Sequence[str]) -> int:
    options = list(given)
    data = Path(options.pop(0)) if options and not options[0].startswith("-") else BUSI
    if not data.exists() and not asks_for_help(given):
        raise LayoutError(f"{data}: no such folder. Unpack BUSI there, or name its folder: python src/curate.py FOLDER")
    by_list = {"--published-list": str(PUBLISHED_LIST)} if PUBLISHED_LIST.is_file() else {"--policy": "drop-all"}
    choice = {} if {"--policy", "--published-list"} & spelled(options) else by_list
    return main(["curate", str(data), *with_defaults(options, {"--out": str(CURATED), **choice})])


def train(given: Sequence[str]) -> int:
    """Train on the first fold of the curated data, and leave `models/<name>_model.pth`."""
    return guarded(lambda: _train(given))


def _train(given: Sequence[str]) -> int:
    name = Path(value_of(given, "--config") or CONFIG).stem.removesuffix("_config")
    defaults = {
        "--config": str(CONFIG),
        "--data": str(CURATED / "manifest.csv"),
        "--out": str(MODELS / f"{name}_run"),
        "--fold": "0",
    }
    words = with_defaults(given, defaults)
    if not asks_for_help(given):
        _require_curated(words)
    code = main(["train", *words])
    if code == 0 and not asks_for_help(given):
        _export(Path(str(value_of(words, "--out"))) / "model.safetensors", MODELS / f"{name}_model.pth")
    return code


def _export(source: Path, target: Path) -> None:
    from echoduet.models.bundle import load_bundle, save_bundle

    save_bundle(target, *load_bundle(source))
    note(f"model: {target}")


def evaluate(given: Sequence[str]) -> int:
    """Score a model on the test part of its own fold at 128 x 128, as the paper does."""
    return guarded(lambda: _evaluate(given))


def _evaluate(given: Sequence[str]) -> int:
    if asks_for_help(given):
        return main(["evaluate", *given])
    model = Path(value_of(given, "--model") or MODELS / "multi_task_model.pth")
    defaults = {
        "--model": str(model),
        "--data": str(CURATED / "manifest.csv"),
        "--out": str(MODELS / f"{model.stem.removesuffix('_model')}_evaluation"),
        "--at-size": "128",
        **_fold_of(model),
    }
    words = with_defaults(given, defaults)
    _require_curated(words)
    return main(["evaluate", *words])


def _fold_of(model: Path) -> dict[str, str]:
    from echoduet.models.info import read_info

    fold = read_info(model).provenance.get("fold")
    return {} if fold is None else {"--fold": str(fold)}


def _require_curated(words: Sequence[str]) -> None:
    data = Path(str(value_of(words, "--data")))
    if not data.exists():
        raise ManifestError(f"{data}: no such file. Make it with python src/curate.py, or name the data with --data.")


def with_defaults(given: Sequence[str], defaults: Mapping[str, str]) -> list[str]:
    """Return the words `given`, followed by those options of `defaults` that they do not spell."""
    there = spelled(given)
    return [*given, *(word for option, value in defaults.items() if option not in there for word in (option, value))]


def spelled(words: Sequence[str]) -> set[str]:
    """Return the options among `words`, without values joined to them by `=`."""
    return {word.partition("=")[0] for word in words if word.startswith("-")}


def value_of(words: Sequence[str], option: str) -> str | None:
    """Return the value that follows `option`, after a blank or `=`; None when it is not there."""
    for place, word in enumerate(words, start=1):
        if word == option:
            return words[place] if place < len(words) else None
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return None


def asks_for_help(words: Sequence[str]) -> bool:
    """Tell whether the words only ask what the command can do."""
    return bool({"--help", "-h"} & set(words))
