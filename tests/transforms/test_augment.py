"""Augmentation: drawn first, then applied; image and mask move together; intensity leaves the mask alone."""

from __future__ import annotations

import pytest
import torch

from echoduet.config.schema import AugmentConfig
from echoduet.transforms.augment import apply, draw, to_input

STILL = {"flip_horizontal": 0.0, "flip_vertical": 0.0, "rotate": 0.0}
EVERYTHING = AugmentConfig(
    rotate=20,
    scale=(0.8, 1.25),
    stretch=(0.8, 1.25),
    shift=0.1,
    gamma=(0.7, 1.4),
    gain=(0.8, 1.2),
    speckle=0.3,
    speckle_probability=0.5,
    shadow_probability=0.5,
    blur_probability=0.5,
)


def batch(n: int = 6, side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    """Return random images whose lesion is the brightest part: an off-centre square of value 255."""
    images = torch.randint(20, 120, (n, 1, side, side), dtype=torch.uint8, generator=seeded(3))
    masks = torch.zeros_like(images)
    masks[..., 10:30, 12:24] = 1
    images[masks > 0] = 255
    return images, masks


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_drawn_parameters_replay_to_the_bit():
    images, masks = batch()
    drawn = draw(EVERYTHING, 6, seeded(1))
    first, second = apply(drawn, images, masks), apply(drawn, images, masks)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_draw_is_a_function_of_the_generator():
    images, masks = batch()
    same = [apply(draw(EVERYTHING, 6, seeded(5)), images, masks)[0] for _ in range(2)]
    other = apply(draw(EVERYTHING, 6, seeded(6)), images, masks)[0]
    assert torch.equal(*same)
    assert not torch.equal(same[0], other)


def test_nothing_asked_for_changes_nothing():
    images, masks = batch()
    pixels, lesion = apply(draw(AugmentConfig(**STILL), 6, seeded(0)), images, masks)
    plain, plain_lesion = to_input(images, masks)
    assert torch.allclose(pixels, plain, atol=1e-5)
    assert torch.equal(lesion, plain_lesion)


def test_flips_are_exact():
    images, masks = batch()
    config = AugmentConfig(flip_horizontal=1.0, flip_vertical=1.0, rotate=0.0)
    pixels, lesion = apply(draw(config, 6, seeded(0)), images, masks)
    assert torch.allclose(pixels, images.flip(-1, -2).float() / 255, atol=1e-5)
    assert torch.equal(lesion, masks.flip(-1, -2).float())


def test_image_and_mask_move_together():
    images, masks = batch()
    geometry = AugmentConfig(rotate=180, scale=(0.8, 1.2), stretch=(0.8, 1.2), shift=0.1)
    pixels, lesion = apply(draw(geometry, 6, seeded(2)), images, masks)
    bright = pixels > 0.75
    overlap = 2 * (bright & (lesion > 0)).sum() / (bright.sum() + lesion.sum())
    assert overlap > 0.9


def test_a_quarter_turn_is_a_quarter_turn():
    images, masks = batch(1)
    quarter = AugmentConfig(flip_horizontal=0, flip_vertical=0, rotate=0)
    drawn = draw(quarter, 1, seeded(0))
    drawn.warp.copy_(torch.tensor([[[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]]))
    lesion = apply(drawn, images, masks)[1]
    assert any(torch.equal(lesion, masks.float().rot90(turns, (-2, -1))) for turns in (1, 3))


def test_zoom_makes_the_lesion_grow_by_its_square():
    images, masks = batch()
    config = AugmentConfig(**STILL, scale=(1.3, 1.3))
    lesion = apply(draw(config, 6, seeded(0)), images, masks)[1]
    assert lesion.sum() / masks.sum() == pytest.approx(1.3**2, rel=0.1)


@pytest.mark.parametrize(
    "keys",
    [
        {"gamma": (0.5, 0.6)},
        {"gain": (0.5, 0.6)},
        {"speckle": 0.5, "speckle_probability": 1.0},
        {"shadow_probability": 1.0},
        {"blur_probability": 1.0},
    ],
)
def test_intensity_changes_the_image_and_never_the_mask(keys):
    images, masks = batch()
    pixels, lesion = apply(draw(AugmentConfig(**STILL, **keys), 6, seeded(4)), images, masks)
    assert torch.equal(lesion, masks.float())
    assert (pixels - images.float() / 255).abs().mean() > 0.01
    assert pixels.min() >= 0
    assert pixels.max() <= 1


def test_a_shadow_darkens_below_its_depth_only():
    images = torch.full((1, 1, 64, 64), 200, dtype=torch.uint8)
    drawn = draw(AugmentConfig(**STILL), 1, seeded(0))
    drawn.shadow.copy_(torch.tensor([[0.5, 0.1, 0.5, 0.6]]))
    pixels, _ = apply(drawn, images, torch.zeros_like(images))
    assert pixels[0, 0, 60, 32] < 0.5 * 200 / 255
    assert pixels[0, 0, 5, 32] == pytest.approx(200 / 255, abs=0.01)
    assert pixels[0, 0, 60, 2] == pytest.approx(200 / 255, abs=0.01)


def test_gain_and_gamma_follow_their_formula():
    images, masks = batch()
    drawn = draw(AugmentConfig(**STILL, gamma=(0.8, 0.8), gain=(0.9, 0.9)), 6, seeded(0))
    pixels, _ = apply(drawn, images, masks)
    assert torch.allclose(pixels, 0.9 * (images.float() / 255) ** 0.8, atol=1e-4)


def test_probabilities_are_kept():
    drawn = draw(AugmentConfig(blur_probability=0.3, shadow_probability=0.6), 4000, seeded(9))
    assert drawn.blur.float().mean() == pytest.approx(0.3, abs=0.03)
    assert (drawn.shadow[:, 3] > 0).float().mean() == pytest.approx(0.6, abs=0.03)
