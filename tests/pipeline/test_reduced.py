"""What 16-bit numbers change, against both segmentations of the same part."""

from __future__ import annotations

import re

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline import reduced as module
from napari_shiftseg.pipeline.reduced import fullest
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.samples.catalogue import make_sample

pytestmark = pytest.mark.usefixtures("one_thread")
SAID = re.compile(
    r"labels of bfloat16 and of float32 have an adjusted Rand index of ([0-9.]+) on "
    r"the pixels (\d+)-(\d+), (\d+)-(\d+), with (\d+) objects? instead of (\d+)"
)


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PART", 64**2)


def test_the_block_with_most_objects():
    labels = np.zeros((10, 9), int)
    labels[0, :3] = 1
    labels[8:, 5:7] = 7
    assert fullest(labels, 4) == ((8, 10), (4, 8))
    assert fullest(labels, 20) == ((0, 10), (0, 9))
    assert fullest(np.zeros((5, 5)), 4) == ((0, 4), (0, 4))


def test_a_part_is_segmented_both_ways(small_parts):
    image, model = make_sample("nuclei").image[:150, :140], load_unet("nuclei")
    how = {"device": "cpu", "precision": "bfloat16"}
    result = segment(image, model, region=((0, 128), (0, 128)), **how)
    (note,) = [note for note in result.notes if "adjusted Rand" in note]
    score, *at, objects, of_exact = map(float, SAID.fullmatch(note).groups())
    region = tuple(zip(map(int, at[::2]), map(int, at[1::2]), strict=True))
    for (start, stop), (first, last) in zip(
        region, fullest(result.labels, 64), strict=True
    ):
        assert first - 16 < start <= first  # widened to whole periods
        assert last <= stop < last + 16
    both = [
        segment(image, model, region=region, device="cpu", precision=precision)
        for precision in ("bfloat16", "float32")
    ]
    assert (objects, of_exact) == tuple(each.objects for each in both)
    assert of_exact > 1
    of_both = adjusted_rand_score(*(each.labels.ravel() for each in both))
    assert score == pytest.approx(of_both, abs=1e-4)


def test_of_a_stack_one_is_measured(small_parts):
    stack = np.stack([make_sample("nuclei").image[:60, :70]] * 2)
    result = segment(stack, load_unet("nuclei"), device="cpu", precision="bfloat16")
    assert len([note for note in result.notes if SAID.fullmatch(note)]) == 1


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_nothing_is_said_of_full_numbers(small_parts, small_model, precision):
    image = np.random.default_rng(0).random((40, 40))
    result = segment(image, small_model(2, 2), device="cpu", precision=precision)
    assert not any("Rand" in note for note in result.notes)
