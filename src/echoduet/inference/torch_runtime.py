"""A network as it was trained, run by PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from echoduet.inference.runtime import Readings
from echoduet.models.joining import members_of
from echoduet.models.network import Network


class TorchRuntime:
    """Runs a network on the CPU or a GPU."""

    name = "torch"
    background = False  # the threads that PyTorch works in wait for each other longer when another one calls it

    def __init__(self, network: Network, device: str = "cpu", channels_last: bool = True) -> None:
        """Serve `network` on `device`; `channels_last` is a quarter faster on CPUs, the same to rounding."""
        self._device = torch.device(device)
        self._network = network.to(self._device).eval()
        if channels_last:
            self._network = self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._members = members_of(self._network)
        self.members = len(self._members)

    @torch.inference_mode()
    def read(self, images: NDArray[np.uint8]) -> Readings:
        """Return what each member answers to gray images `(B, S, S)`."""
        # float32 throughout: bf16 moves contours by pixels, and here exactness is worth more than speed.
        scaled = torch.from_numpy(images[:, None]).to(self._device).float() / 255
        outputs = [member(scaled) for member in self._members]
        lesion = [output.mask_logits[0][:, 0].float().sigmoid() for output in outputs if output.mask_logits]
        classes = [output.class_logits.double().softmax(1) for output in outputs if output.class_logits is not None]
        return Readings(_stacked(lesion), _stacked(classes))


def _stacked(members: list[Tensor]) -> NDArray[Any] | None:
    if not members:
        return None
    stacked: NDArray[Any] = torch.stack(members, dim=1).cpu().numpy()
    return stacked
