"""Our one network class: an encoder, and any of a decoder with a mask head, and a class head."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from echoduet.errors import ModelError
from echoduet.models.decoders import Decoder
from echoduet.models.encoders import Encoder
from echoduet.models.heads import ClassHead, MaskHead, PresenceHead, gated
from echoduet.models.network import Network
from echoduet.models.outputs import Decoded, Output


class MultiTaskNet(Network):
    """Encoder, and any of: a decoder with a mask head, a class head.

    Without the class head it is a segmenter, without the decoder a classifier: one class for all arms of an ablation.
    A presence head says whether there is a lesion at all, and gates the masks.

    Attributes:
        encoder: feature extractor; a trainer may give its parameters a smaller learning rate.

    Raises:
        ModelError: there is nothing to answer with, or a decoder without a mask head or the reverse, or a presence head
            without masks to gate.
    """

    def __init__(
        self,
        encoder: Encoder,
        decoder: Decoder | None = None,
        mask_head: MaskHead | None = None,
        class_head: ClassHead | None = None,
        presence_head: PresenceHead | None = None,
    ) -> None:
        super().__init__()
        if (decoder is None) != (mask_head is None):
            raise ModelError("A decoder and a mask head come together. Give both or neither.")
        if decoder is None and class_head is None:
            raise ModelError("A network needs a mask head or a class head. Give it at least one.")
        if decoder is None and presence_head is not None:
            raise ModelError("A presence head gates masks. Give a decoder and a mask head too, or no presence head.")
        self.encoder = encoder
        self.decoder = decoder
        self.mask_head = mask_head
        self.class_head = class_head
        self.presence_head = presence_head

    @property
    def stride(self) -> int:
        """What both sides of an image must be a multiple of."""
        return max(self.encoder.strides)

    @property
    def min_side(self) -> int:
        """The smallest side of an image."""
        return max(self.encoder.min_side, self.decoder.min_side if self.decoder is not None else 1)

    def forward(self, image: Tensor) -> Output:
        """Map `(B, 1, H, W)` images in [0, 1] to mask logits per scale and class logits `(B, 3)`.

        Raises:
            ShapeError: not one channel, or a side that does not fit the network's strides.
        """
        self.require_fitting(image)
        features = self.encoder(image)
        decoded = self._decode(image, features)
        mask_logits = self.mask_head(decoded.maps) if self.mask_head is not None and decoded is not None else ()
        presence = self.presence_head(features[-1]) if self.presence_head is not None else None
        if presence is not None:
            mask_logits = gated(mask_logits, presence)
        class_logits = self.class_head(features, decoded, mask_logits) if self.class_head is not None else None
        shared = features[self.decoder.reach] if self.decoder is not None else None
        return Output(mask_logits, class_logits, presence, shared)

    def _decode(self, image: Tensor, features: tuple[Tensor, ...]) -> Decoded | None:
        if self.decoder is None:
            return None
        decoded: Decoded = self.decoder((image, *features) if self.decoder.reads_image else features)
        return decoded

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Return two groups for an optimiser: `encoder`, then everything else as `heads`.

        Each is `{"name": str, "params": list of parameters}`; set `lr` on them to train the encoder more gently.
        """
        own = {id(parameter) for parameter in self.encoder.parameters()}
        rest = [parameter for parameter in self.parameters() if id(parameter) not in own]
        return [
            {"name": "encoder", "params": list(self.encoder.parameters())},
            {"name": "heads", "params": rest},
        ]
