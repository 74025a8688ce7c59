"""What is said of a model, and that it is true of these nets."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.properties import what_exact_means, what_follows
from napari_shiftseg.networks.unet_config import ModelConfig


def provenance(*window: int) -> Provenance:
    return Provenance(
        command="c", window=window, seed=0, steps=1, loss={}, optimizer={}, data="d",
        date="", versions={},
    )  # fmt: skip


def texts(kind: str = "note", **options: object) -> str:
    config = ModelConfig.new(**options)
    return "\n".join(r.text for r in what_follows(config) if r.kind == kind)


def test_the_papers_net():
    said = texts(depth=4, provenance=provenance(20, 20))
    assert "output window of 20, above the period 16" in said
    assert "tiles must keep a multiple of 16" in said
    assert "at most 256 same-looking objects" in said
    assert "none that lie a multiple of 16 apart" in said
    assert "convolutions are valid" in said
    assert texts("warning", depth=4, provenance=provenance(20, 20)) == ""


def test_a_window_that_is_not_above_the_period_is_the_only_warning_and_comes_first():
    config = ModelConfig.new(depth=4, provenance=provenance(16, 16), padding="same")
    first, *others = what_follows(config)
    assert first.kind == "warning"
    assert first.text.startswith("A training window of 16 is not above")
    assert {remark.kind for remark in others} == {"note"}


def test_exact_tiles_keep_the_seams_of_training():
    trained = {
        window: ModelConfig.new(depth=4, provenance=provenance(window, window))
        for window in (16, 17)
    }
    said = what_exact_means(trained[16])
    assert "equal to one pass over the whole image" in said
    assert "at every multiple of 16" in said
    assert what_exact_means(trained[17]) == ""
    assert what_exact_means(ModelConfig.new(depth=4)) == ""


def test_terms_are_explained_where_they_stand():
    said = texts(depth=4, provenance=provenance(20, 20))
    assert "phases (positions within one period) met in the loss" in said
    assert "one a phase (position within one period)" in said


def test_a_training_that_is_not_known():
    assert "How it was trained is not known" in texts(depth=2)
    assert "not known" not in texts(depth=2, provenance=provenance(20, 20))


def test_same_padding_names_the_halo():
    config = ModelConfig.new(depth=(1, 2), padding="same")
    halos = " × ".join(str(axis.halo) for axis in config.shape.axes)
    said = texts(depth=(1, 2), padding="same")
    assert f"a halo of {halos} pixels" in said
    assert "inconsistent at their borders, whatever the stride" in said
    assert "near the image border" in said
    assert "convolutions are valid" not in said


def test_period_1():
    said = texts(pooling_factor=1, provenance=provenance(1, 1))
    assert "any window is valid" in said
    assert "cannot tell same-looking objects apart" in said
    assert "multiple of 1" not in said
    assert texts("warning", pooling_factor=1, provenance=provenance(1, 1)) == ""


def test_batch_norm():
    assert "Batch norm" in texts(normalization="batch")
    assert "Batch norm" not in texts(normalization="none")


@pytest.mark.parametrize(
    ("upsampling", "values", "said"),
    [
        ("learnt", 16, "weights of its own a phase"),
        ("nearest", 1, "phases share all weights"),
    ],
)
def test_upsampling_on_an_image_without_content(small_model, upsampling, values, said):
    """p^d = 16 values at most, and at nearest upsampling one: nothing tells phases."""
    model = small_model(2, 2, upsampling=upsampling)
    with torch.inference_mode():
        raw = model.double()(torch.ones(1, 1, 60, 60, dtype=torch.float64))[0].numpy()
    model.float()
    pixels = raw.reshape(len(raw), -1).T.round(9)
    assert len(np.unique(pixels, axis=0)) == values
    assert said in texts(depth=2, upsampling=upsampling)
