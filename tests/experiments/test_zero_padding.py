"""Figure Z: seams of zero padding, and what training with neighbours does to them."""

from __future__ import annotations

import pytest

from napari_shiftseg.experiments.tiled_disks import FIGURE_Z, PADDED_SIDE, SPACING, TILE
from napari_shiftseg.networks.unet import build
from napari_shiftseg.samples.catalogue import disks

pytestmark = pytest.mark.usefixtures("one_thread")

ALONE, TOGETHER = FIGURE_Z.networks


def measured(networks) -> dict:
    return FIGURE_Z.measure(networks).numbers


@pytest.fixture(scope="module")
def numbers(outcome_of):
    return outcome_of(FIGURE_Z.name).numbers


def test_only_the_neighbourhood_of_the_tiles_differs() -> None:
    alone, together = ALONE.recipe, TOGETHER.recipe
    assert (alone.window, together.window // together.tiles) == (TILE, TILE)
    assert (alone.batch, together.batch) == (together.tiles**2, 1)
    for same in ("steps", "learning_rate", "loss", "seed", "grid", "clip", "warm_up"):
        assert getattr(alone, same) == getattr(together, same)
    about = {"name", "description"}
    assert ALONE.config.model_dump(exclude=about) == TOGETHER.config.model_dump(
        exclude=about
    )
    assert TILE % ALONE.config.shape.period[0] == 0


def test_the_measured_tiles_meet_the_lattice_wherever_tiles_do() -> None:
    met = {start % SPACING for start in range(0, PADDED_SIDE, TILE)}
    assert met == {start % SPACING for start in range(0, SPACING * TILE, TILE)}
    cut = disks((PADDED_SIDE, PADDED_SIDE), SPACING).labels[2 * TILE - 1 : 2 * TILE + 1]
    assert ((cut[0] == cut[1]) & (cut[0] > 0)).any()


def test_neighbouring_tiles_in_one_batch_mend_the_seams(numbers) -> None:
    assert numbers["seam_ratio_before"] > 1.2 > numbers["seam_ratio_after"]
    before, after = (numbers[f"seam_ratio_within_{w}"] for w in ("before", "after"))
    assert before > 5 * after
    assert numbers["false_splits_before"] > 10 * numbers["false_splits_after"]
    assert numbers["disks_of_one_mode_after"] > numbers["disks_of_one_mode_before"]
    alone, together = numbers["table"]
    assert alone["seam_ratio_of_image"] == together["seam_ratio_of_image"]


def test_exchanged_networks_fail() -> None:
    found = measured({"z-alone": TOGETHER.load(), "z-together": ALONE.load()})
    assert found["seam_ratio_after"] > 1.2 > found["seam_ratio_before"]


@pytest.mark.parametrize("seed", range(2))
def test_an_untrained_network_fails(seed: int) -> None:
    found = measured({n.name: build(n.config, seed) for n in FIGURE_Z.networks})
    assert found["seam_ratio_within_after"] == found["seam_ratio_within_before"]
    assert found["false_splits_after"] == found["false_splits_before"]
    assert found["disks_of_one_mode_after"] == 0
