"""What many tests share: small nets, the disk sample, a limit on memory."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.model.unet import UNet, new_model
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from napari_shiftseg.samples.sample import Sample


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Compute in one thread: small nets and clouds lose more to a second than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def small_model() -> Callable[..., UNet]:
    """Make small nets with Kaiming weights; each kind is made once."""

    @cache
    def make(ndim: int = 2, depth: int = 2, features: int = 4, **options: Any) -> UNet:
        return new_model(ndim=ndim, depth=depth, features=features, **options)

    return make


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def disks() -> Sample:
    return make_sample("disks")


@pytest.fixture(scope="session")
def disks_model() -> UNet:
    return load_model("disks")


@pytest.fixture
def limit_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Make nets run out of memory above a number of input values.

    Returns the inputs that came, in values, as a list that grows.
    """
    forward = UNet.forward

    def limit(most: int) -> list[int]:
        came: list[int] = []

        def limited(self: UNet, x: torch.Tensor) -> torch.Tensor:
            came.append(x.numel())
            if x.numel() > most:
                raise torch.OutOfMemoryError("out of memory, says the test")
            return forward(self, x)

        monkeypatch.setattr(UNet, "forward", limited)
        return came

    return limit
