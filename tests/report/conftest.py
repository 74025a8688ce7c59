"""Comparisons to report on: a corner of the disks by both models, and a volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.comparison import Comparison, compare

if TYPE_CHECKING:
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample


@pytest.fixture(scope="session")
def by_disks(small_disks: Sample, disks_model: UNet) -> Comparison:
    """Tiles of 20 and 16, by a model that was trained well; with the truth."""
    return compare(
        small_disks.image, disks_model, small_disks.labels, window=20, device="cpu"
    )


@pytest.fixture(scope="session")
def by_disks_alone(small_disks: Sample, disks_model: UNet) -> Comparison:
    """The same without the truth."""
    return compare(small_disks.image, disks_model, window=20, device="cpu")


@pytest.fixture(scope="session")
def w16_model() -> UNet:
    return load_unet("disks-w16")


@pytest.fixture(scope="session")
def by_w16(small_disks: Sample, w16_model: UNet) -> Comparison:
    """Tiles of 40 and 32, by a model that was trained with its period as window."""
    return compare(
        small_disks.image, w16_model, small_disks.labels, window=40, device="cpu"
    )


@pytest.fixture(scope="session")
def volume() -> np.ndarray[Any, Any]:
    return np.random.default_rng(3).normal(size=(11, 14, 17))


@pytest.fixture(scope="session")
def volume_model(small_model) -> UNet:
    """An untrained 3-D net of period 4, bandwidth chosen for more than one object."""
    return small_model(3, 2, 2, clustering=Clustering(bandwidth=0.05))


@pytest.fixture(scope="session")
def of_volume(volume, volume_model: UNet) -> Comparison:
    return compare(volume, volume_model, window=(5, 6, 6), device="cpu")
