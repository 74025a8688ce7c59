"""Figure S3: disks that noise or deformation tells apart, and tiles that break them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.experiments.lattice import BROKEN, FIGURE_S3, KINDS, SOUND
from napari_shiftseg.networks.unet import build
from napari_shiftseg.samples.catalogue import disturbed_disks

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_measured_is_not_what_was_learnt(kind: str) -> None:
    (network,) = (n for n in FIGURE_S3.networks if n.name == f"s3-{kind}")
    learnt, measured = network.sample(), disturbed_disks(kind, 304, 1)
    corner = tuple(slice(n) for n in measured.image.shape)
    assert not np.allclose(learnt.image[corner], measured.image, atol=0.5)
    assert len(np.unique(learnt.labels)) > len(np.unique(measured.labels)) > 300


@pytest.mark.parametrize("kind", KINDS)
def test_a_window_shows_neighbours_and_the_windows_are_right(kind: str) -> None:
    (network,) = (n for n in FIGURE_S3.networks if n.name == f"s3-{kind}")
    (period,) = set(network.config.shape.period)
    assert network.recipe.window > 2 * 16
    assert 16 % period == SOUND % period == 0 != BROKEN % period


@pytest.fixture(scope="module")
def numbers(outcome_of):
    return outcome_of(FIGURE_S3.name).numbers


@pytest.mark.parametrize("kind", KINDS)
def test_a_disturbance_tells_disks_apart(numbers, kind: str) -> None:
    assert numbers[f"{kind}_clean_distinct_objects"] == 1
    assert numbers[f"{kind}_distinct_objects"] > 20


@pytest.mark.parametrize("kind", KINDS)
def test_disks_break_at_the_borders_of_tiles_of_52_and_not_of_48(
    numbers, kind: str
) -> None:
    broken, sound = (
        numbers[f"{kind}_seam_ratio_within_{w}"]
        / numbers[f"{kind}_seam_ratio_within_untiled_{w}"]
        for w in (BROKEN, SOUND)
    )
    assert sound == pytest.approx(1, rel=1e-4)
    assert broken > 5
    for score in ("false_splits", "split_by_seams"):
        broken, sound = (numbers[f"{kind}_{score}_{w}"] for w in (BROKEN, SOUND))
        assert broken > 2 * sound
        assert broken > sound + 15


def test_an_untrained_network_fails() -> None:
    networks = {n.name: build(n.config, seed=1) for n in FIGURE_S3.networks}
    numbers = FIGURE_S3.measure(networks).numbers
    for kind in KINDS:
        assert numbers[f"{kind}_clean_distinct_objects"] == 0
        assert numbers[f"{kind}_distinct_objects"] == 0
