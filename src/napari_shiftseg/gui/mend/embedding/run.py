"""What the embedding plot computes off the GUI thread; heavy imports happen there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Kernel
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.pipeline.result import Prediction
    from napari_shiftseg.relabelling.projection import PrincipalComponents, Projection


@dataclass(frozen=True)
class PlotSubject:
    """What is plotted.

    Attributes
    ----------
    layer : Labels
        Of the objects.
    prediction : Prediction
        Of the image, or of one frame of a series.
    modes : ndarray
        (modes, channels)
    bandwidth : float
    kernel : {"gaussian", "flat", "von-mises-fisher"}
    frame : tuple of int
        Position on the leading axes of the layer; none: it has no such axes.
    """

    layer: Labels
    prediction: Prediction
    modes: NDArray[Any]
    bandwidth: float
    kernel: Kernel
    frame: tuple[int, ...] = ()

    @property
    def spatial(self) -> tuple[int, ...]:
        """Shape of the embedding, without channels."""
        return tuple(self.prediction.embedding.shape[1:])

    @property
    def fits(self) -> bool:
        """Whether the layer still has the shape it had."""
        leading = len(self.frame)
        shape = tuple(self.layer.data.shape)
        inside = all(at < n for at, n in zip(self.frame, shape, strict=False))
        return shape[leading:] == self.spatial and inside

    def labels(self) -> NDArray[Any]:
        r"""Return the objects as they are now, (\*spatial)."""
        return np.asarray(self.layer.data[self.frame])

    def labels_at(self, pixels: NDArray[np.int64]) -> NDArray[Any]:
        """Return the objects of some pixels: (points, axes) → (points,)."""
        found: NDArray[Any] = self.labels()[tuple(pixels.T)]
        return found

    def is_seen_like(self, other: PlotSubject | None) -> bool:
        """Whether two have the same points: only labels, modes or bandwidth differ."""
        sphere = "von-mises-fisher"
        return (
            other is not None
            and self.prediction is other.prediction
            and (self.kernel == sphere) == (other.kernel == sphere)
        )


@dataclass(frozen=True)
class LassoPixels:
    r"""Pixels within a lasso.

    Attributes
    ----------
    mask : ndarray of uint8
        (\*spatial)
    pixels, objects : int
        How many there are, and of how many objects.
    """

    mask: NDArray[np.uint8]
    pixels: int
    objects: int


def projection_run(
    subject: PlotSubject,
    region: Region | None,
    background: bool,
    components: PrincipalComponents | None,
) -> Generator[Progress, None, Projection]:
    """Project a subject onto two components; see `projection_steps`."""
    yield Progress(0, 0, stage="loading")
    import napari_shiftseg.gui.mend.embedding.canvas  # noqa: F401, or the GUI waits for it
    from napari_shiftseg.relabelling.projection import projection_steps

    return (
        yield from projection_steps(
            subject.prediction,
            subject.labels(),
            subject.modes,
            subject.bandwidth,
            subject.kernel,
            region,
            background,
            components=components,
        )
    )


def object_run(
    subject: PlotSubject, label: int
) -> Generator[Progress, None, NDArray[np.uint8]]:
    """Find all pixels of an object: 1 there, else 0."""
    yield Progress(0, 1, stage="finding pixels")
    mask: NDArray[np.uint8] = (subject.labels() == label).view(np.uint8)
    return mask


def lasso_run(
    subject: PlotSubject, projection: Projection, polygon: NDArray[np.float64]
) -> Generator[Progress, None, LassoPixels]:
    """Find all pixels within a lasso, where the sample was taken from."""
    from napari_shiftseg.relabelling.pixel_sample import lassoed_steps

    labels = subject.labels()
    mask = yield from lassoed_steps(
        subject.prediction.embedding,
        projection.components,
        polygon,
        projection.region,
        None if projection.background else labels,
    )
    found = np.unique(labels[mask > 0])
    return LassoPixels(mask, int(mask.sum(dtype=np.int64)), int((found != 0).sum()))
