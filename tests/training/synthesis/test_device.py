import dataclasses

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from spotter.training.synthesis import Backgrounds, PageSource, PatchPool, SceneSource, SheetSource
from spotter.training.synthesis.degrade import Degradation, degrade
from spotter.training.synthesis.device import DeviceComposer, compose_batch, painting_passes, prepare
from spotter.training.synthesis.device_degrade import degrade_batch
from spotter.training.synthesis.layout import Layout
from spotter.training.synthesis.rasterise import rasterise

SIZE = 160


@pytest.fixture(scope="module")
def backgrounds() -> Backgrounds:
    return Backgrounds.load([], drawn=4, seed=2)


@pytest.fixture(scope="module")
def device(pool: PatchPool, backgrounds: Backgrounds) -> DeviceComposer:
    return DeviceComposer(pool, backgrounds, "cpu")


def _clean(layout: Layout) -> Layout:
    return dataclasses.replace(layout, degradation=Degradation())


@pytest.mark.parametrize("kind", [SceneSource, PageSource, SheetSource])
def test_it_agrees_with_the_cpu_before_degradation(
    kind: type[SceneSource], pool: PatchPool, backgrounds: Backgrounds, device: DeviceComposer
) -> None:
    source, rng = kind(pool, backgrounds, turned=0.5), np.random.default_rng(4)
    layouts = [_clean(source.layout(rng, SIZE)) for _ in range(6)]
    assert sum(len(layout.patches) for layout in layouts) > 10
    batch = device.compose(layouts).numpy().astype(int)
    for ours, layout in zip(batch, layouts, strict=True):
        theirs = rasterise(layout, pool, backgrounds).image.astype(int)
        difference = np.abs(ours - theirs)
        assert difference.mean() < 1.5
        assert np.quantile(difference, 0.99) < 16  # edges: OpenCV warps to 1/32 of a pixel


def test_a_batch_is_what_its_layouts_are_alone(
    pool: PatchPool, backgrounds: Backgrounds, device: DeviceComposer
) -> None:
    source, rng = SheetSource(pool, backgrounds), np.random.default_rng(1)
    layouts = [_clean(source.layout(rng, SIZE)) for _ in range(3)]
    together = device.compose(layouts)
    for image, layout in zip(together, layouts, strict=True):
        torch.testing.assert_close(image, device.compose([layout])[0])


def test_layouts_of_several_sizes_are_refused(
    pool: PatchPool, backgrounds: Backgrounds, device: DeviceComposer
) -> None:
    source, rng = SceneSource(pool, backgrounds), np.random.default_rng(1)
    with pytest.raises(ValueError, match="one size"):
        device.compose([source.layout(rng, 96), source.layout(rng, 128)])


def test_composing_degrades_unless_switched_off(
    pool: PatchPool, backgrounds: Backgrounds, device: DeviceComposer
) -> None:
    layout = PageSource(pool, backgrounds).layout(np.random.default_rng(1), SIZE)
    dark = dataclasses.replace(layout, degradation=Degradation(brightness=-1.0))
    assert device.compose([dark]).max() == 0
    torch.testing.assert_close(device.compose([dark], degraded=False), device.compose([_clean(layout)]))


def test_a_single_batch_needs_no_composer(pool: PatchPool, backgrounds: Backgrounds, device: DeviceComposer) -> None:
    layout = SceneSource(pool, backgrounds).layout(np.random.default_rng(2), SIZE)
    torch.testing.assert_close(compose_batch([layout], pool, backgrounds, "cpu"), device.compose([layout]))


def test_passes_by_hand() -> None:
    bounds = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [5, 5, 25, 8], [9, 0, 12, 3], [10, 10, 12, 12], [0, 0, 30, 30]])
    # The third overlaps the first two; the fourth the first only; the fifth touches but shares nothing; the last all.
    assert painting_passes(bounds).tolist() == [0, 0, 1, 1, 0, 2]


def test_stamps_of_a_pass_share_no_pixel(pool: PatchPool, backgrounds: Backgrounds) -> None:
    source, rng = SceneSource(pool, backgrounds), np.random.default_rng(8)
    stamps = prepare([source.layout(rng, SIZE) for _ in range(4)], pool)
    assert sum(stamps.passes) == len(stamps.places) == len(stamps.numbers)
    start = 0
    for count in stamps.passes:
        taken = np.zeros((4, SIZE, SIZE), int)
        for image, left, top, width, height in stamps.places[start : start + count, :5].tolist():
            taken[image, top : top + height, left : left + width] += 1
        assert taken.max() == 1
        start += count


def _picture() -> NDArray[np.uint8]:
    noise = np.random.default_rng(0).integers(0, 256, (12, 12, 3)).astype(np.float32)
    smooth = torch.nn.functional.interpolate(torch.from_numpy(noise).permute(2, 0, 1)[None], (96, 96), mode="bicubic")
    return smooth[0].permute(1, 2, 0).clamp(0, 255).numpy().astype(np.uint8)


@pytest.mark.parametrize(
    ("degradation", "mean"),
    [
        (Degradation(), 0.0),
        (Degradation(shadow=0.5, shadow_angle=0.7, shadow_offset=0.1), 1.5),
        (Degradation(resample=0.5), 1.5),
        (Degradation(blur=1.3), 1.0),
        (Degradation(motion=4.0, motion_angle=1.0), 1.0),
        (Degradation(contrast=0.6, brightness=0.1, gamma=1.4), 1.0),
        (Degradation(noise=8.0, noise_start=(100, 2000)), 1.0),
        (Degradation(noise=8.0, grey_noise=True), 1.0),
        (Degradation(jpeg=40), 2.0),
        (Degradation(jpeg=90), 1.5),
    ],
)
def test_degradations_agree_with_the_cpu(degradation: Degradation, mean: float) -> None:
    picture = _picture()
    theirs = degrade(picture, degradation).astype(float)
    images = torch.from_numpy(picture).float()[None].repeat(2, 1, 1, 1)
    ours = degrade_batch(images, [Degradation(), degradation]).numpy()
    np.testing.assert_array_equal(ours[0], picture)
    assert np.abs(ours[1] - theirs).mean() <= mean


def test_compression_rounds_as_coarsely_as_its_quality_says() -> None:
    images = torch.from_numpy(_picture()).float()[None]
    losses = [(degrade_batch(images, [Degradation(jpeg=q)]) - images).abs().mean().item() for q in (15, 40, 90)]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] > 2 * losses[2]
