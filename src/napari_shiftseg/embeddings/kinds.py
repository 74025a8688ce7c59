"""The kinds of embedding: what the outputs of a network mean for each."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


Kind = Literal["discriminative", "spherical", "spatial", "outputs"]
UNIT = 8.0  # pixels that an output of 1 stands for, of an offset or a spread


def spatial_channels(ndim: int) -> int:
    """Return the channels of a spatial embedding: a place, and the spread there."""
    return ndim + 1


def bandwidth_for(margin: float) -> float:
    r"""Return the width of the kernel that goes with a margin, in units of the sphere.

    :math:`\sigma = (1 - \alpha) / 3`: three of it lie between the mode of an object and
    the next object.
    """
    return (1 - margin) / 3


def embedded(outputs: NDArray[Any], kind: Kind, corner: Sequence[int]) -> NDArray[Any]:
    r"""Return the embedding that outputs of a network stand for.

    ============== ==============================================================
    kind           embedding of the pixel at :math:`x` with the outputs :math:`o`
    ============== ==============================================================
    discriminative :math:`o`
    spherical      :math:`o / \lVert o \rVert`
    spatial        :math:`(x + u\,o_{1 \dots d},\ \log u + o_{d+1})`: the place where
                   the middle of its object is thought to be, in pixels, and the
                   logarithm of the spread of such places; u is 8 pixels
    outputs        :math:`o`: no embedding, but probabilities, distances, boundaries
    ============== ==============================================================

    A spatial network predicts offsets, which are as periodic as any output: tiles stay
    exact, however large the image.

    Parameters
    ----------
    outputs : ndarray
        (channels, \*spatial)
    kind : {"discriminative", "spherical", "spatial", "outputs"}
    corner : sequence of int
        Image pixel of the first pixel.

    References
    ----------
    Kong & Fowlkes, CVPR 2018 (spherical); Neven et al., CVPR 2019, "Instance
    Segmentation by Jointly Optimizing Spatial Embeddings and Clustering Bandwidth",
    and Lalit et al., MIDL 2021, EmbedSeg (spatial).
    """
    if kind == "spherical":
        from napari_shiftseg.clustering.kernels import on_sphere  # loads torch

        return on_sphere(outputs, 0)
    if kind == "spatial":
        return _placed(outputs, corner)
    return outputs


def _placed(outputs: NDArray[Any], corner: Sequence[int]) -> NDArray[Any]:
    placed: NDArray[Any] = outputs * UNIT
    placed[-1] = outputs[-1] + log(UNIT)
    shape = outputs.shape[1:]
    for axis, (start, size) in enumerate(zip(corner, shape, strict=True)):
        along = np.arange(start, start + size, dtype=outputs.dtype)
        placed[axis] += along.reshape(-1, *(1,) * (len(shape) - axis - 1))
    return placed
