"""How much a validation looks at: a fifth of the training around it, at most."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples import Sample
from napari_shiftseg.training import validation as validated_part
from napari_shiftseg.training.validation import ValidatedPart, part_for, work_of_a_step

SHAPE = ModelConfig.new(depth=2, features=4, embedding_channels=4).shape
STEP = work_of_a_step(SHAPE, (36, 36), 2)


def image(*size: int, at: int | None = None) -> Sample:
    """An image of one object in the middle, or of 4 × 4 pixels at a place."""
    labels = np.zeros(size, np.uint8)
    begin = size[-1] // 2 if at is None else at
    labels[..., begin : begin + 4, begin : begin + 4] = 1
    return Sample(np.zeros(size, np.uint8), labels)


def work_of(part: ValidatedPart) -> int:
    """Return the multiplications that its predictions take."""
    total = 0
    for sample, region in zip(part.samples, part.regions, strict=True):
        plan = plan_tiles(sample.labels.shape, SHAPE, region=region)
        total += len(plan) * SHAPE.multiply_adds(plan.reads)
    return total


@pytest.fixture(autouse=True)
def _no_least(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validated_part, "LEAST", 0)


def test_a_step_is_three_passes_a_window_and_a_constant() -> None:
    reads = (76, 76)  # 36 + 40
    assert 3 * 2 * SHAPE.multiply_adds(reads) + validated_part.STEP == STEP


def test_what_fits_is_validated_whole() -> None:
    samples = [image(60, 50), image(40, 44)]
    part = part_for(samples, SHAPE, 1000, STEP)
    assert part.samples == tuple(samples)
    assert part.regions == (None, None)
    assert part.note == ""
    assert part.distances == pytest.approx(0.4 * 0.2 * 1000 * STEP / (20 * 4))


@pytest.mark.parametrize("steps", [2, 5, 20, 100, 400])
def test_never_more_than_its_share(steps: int) -> None:
    samples = [image(400, 500) for _ in range(9)]
    part = part_for(samples, SHAPE, steps, STEP)
    assert 0 < work_of(part) <= 0.6 * 0.2 * steps * STEP
    assert work_of(part) > 0.25 * 0.2 * steps * STEP or len(part.samples) == 9
    assert part.samples[0] is samples[0]
    assert part == part_for(samples, SHAPE, steps, STEP)


def test_of_many_images_some_evenly_spaced() -> None:
    samples = [image(100, 100) for _ in range(64)]
    most = part_for(samples, SHAPE, 10_000, STEP)
    assert most.samples == tuple(samples)
    few = part_for(samples, SHAPE, 20, STEP)
    chosen = [next(i for i, s in enumerate(samples) if s is c) for c in few.samples]
    assert 4 <= len(chosen) < 40
    assert chosen[0] == 0
    assert max(np.diff([*chosen, 64])) <= 2 * min(np.diff(chosen))
    assert f"validated on {len(chosen)} of 64 images," in few.note


def test_of_a_large_image_a_region_about_its_objects() -> None:
    part = part_for([image(600, 700, at=500)], SHAPE, 5, STEP)
    ((rows, columns),) = part.regions
    for start, stop in (rows, columns):
        assert 0 < start <= 500 < 504 <= stop
    assert stop - start < 700
    assert "1 of 1 image, large ones cut to " in part.note
    assert f"{rows[1] - rows[0]} × {columns[1] - columns[0]} px" in part.note


def test_in_however_few_steps_one_period_is_validated() -> None:
    (region,) = part_for([image(600, 700)], SHAPE, 1, 1).regions
    assert [stop - start for start, stop in region] == [4, 4]


def test_an_image_without_objects_is_cut_in_its_middle() -> None:
    empty = Sample(np.zeros((300, 300)), np.zeros((300, 300), int))
    (((start, stop), _),) = part_for([empty], SHAPE, 2, STEP).regions
    assert abs(start + stop - 300) <= 1
