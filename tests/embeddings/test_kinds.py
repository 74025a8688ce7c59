"""Outputs of a network become an embedding of a kind; tiles of it stay exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.embeddings.kinds import UNIT, embedded
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.unet_config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from napari_shiftseg.embeddings.kinds import Kind
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")
EXACT = 1e-10


def test_a_discriminative_one_is_the_outputs(rng: Generator) -> None:
    outputs = rng.normal(size=(3, 4, 5))
    assert embedded(outputs, "discriminative", (7, 9)) is outputs


def test_a_spherical_one_has_length_1_or_0(rng: Generator) -> None:
    outputs = rng.normal(size=(3, 4, 5))
    outputs[:, 2, 1] = 0
    lengths = np.sqrt((embedded(outputs, "spherical", (7, 9)) ** 2).sum(0))
    expected = np.ones((4, 5))
    expected[2, 1] = 0
    np.testing.assert_allclose(lengths, expected, rtol=1e-12)


@pytest.mark.parametrize("corner", [(11,), (7, 9), (2, 3, 5)])
def test_a_spatial_one_is_a_place_in_the_image(rng: Generator, corner) -> None:
    size = (4, 5, 6)[: len(corner)]
    outputs = rng.normal(size=(len(corner) + 1, *size))
    found = embedded(outputs, "spatial", corner)
    for at in np.ndindex(size):
        place = [
            c + i + UNIT * o
            for c, i, o in zip(corner, at, outputs[:, *at], strict=False)
        ]
        np.testing.assert_allclose(found[:-1, *at], place, rtol=1e-12)
        np.testing.assert_allclose(
            np.exp(found[-1, *at]), UNIT * np.exp(outputs[-1, *at])
        )


@pytest.mark.parametrize("kind", ["spherical", "spatial"])
@pytest.mark.parametrize("ndim", [1, 2])
def test_tiles_are_exact(
    small_model: Callable[..., UNet], rng: Generator, kind: Kind, ndim: int
) -> None:
    model = small_model(ndim, 2, 4, embedding_channels=ndim + 1, embedding=kind)
    image = rng.normal(size=(45, 37)[:ndim])
    whole = embed(image, model, stitching="whole", precision="float64")
    for window in (4, 11, 16):
        tiled = embed(image, model, window, precision="float64")
        assert np.abs(tiled - whole).max() < EXACT
    misaligned = embed(image, model, 7, "naive", precision="float64")
    assert np.abs(misaligned - whole).max() > 1e-3


@pytest.mark.parametrize("kind", ["spherical", "spatial"])
def test_a_region_knows_its_place(
    small_model: Callable[..., UNet], rng: Generator, kind: Kind
) -> None:
    model = small_model(2, 2, 4, embedding_channels=3, embedding=kind)
    image = rng.normal(size=(64, 48))
    whole = embed(image, model, 8, precision="float64")
    part = embed(image, model, 8, region=((24, 40), (8, 32)), precision="float64")
    np.testing.assert_allclose(part, whole[:, 24:40, 8:32], atol=EXACT)


def test_a_spatial_one_has_a_channel_an_axis_and_one() -> None:
    with pytest.raises(ValueError, match="spatial embedding in 2 axes has 3 channels"):
        ModelConfig.new(embedding="spatial", embedding_channels=4)
    with pytest.raises(ValueError, match="background has no middle"):
        ModelConfig.new(
            embedding="spatial",
            embedding_channels=3,
            clustering={
                "background_embedding": (0.0, 0.0, 0.0),
                "kernel": "learnt-spread",
            },
        )
    with pytest.raises(ValueError, match="embedding"):
        ModelConfig.new(embedding="cubic")


def test_a_spatial_one_and_its_kernel_go_together() -> None:
    config = ModelConfig.new(embedding="spatial", embedding_channels=3)
    assert config.clustering.kernel == "learnt-spread"
    for embedding, kernel in (("spatial", "gaussian"), ("spherical", "learnt-spread")):
        with pytest.raises(ValueError, match=f"is {embedding} and the kernel {kernel}"):
            ModelConfig.new(
                embedding=embedding, embedding_channels=3, clustering={"kernel": kernel}
            )
