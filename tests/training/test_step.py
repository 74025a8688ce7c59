"""A window predicted as tiles: the same as tile by tile, and one loss over all."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from napari_shiftseg.embeddings.losses import DiscriminativeLoss
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.unet import build, load_unet, new_model, save_model
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples.catalogue import disks
from napari_shiftseg.training.fit import Training
from napari_shiftseg.training.recipes import Recipe
from napari_shiftseg.training.step import in_tiles

pytestmark = pytest.mark.usefixtures("one_thread")

SAMPLE = disks((40, 40), period=7, radius=2)
CONFIG = ModelConfig.new(depth=1, features=4, name="small", padding="same")


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("tiles", [1, 2, 3])
def test_each_tile_is_read_by_itself(ndim: int, tiles: int) -> None:
    network = new_model(ndim=ndim, depth=1, features=2, padding="same")
    images = torch.randn(2, 1, *(4 * tiles,) * ndim)
    with torch.inference_mode():
        stitched = in_tiles(network, images, tiles)
        whole = network(images)
        assert stitched.shape == whole.shape
        for place in product(range(tiles), repeat=ndim):
            at = (..., *(slice(4 * i, 4 * i + 4) for i in place))
            torch.testing.assert_close(stitched[at], network(images[at]))
    assert torch.equal(stitched, whole) == (tiles == 1)


def test_it_is_what_is_predicted_without_a_halo() -> None:
    model = new_model(depth=2, features=4, padding="same", seed=3)
    image = np.random.default_rng(0).random((32, 32), dtype=np.float32)
    options = {"window": 16, "device": "cpu"}
    naive = embed(image, model, stitching="naive", **options)
    with torch.inference_mode():
        stitched = in_tiles(model, torch.from_numpy(image)[None, None], 2)[0].numpy()
    np.testing.assert_allclose(stitched, naive, atol=1e-5)
    cropped = embed(image, model, stitching="cropped", **options)
    assert abs(stitched - cropped).max() > 0.01 * abs(naive).max()


def test_the_loss_of_a_step_is_that_of_the_stitched_window() -> None:
    model = build(CONFIG, seed=0)
    training = Training(
        [SAMPLE], CONFIG, Recipe(window=16, steps=4, tiles=2), device="cpu"
    )
    ((image, labels),) = [next(iter(training._loader()))]
    with torch.inference_mode():
        quarters = [
            model(image[..., rows, columns])[0]
            for rows, columns in product((slice(8), slice(8, None)), repeat=2)
        ]
        upper, lower = torch.cat(quarters[:2], 2), torch.cat(quarters[2:], 2)
        loss = DiscriminativeLoss()
        expected = loss(torch.cat([upper, lower], 1), labels[0])
        whole = loss(model(image)[0], labels[0])
    first = next(iter(training.steps()))
    assert first.loss == pytest.approx(expected.item(), rel=1e-5)
    assert first.loss != pytest.approx(whole.item(), rel=1e-3)


def test_a_model_says_that_it_was_trained_in_tiles(tmp_path) -> None:
    for tiles, said in ((2, {"tiles": 2}), (1, {})):
        recipe = Recipe(window=16, steps=2, tiles=tiles)
        training = Training([SAMPLE], CONFIG, recipe, device="cpu")
        assert len(list(training.steps())) == 2
        saved = load_unet(
            save_model(training.model(), tmp_path / f"{tiles}.safetensors")
        )
        provenance = saved.config.provenance
        assert provenance is not None
        about = provenance.optimizer
        assert {k: v for k, v in about.items() if k == "tiles"} == said


def test_a_valid_network_has_no_such_tiles() -> None:
    valid = CONFIG.model_copy(update={"padding": "valid"})
    with pytest.raises(ValueError, match=r"only same-padded networks.*'valid'"):
        Training([SAMPLE], valid, Recipe(window=16, steps=2, tiles=2), device="cpu")


def test_a_window_must_hold_legal_tiles() -> None:
    with pytest.raises(ValueError, match=r"multiple of 4 × 4, got 18 × 18"):
        Training([SAMPLE], CONFIG, Recipe(window=18, steps=2, tiles=2), device="cpu")
    for name in ("tiles", "grid"):
        with pytest.raises(ValueError, match=rf"{name} of 1 or more, got 0"):
            Recipe(window=18, steps=2, **{name: 0})
