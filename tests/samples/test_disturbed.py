"""Noise and elastic deformation: what changes, and what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage

from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import deformed, disks, noisy

if TYPE_CHECKING:
    from numpy.typing import NDArray

DISKS = disks((160, 160), 16)


def at_the_border(sample: Sample) -> NDArray[Any]:
    """Background, and the disks that the border of the image cuts."""
    edges = np.ones(sample.labels.shape, dtype=bool)
    edges[1:-1, 1:-1] = False
    return np.append(sample.labels[edges], 0)


def test_noise_has_the_deviation_and_leaves_the_objects() -> None:
    sample = noisy(DISKS, 0.5)
    added = sample.image - DISKS.image
    assert sample.image.dtype == np.float32
    assert added.std() == pytest.approx(0.5, rel=0.02)
    assert abs(added.mean()) < 0.02
    beside = np.corrcoef(added[:, 1:].ravel(), added[:, :-1].ravel())[0, 1]
    assert abs(beside) < 0.02
    assert np.array_equal(sample.labels, DISKS.labels)
    assert np.array_equal(noisy(DISKS, 0).image, DISKS.image)


def test_a_seed_is_an_image() -> None:
    for disturb in (noisy, deformed):
        assert np.array_equal(disturb(DISKS, 1.0).image, disturb(DISKS, 1.0).image)
        other = disturb(DISKS, 1.0, seed=1).image
        assert not np.array_equal(disturb(DISKS, 1.0).image, other)


def test_disks_move_by_the_deviation_and_stay_in_one_piece() -> None:
    sample = deformed(DISKS, 3.0)
    kept = np.setdiff1d(DISKS.labels, [*at_the_border(DISKS), *at_the_border(sample)])
    assert len(kept) > 50
    before, after = (
        np.array(ndimage.center_of_mass(ids > 0, ids, kept))
        for ids in (DISKS.labels, sample.labels)
    )
    moved = (after - before).std(axis=0)
    assert np.all((moved > 1.5) & (moved < 4.5))
    touching = np.ones((3, 3))
    assert all(ndimage.label(sample.labels == one, touching)[1] == 1 for one in kept)
    # neighbours move nearly alike, unlike disks far apart
    assert np.abs(np.diff(after - before, axis=0)).mean() < moved.mean()


def test_image_and_labels_are_deformed_alike() -> None:
    sample = deformed(DISKS, 3.0)
    assert sample.period is None
    clear = abs(sample.image - 0.5) > 0.45
    assert clear.mean() > 0.8
    assert np.array_equal((sample.image > 0.5)[clear], (sample.labels > 0)[clear])
    still = deformed(DISKS, 0)
    assert np.array_equal(still.image, DISKS.image)
    assert np.array_equal(still.labels, DISKS.labels)


def test_a_pixel_comes_from_where_the_displacement_points() -> None:
    """On a ramp the displacement can be read off: image = x + u(x)."""
    ramp = np.tile(np.arange(100, dtype=np.float32), (100, 1))
    sample = deformed(Sample(ramp, ramp.astype(np.int32)), 2.0, 10)
    inside = (slice(20, -20),) * 2
    moved = (sample.image - ramp)[inside]
    assert 1 < moved.std() < 3
    assert np.abs(np.diff(moved, axis=1)).max() < 1  # smooth: the order stays
    assert abs(sample.labels - sample.image)[inside].max() <= 0.5 + 1e-4


@pytest.mark.parametrize("disturb", [noisy, deformed])
def test_what_cannot_be_is_refused(disturb) -> None:
    with pytest.raises(ValueError, match=r"must be 0 or more, got -1"):
        disturb(DISKS, -1)


def test_a_deformation_that_tears_is_refused() -> None:
    with pytest.raises(ValueError, match=r"smoothness of 3: take a smoothness above 4"):
        deformed(DISKS, 4, 3)
