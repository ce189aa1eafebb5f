"""TensorBoard, where the extra `[tensorboard]` is installed and `runtime.tensorboard` asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from echoduet.errors import TrainingError

Row = Mapping[str, Any]


def open_board(folder: Path, wanted: bool) -> Callable[[Row], None]:
    """Return what takes each logged row: a writer of event files in `folder`, or nothing when not wanted.

    Raises:
        TrainingError: it is wanted and TensorBoard is not installed.
    """
    if not wanted:
        return lambda row: None
    try:
        from torch.utils.tensorboard import SummaryWriter  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = (
            "runtime.tensorboard: TensorBoard is not installed. Install echoduet[tensorboard], or set it to false."
        )
        raise TrainingError(message) from error
    writer: Any = SummaryWriter(str(folder))

    def write(row: Row) -> None:
        for part in ("train", "validation"):
            for name, value in row[part].items():
                writer.add_scalar(f"{name}/{part}", value, row["epoch"])
        writer.add_scalar("learning_rate", row["learning_rate"], row["epoch"])
        writer.flush()

    return write
