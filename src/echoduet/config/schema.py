"""Every key of an experiment, with its default. Unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
Range = tuple[float, float]


class Section(BaseModel):
    """A frozen group of keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PreprocessConfig(Section):
    """How an image becomes a network input.

    `squash` ignores the aspect ratio, as the paper does; `pad` keeps it and fills with black. `bilinear` is antialiased
    when it shrinks.
    """

    size: Annotated[int, Field(ge=32, le=1024, multiple_of=32)] = 128
    aspect: Literal["squash", "pad"] = "squash"
    interpolation: Literal["nearest", "bilinear"] = "bilinear"


Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
"""What every generator of chance takes."""


class SplitConfig(Section):
    """Which folds: the paper's image-level ones, or grouped ones that keep copies and patients together.

    `allow_leaks` trains although copies stand on both sides: for one purpose, to measure what that is worth.
    """

    protocol: Literal["paper", "clean"] = "paper"
    folds: Annotated[int, Field(ge=2, le=20)] = 4
    seed: Seed = 1993
    train_share: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.8
    allow_leaks: bool = False


class ModelConfig(Section):
    """The network. `architecture` is a name that `echoduet info` lists.

    `frozen_blocks` counts leading blocks of an EfficientNet-Lite encoder that keep their weights; with
    `train_depthwise` false its depthwise kernels keep theirs too.

    With `presence` the network also says whether there is a lesion at all, and the odds of every lesion pixel are
    multiplied by that probability. `decoder` is for networks with the light decoder: `half` ends it at the encoder's
    finest map, mostly of half the size, `full` goes on to the image's own, `dense` sees the image through dense
    convolutions of its own beside the encoder, `unet` through a whole U-Net from the image's own size down.
    `class_head` is for the same networks: `guided` pools under the predicted lesion and around it too, `pooled` the
    whole image only. Keys about masks do not matter without masks.

    `members` says how many networks answer together; each is trained alone, with 1, and `echoduet release` joins them.
    """

    architecture: str = "unetpp"
    tasks: Literal["both", "segmentation", "classification"] = "both"
    pretrained: bool = False
    frozen_blocks: Annotated[int, Field(ge=0, le=32)] = 0
    train_depthwise: bool = True
    deep_supervision: bool = True
    dropout: Share = 0.0
    presence: bool = False
    decoder: Literal["half", "full", "dense", "unet"] = "half"
    class_head: Literal["guided", "pooled"] = "guided"
    members: Annotated[int, Field(ge=1)] = 1


class LossConfig(Section):
    """The loss of both tasks: `segmentation_weight` * segmentation + (1 - `segmentation_weight`) * classification.

    `dice_bce_boundary` is `dice_bce` whose cross entropy counts pixels within `boundary_radius` pixels of the contour
    more, up to 1 + `boundary_weight` times; `focal_tversky` lets a missed pixel cost `tversky_miss_weight` and a false
    alarm the rest, and takes the keys of the Dice loss too. With `dice_on: lesions` images without a lesion count in
    the loss per pixel alone; with `masks_on: lesions` in no mask loss at all: the mask then says where, and the class
    whether. `presence_weight` is for networks with `model.presence`.

    `weighting` says whether the two weights stay as they are while a network is trained for both tasks (`fixed`), are
    learned as each task's uncertainty (`uncertainty`, Kendall et al., 2018), or follow the gradients so that
    `segmentation_weight` is the segmentation's share of what moves the encoder (`gradient`, after GradNorm, Chen et
    al., 2018). The validation loss always has the fixed weights.
    """

    segmentation_weight: Share = 0.35
    weighting: Literal["fixed", "uncertainty", "gradient"] = "fixed"
    segmentation: Literal["dice", "dice_bce", "dice_bce_boundary", "dice_focal", "focal_tversky"] = "dice"
    dice_smoothing: Positive = 1.0
    dice_per: Literal["batch", "image"] = "image"
    dice_on: Literal["all", "lesions"] = "all"
    masks_on: Literal["all", "lesions"] = "all"
    boundary_radius: Annotated[int, Field(ge=1, le=64)] = 7
    boundary_weight: Annotated[float, Field(ge=0.0)] = 5.0
    tversky_miss_weight: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.7
    tversky_power: Positive = 0.75
    presence_weight: Annotated[float, Field(ge=0.0)] = 1.0
    classification: Literal["focal", "cross_entropy"] = "focal"
    focal_gamma: Annotated[float, Field(ge=0.0)] = 2.0
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


class OptimConfig(Section):
    """Optimiser, schedule, and when to stop."""

    optimizer: Literal["adam", "adamw"] = "adam"
    learning_rate: Positive = 1e-4
    encoder_scale: Positive = 1.0
    weight_decay: Annotated[float, Field(ge=0.0)] = 0.0
    eps: Positive = 1e-4
    schedule: Literal["plateau", "one_cycle"] = "plateau"
    plateau_factor: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    plateau_patience: Annotated[int, Field(ge=1)] = 20
    min_learning_rate: Annotated[float, Field(ge=0.0)] = 1e-6
    warmup_share: Share = 0.1
    epochs: Annotated[int, Field(ge=1)] = 200
    batch_size: Annotated[int, Field(ge=1)] = 2
    early_stop: Annotated[int, Field(ge=1)] | None = 50
    select: Literal["best", "last"] = "best"
    ema_decay: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    clip_norm: Positive | None = None


class AugmentConfig(Section):
    """Augmentation: one composed warp, then intensity changes that never touch the mask.

    Angles are degrees, scales are factors, shifts are shares of the image side, probabilities are per image.
    """

    flip_horizontal: Share = 0.5
    flip_vertical: Share = 0.5
    rotate: Annotated[float, Field(ge=0.0, le=360.0)] = 360.0
    rotate_probability: Share = 1.0
    scale: Range = (1.0, 1.0)
    stretch: Range = (1.0, 1.0)
    shift: Share = 0.0
    gamma: Range = (1.0, 1.0)
    gain: Range = (1.0, 1.0)
    speckle: Share = 0.0
    speckle_probability: Share = 0.0
    shadow_probability: Share = 0.0
    blur_probability: Share = 0.0


class RuntimeConfig(Section):
    """How the work runs; nothing here is meant to change what is learnt, beyond rounding."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    channels_last: bool = True
    deterministic: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: Annotated[int, Field(ge=1)] | None = None
    tensorboard: bool = False


class InferenceConfig(Section):
    """How answers are made from logits.

    `refining` makes mask and class agree: `hard` is the paper's rule, `soft` follows the bundle's thresholds, which
    `tune` chooses on the validation part, together with the mask threshold.
    """

    mask_threshold: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.5
    flip: bool = False
    refining: Literal["hard", "soft", "none"] = "hard"
    tune: bool = False


class ExperimentConfig(Section):
    """One experiment, whole."""

    name: str = "experiment"
    description: str = ""
    seed: Seed = 1993
    oversampling: Literal["none", "deterministic"] = "deterministic"
    preprocess: PreprocessConfig = PreprocessConfig()
    split: SplitConfig = SplitConfig()
    model: ModelConfig = ModelConfig()
    loss: LossConfig = LossConfig()
    optim: OptimConfig = OptimConfig()
    augment: AugmentConfig = AugmentConfig()
    runtime: RuntimeConfig = RuntimeConfig()
    inference: InferenceConfig = InferenceConfig()

    @model_validator(mode="after")
    def _ranges_ascend(self) -> ExperimentConfig:
        for key in ("scale", "stretch", "gamma", "gain"):
            low, high = getattr(self.augment, key)
            if not 0 < low <= high:
                raise ValueError(f"augment.{key}: needs two positive numbers, the smaller first, got [{low}, {high}]")
        return self

    @model_validator(mode="after")
    def _normals_count(self) -> ExperimentConfig:
        overlap_only = self.loss.segmentation in ("dice", "focal_tversky")
        if self.loss.dice_on == "lesions" and overlap_only and not self.model.presence:
            raise ValueError(
                "loss.dice_on: lesions would leave images without a lesion out of the mask loss; choose a "
                "loss.segmentation with a loss per pixel, such as dice_bce, or set model.presence to true"
            )
        return self

    @model_validator(mode="after")
    def _both_tasks_have_a_weight(self) -> ExperimentConfig:
        if self.loss.weighting != "fixed" and not 0.0 < self.loss.segmentation_weight < 1.0:
            raise ValueError(
                f"loss.segmentation_weight: needs a number between 0 and 1, and neither of them, where loss.weighting "
                f"is {self.loss.weighting}"
            )
        return self
