"""Several networks of one architecture that answer as one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from echoduet.config.schema import ModelConfig
from echoduet.errors import ModelError
from echoduet.models.network import Network
from echoduet.models.outputs import Output
from echoduet.models.registry import build_network


class Ensemble(Network):
    """Members of one architecture whose probabilities are averaged.

    Attributes:
        members: the networks; each is trained on its own, before it joins.

    Raises:
        ModelError: there is no member.
    """

    def __init__(self, members: Sequence[Network]) -> None:
        super().__init__()
        if not members:
            raise ModelError("An ensemble needs a member. Give it at least one network.")
        self.members = nn.ModuleList(members)

    @property
    def stride(self) -> int:
        """What both sides of an image must be a multiple of."""
        return self._first.stride

    @property
    def min_side(self) -> int:
        """The smallest side of an image."""
        return self._first.min_side

    @property
    def _first(self) -> Network:
        first = self.members[0]
        assert isinstance(first, Network)
        return first

    def forward(self, image: Tensor) -> Output:
        """Map `(B, 1, H, W)` images in [0, 1] to logits of the members' mean probabilities.

        Of several scales only the finest mask is answered: the others serve training alone.
        """
        outputs: list[Output] = [member(image) for member in self.members]
        masks = [output.mask_logits[0] for output in outputs if output.mask_logits]
        classes = [output.class_logits for output in outputs if output.class_logits is not None]
        presence = [output.presence_logit for output in outputs if output.presence_logit is not None]
        return Output(
            mask_logits=(mean_sigmoid_logit(torch.stack(masks)),) if masks else (),
            class_logits=mean_softmax_logits(torch.stack(classes)) if classes else None,
            presence_logit=mean_sigmoid_logit(torch.stack(presence)) if presence else None,
        )


def mean_sigmoid_logit(logits: Tensor) -> Tensor:
    """Return the logit of the mean of the members' probabilities, `(M, ...)` to `(...)`.

    log p - log(1 - p), both means taken in the log domain: no probability of exactly 0 or 1 is ever formed, so that
    nothing needs clamping. The members' number cancels.
    """
    logits = logits.float()
    return torch.logsumexp(logsigmoid(logits), dim=0) - torch.logsumexp(logsigmoid(-logits), dim=0)


def mean_softmax_logits(logits: Tensor) -> Tensor:
    """Return the logarithm of the mean of the members' class probabilities, `(M, B, K)` to `(B, K)`."""
    return torch.logsumexp(logits.double().log_softmax(dim=2), dim=0) - math.log(len(logits))


def assemble(config: ModelConfig) -> Network:
    """Build the network that `config` describes, without ImageNet weights: one, or `members` of them as one.

    Raises:
        ModelError: the architecture is unknown.
    """
    if config.members == 1:
        return build_network(config, pretrained=False)
    alone = config.model_copy(update={"members": 1})
    return Ensemble([build_network(alone, pretrained=False) for _ in range(config.members)])
