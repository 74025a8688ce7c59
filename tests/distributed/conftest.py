"""A small image, a net for it, and runs into stores."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import zarr
from scipy import ndimage

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.distributed.crew import threads
from napari_shiftseg.distributed.order import StoreOrder
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.inference.predict import embed_steps, open_for, plan_for
from napari_shiftseg.networks.unet import UNet, new_model
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.stores.reading import Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> None:
    """Do not wait for the disk, 15 ms a file."""
    monkeypatch.setattr(os, "fsync", lambda _: None)


def blobs(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Smooth noise: blobs of all sizes, many of which lie across faces of blocks."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 1.5)
    return (smooth / smooth.std()).astype(np.float32)


def net(image: np.ndarray, ndim: int, foreground: bool) -> UNet:
    """Make an untrained net, its foreground two fifths of an image."""
    model = new_model(
        ndim=ndim, depth=1, features=4, embedding_channels=3, foreground=foreground
    )
    frame = image.reshape(-1, *image.shape[-ndim:])[0]
    if min(frame.shape) > 8:
        opened = open_for(np.nan_to_num(frame), model)
        plan = plan_for(opened, model, None, "cropped", "mirror", None, "cpu")
        raw = exhaust(embed_steps(opened, model, plan, "cpu")).raw
        if foreground:
            with torch.no_grad():
                model.head.bias[3] -= float(np.quantile(raw[3], 0.6))
        width = 0.4 * float(raw[:3].std(axis=tuple(range(1, ndim + 1))).mean())
    else:
        width = 1.0
    scope = {"scope": "component", "min_size": 4} if foreground else {}
    clustering = Clustering(bandwidth=width, **scope)
    model.config = model.config.model_copy(update={"clustering": clustering})
    return model


@dataclass
class Stored:
    """Runs into stores of one folder, and what each gives."""

    folder: Path
    model: UNet
    image: np.ndarray
    settings: dict[str, Any] = field(default_factory=dict)

    def order(self, name: str = "out.zarr", **options: Any) -> StoreOrder:
        asked = {"window": 12, "device": "cpu", **self.settings}
        axes = "TZYX"[-self.image.ndim :]
        source = Source("blobs", self.image, axes)
        usual = {"chunk": 16, "block": 24**self.image.ndim}
        return StoreOrder(
            source, self.model, Settings(**asked), self.folder / name,
            **{**usual, **options},
        )  # fmt: skip

    def run(self, name="out.zarr", workers=1, shuffled=None, resume=False, **options):
        with threads(workers) as crew:
            return exhaust(
                segment_to_store_steps(
                    self.order(name, **options), crew, resume, shuffled=shuffled
                )
            )

    def labels(self, name: str = "out.zarr", level: int = 0) -> np.ndarray:
        path = self.folder / name / str(level)
        return np.asarray(zarr.open_array(str(path), mode="r")[:])

    @property
    def in_memory(self) -> Any:
        asked = {"window": 12, "device": "cpu", **self.settings}
        return segment(self.image, self.model, **asked)


@pytest.fixture
def make_stored(tmp_path: Path) -> Callable[..., Stored]:
    """Make an image of blobs with a net for it."""

    def make(image=(49, 61), ndim=2, foreground=True, **settings):
        if isinstance(image, tuple):
            image = blobs(image)
        return Stored(tmp_path, net(image, ndim, foreground), image, settings)

    return make


@pytest.fixture
def stored(make_stored: Callable[..., Stored]) -> Stored:
    return make_stored()


@pytest.fixture
def make_blobs() -> Callable[..., np.ndarray]:
    return blobs
