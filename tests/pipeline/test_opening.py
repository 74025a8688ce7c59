"""An image is opened, and its scale found in all of its pixels, once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.inference import predict
from napari_shiftseg.intensity.automatic import NOTHING
from napari_shiftseg.intensity.scale import Reading
from napari_shiftseg.pipeline.comparison import compare
from napari_shiftseg.pipeline.scales import plane_scale_steps
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.sweep import sweep
from napari_shiftseg.progress import exhaust

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """Return the shapes of the images that are opened, as a list that grows."""
    shapes: list[tuple[int, ...]] = []
    open_image = predict.open_image

    def counted(image: Any, *arguments: Any) -> Any:
        shapes.append(np.shape(image))
        return open_image(image, *arguments)

    monkeypatch.setattr(predict, "open_image", counted)
    return shapes


@pytest.fixture
def model(small_model: Callable[..., UNet]) -> UNet:
    return small_model(
        2, 2, clustering=Clustering(bandwidth=1e3), intensity="percentile"
    )


@pytest.mark.parametrize(
    "run",
    [
        lambda image, model: compare(image, model, window=6),
        lambda image, model: sweep(image, model, [6, 8, 12]),
        lambda image, model: segment(image, model, window=6),
    ],
)
def test_once(run: Any, model: UNet, opened: list[Any], rng) -> None:
    run(rng.normal(size=(31, 42)), model)
    assert opened == [(31, 42)]


def test_a_series_frame_by_frame(model: UNet, opened: list[Any], rng) -> None:
    segment(rng.normal(size=(3, 21, 26)), model, window=8)
    assert opened == [(21, 26)] * 3


def test_a_plane_that_shows_nothing_says_so(model: UNet, rng) -> None:
    stack = rng.normal(100, 10, (2, 60, 60))
    stack[1, 20:40, 20:40] += 1000
    reading = Reading()
    empty = exhaust(plane_scale_steps(stack, (0,), model.config, reading))
    full = exhaust(plane_scale_steps(stack, (1,), model.config, reading))
    assert empty is not None
    assert full is not None
    assert (empty.notes, full.notes) == ((NOTHING,), ())
    assert exhaust(plane_scale_steps(stack[1], (), model.config, reading)) is None
