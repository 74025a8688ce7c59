"""How far each pixel of an object lies from its mode, as an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.progress import Progress, exhaust, patiently
from napari_shiftseg.results.confidence import views_of
from napari_shiftseg.results.distances import Distances, pixels_of
from napari_shiftseg.results.touching import ALONE

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation


def mode_distance(result: Segmentation, model: TiledNetwork) -> NDArray[np.float32]:
    r"""Return the distance of each pixel to the mode of its object, in bandwidths.

    Bright parts of an object are those that the network would rather have elsewhere.

    Parameters
    ----------
    result : Segmentation
        Its objects as they were found, before edits.
    model : TiledNetwork
        That made it.

    Returns
    -------
    ndarray of float32
        ([leading,] \*spatial); NaN outside objects, and everywhere where they are not
        those of modes.
    """
    return exhaust(mode_distance_steps(result, model))


def mode_distance_steps(
    result: Segmentation, model: TiledNetwork
) -> Generator[Progress, None, NDArray[np.float32]]:
    """Measure distances, yielding `Progress` frame by frame; see `mode_distance`.

    Parameters
    ----------
    result, model
        See `mode_distance`.
    """
    clustering = result.settings.clustering(model.config, result.rescaling)
    found = np.full(result.labels.shape, np.nan, dtype=np.float32)
    if clustering.method != "mean-shift":
        return found
    views = views_of(result, model)
    for done, (at, objects) in enumerate(
        zip(result.positions, result.frames, strict=True)
    ):
        now = Progress(done, len(result.frames), stage="distances to modes")
        yield now
        embedding = result.prediction(at).embedding
        known = found[at], embedding, objects, clustering, views
        yield from patiently(now, objects.labels.size, _draw, *known)
    return found


def _draw(
    image: NDArray[np.float32],
    embedding: NDArray[Any],
    objects: Objects,
    clustering: Clustering,
    views: int,
) -> None:
    r"""Write the distances of one frame into an image, (\*spatial)."""
    distances = Distances(embedding, objects, clustering, ALONE, views)
    for some in pixels_of(objects.labels):
        image[some.band].reshape(-1)[some.at] = distances.of(some).own
