"""Heads: masks from decoder maps, classes from encoder and decoder maps."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from echoduet.models.blocks import NNUNET_STYLE, UNETPP_STYLE, DoubleBlock, DownBlock, Enlarge, PlainBlock, enlarge
from echoduet.models.decoders import deepest_node, nested_node
from echoduet.models.outputs import Decoded
from echoduet.records import CLASSES


class MaskHead(nn.Module):
    """A 1x1 convolution per decoder map; maps coarser than the image are upsampled first or after.

    Args:
        widths: channels of each decoder map, finest first.
        strides: by how much each is smaller than the image.
        learned: upsample the features with a transposed convolution before the 1x1 convolution, as the paper's
            nnU-Net does; otherwise the logits are upsampled bilinearly after it, which is much cheaper.
    """

    def __init__(self, widths: Sequence[int], strides: Sequence[int], learned: bool = False) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.learned = learned
        self.outputs = nn.ModuleList(
            EnlargedOutput(width, stride) if learned and stride > 1 else nn.Conv2d(width, 1, 1)
            for width, stride in zip(widths, strides, strict=True)
        )

    def forward(self, maps: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Map decoder maps to lesion logits, each `(B, 1, H, W)`."""
        logits = [output(features) for output, features in zip(self.outputs, maps, strict=True)]
        if self.learned:
            return tuple(logits)
        return tuple(_enlarged(logit, stride) for logit, stride in zip(logits, self.strides, strict=True))


class EnlargedOutput(nn.Module):
    """Transposed convolution to full size that keeps the width, then a 1x1 convolution to one lesion logit.

    The two are linear: their weights are multiplied first, so that no full-size map of `width` channels is ever made.
    """

    def __init__(self, width: int, factor: int) -> None:
        super().__init__()
        self.up = Enlarge(width, width, factor)
        self.conv = nn.Conv2d(width, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Map `(B, width, H, W)` to logits `(B, 1, H factor, W factor)`."""
        assert self.up.bias is not None
        assert self.conv.bias is not None
        outward = self.conv.weight[:, :, 0, 0]  # (1, width)
        weight = torch.einsum("iokl,po->ipkl", self.up.weight, outward)
        return enlarge(features, weight, outward @ self.up.bias + self.conv.bias, self.up.factor)


def _enlarged(logits: Tensor, stride: int) -> Tensor:
    if stride == 1:
        return logits
    return F.interpolate(logits.float(), scale_factor=float(stride), mode="bilinear", align_corners=False)


class PresenceHead(nn.Module):
    """Say whether the image shows a lesion at all, from mean and maximum of the encoder's deepest map; one layer.

    It starts at a probability near 0.9, so that a network that has learnt nothing yet finds its masks hardly held back.

    Args:
        width: channels of the deepest map.
        dropout: rate before the layer.
    """

    def __init__(self, width: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(2 * width, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.constant_(self.linear.bias, 2.0)

    def forward(self, deepest: Tensor) -> Tensor:
        """Map `(B, width, h, w)` to logits `(B,)`, in float32."""
        pooled = torch.cat([deepest.float().mean(dim=(2, 3)), deepest.float().amax(dim=(2, 3))], dim=1)
        logit: Tensor = self.linear(self.dropout(pooled))
        return logit[:, 0].float()


def gated(mask_logits: tuple[Tensor, ...], presence_logit: Tensor) -> tuple[Tensor, ...]:
    """Return mask logits plus log σ(presence): the odds of a lesion pixel, times the probability of any lesion.

    A pixel that is certain stays: the gate settles the doubtful ones.

    Args:
        mask_logits: each `(B, 1, H, W)`.
        presence_logit: `(B,)`.
    """
    gate = F.logsigmoid(presence_logit.float())[:, None, None, None]
    return tuple(logits.float() + gate for logits in mask_logits)


class ClassHead(nn.Module):
    """Base of class heads.

    Each maps encoder features, what a decoder made of them (or None), and lesion logits (or none) to class logits
    `(B, 3)`: `forward(features, decoded, mask_logits)`.
    """


def _paper_classifier(dropout: float) -> nn.Sequential:
    # 512 -> 256 -> 3 after global average pooling; the paper has no dropout, rate 0 is its network.
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, 256),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(256, len(CLASSES)),
    )


class NestedClassHead(ClassHead):
    """The paper's classifier on UNet++: bottleneck, level-3 encoder map and level-3 decoder map, joined.

    The two level-3 maps are brought down one level by one shared block. Without a decoder the head makes the one
    decoder node it reads, X(3, 1), itself: the paper's single-task classifier.

    Args:
        widths: channels of the encoder's maps, finest first.
        with_decoder: whether a decoder runs before this head.
        dropout: rate before the last layer.
    """

    def __init__(self, widths: Sequence[int], with_decoder: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.node = None if with_decoder else nested_node(widths, len(widths) - 2, 1)
        self.down = DownBlock(widths[-2], widths[-1], UNETPP_STYLE)
        self.convs = DoubleBlock(3 * widths[-1], 512, UNETPP_STYLE)
        self.classifier = _paper_classifier(dropout)

    def forward(self, features: tuple[Tensor, ...], decoded: Decoded | None, mask_logits: tuple[Tensor, ...]) -> Tensor:
        """Map the two deepest encoder maps, and X(3, 1) of the decoder, to class logits `(B, 3)`."""
        level, bottleneck = features[-2:]
        node = self.node(bottleneck, level) if self.node is not None else _deep(decoded)[0]
        joined = torch.cat([self.down(level), bottleneck, self.down(node)], dim=1)
        logits: Tensor = self.classifier(self.convs(joined))
        return logits


class NNUNetClassHead(ClassHead):
    """The paper's classifier on nnU-Net: level-5 encoder and decoder maps and the upsampled bottleneck, joined.

    Without a decoder the head makes the one decoder block it reads itself: the paper's single-task classifier.

    Args:
        widths: channels of the encoder's maps, finest first.
        with_decoder: whether a decoder runs before this head.
        dropout: rate before the last layer.
    """

    def __init__(self, widths: Sequence[int], with_decoder: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.node = None if with_decoder else deepest_node(widths)
        self.from_encoder = PlainBlock(widths[-2], widths[-1], NNUNET_STYLE)
        self.from_decoder = PlainBlock(widths[-3], widths[-1], NNUNET_STYLE)
        self.conv = PlainBlock(3 * widths[-1], 512, NNUNET_STYLE)
        self.classifier = _paper_classifier(dropout)

    def forward(self, features: tuple[Tensor, ...], decoded: Decoded | None, mask_logits: tuple[Tensor, ...]) -> Tensor:
        """Map the two deepest encoder maps, and the deepest two of the decoder, to class logits `(B, 3)`."""
        level, bottleneck = features[-2:]
        upsampled, node = self._deep_maps(level, bottleneck) if self.node is not None else _deep(decoded)
        joined = torch.cat([self.from_encoder(level), upsampled, self.from_decoder(node)], dim=1)
        logits: Tensor = self.classifier(self.conv(joined))
        return logits

    def _deep_maps(self, level: Tensor, bottleneck: Tensor) -> tuple[Tensor, ...]:
        assert self.node is not None
        upsampled = self.node.up(bottleneck)
        return upsampled, self.node.merge(upsampled, level)


def _deep(decoded: Decoded | None) -> tuple[Tensor, ...]:
    assert decoded is not None, "a class head made for a decoder got none"
    return decoded.deep


class MaskGuidedClassHead(ClassHead):
    """Pool deep features over the whole image, over the predicted lesion and over the ring around it, then one layer.

    What tells benign from malignant is the lesion and its margin, and what tells normal is that no lesion was found:
    so the largest and the mean lesion probability are features too. Without a decoder, or where masks shall not matter,
    only the whole image is pooled: the deepest map of the encoder.

    Args:
        widths: channels of the encoder's maps, finest first.
        strides: their strides.
        with_decoder: whether masks are predicted before this head, and guide it.
        dropout: rate before the last layer.
        detach: let no gradient of the class loss flow into the mask.
        guided: stride of the map that is pooled over lesion and ring.
    """

    def __init__(
        self,
        widths: Sequence[int],
        strides: Sequence[int],
        with_decoder: bool,
        *,
        dropout: float = 0.0,
        detach: bool = True,
        guided: int = 16,
    ) -> None:
        super().__init__()
        self.with_decoder = with_decoder
        self.detach = detach
        self.level = tuple(strides).index(guided)
        self.stride = guided
        lesion = 2 * widths[self.level]
        # Pooled features of an untrained level differ in scale from the top's; the norm puts them on one footing.
        self.norm = nn.LayerNorm(lesion) if with_decoder else None
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(widths[-1] + (lesion + 2) * with_decoder, len(CLASSES))

    def forward(self, features: tuple[Tensor, ...], decoded: Decoded | None, mask_logits: tuple[Tensor, ...]) -> Tensor:
        """Map the encoder's deepest map, and lesion logits where there are any, to class logits `(B, 3)`."""
        pooled = features[-1].float().mean(dim=(2, 3))
        if self.norm is not None:
            pooled = torch.cat([pooled, *self._guided(features[self.level], mask_logits[0])], dim=1)
        logits: Tensor = self.linear(self.dropout(pooled))
        return logits

    def _guided(self, features: Tensor, mask_logits: Tensor) -> tuple[Tensor, Tensor]:
        assert self.norm is not None
        probability = mask_logits.float().sigmoid()
        if self.detach:
            probability = probability.detach()
        lesion = F.avg_pool2d(probability, self.stride)
        # One cell around the lesion: the margin and the nearest tissue.
        ring = F.max_pool2d(lesion, 3, stride=1, padding=1) - lesion
        pooled = torch.cat([weighted_mean(features, lesion), weighted_mean(features, ring)], dim=1)
        found = torch.cat([probability.amax(dim=(2, 3)), probability.mean(dim=(2, 3)).sqrt()], dim=1)
        return self.norm(pooled), found


def weighted_mean(features: Tensor, weights: Tensor, floor: float = 1e-3) -> Tensor:
    """Return the mean of `features` `(B, C, h, w)` weighted by `weights` `(B, 1, h, w)`: `(B, C)`, in float32.

    `floor` is added to the weights' sum: where nothing is found the mean fades to 0 instead of amplifying noise.
    """
    features = features.float()
    total = weights.sum(dim=(2, 3)) + floor
    return (features * weights).sum(dim=(2, 3)) / total
