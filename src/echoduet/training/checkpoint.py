"""The state a run resumes from. Tensors and plain values only: nothing is unpickled."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from echoduet.errors import TrainingError
from echoduet.files import write_bytes

State = dict[str, Any]


def save_checkpoint(path: Path, state: State) -> None:
    """Write `state` atomically: a kill or a full disk leaves the previous checkpoint in place.

    Raises:
        OutputError: the file cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(path, buffer.getvalue())


def load_checkpoint(path: Path) -> State | None:
    """Return the stored state, or None when there is none yet.

    Raises:
        TrainingError: the file is damaged or holds more than tensors and plain values.
    """
    if not path.exists():
        return None
    try:
        state: State = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, OSError) as error:
        raise TrainingError(f"{path}: the checkpoint is damaged. Remove it to start the run again.") from error
    return state
