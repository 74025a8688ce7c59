"""Levels of a prediction in which boundaries are seen: gradients of several kinds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import ndimage
from scipy.special import expit

from napari_shiftseg.clustering.kernels import Frame
from napari_shiftseg.progress import Progress, patiently

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_shiftseg.clustering.settings import Clustering, Kernel
    from napari_shiftseg.pipeline.result import Prediction

    Levels = dict[str, NDArray[np.float32]]


WIDTHS = (1.0, 2.0, 4.0)  # pixels, of the Gaussians
LOOPS = (1, 3)  # of grouping, after which the gradient is taken again
REACH = 3  # pixels, from which a loop of grouping takes its mean
BACKGROUND = 2.0  # bandwidths from background to objects, at least


def smooth_gradient(image: NDArray[Any], width: float) -> NDArray[np.float32]:
    r"""Return the gradient magnitude of an image of several channels, smoothed.

    .. math:: g = \sqrt{\sum_c \sum_a (\partial_a G_\sigma * e_c)^2}

    with the derivatives of a Gaussian along every axis. Unlike `gradient_magnitude` it
    lies at the pixel itself, not between two.

    Parameters
    ----------
    image : ndarray
        (channels, \*spatial)
    width : float
        :math:`\sigma` in pixels, above 0.

    Returns
    -------
    ndarray of float32
        (\*spatial), in units of the image, a pixel.
    """
    squared = np.zeros(image.shape[1:], dtype=np.float32)
    for channel in image:
        for axis in range(channel.ndim):
            order = [int(a == axis) for a in range(channel.ndim)]
            slope = ndimage.gaussian_filter(
                channel, width, order, np.float32, mode="nearest"
            )
            squared += slope**2
    return np.sqrt(squared)


def grouped(points: Tensor, reach: int = REACH, flat: bool = False) -> Tensor:
    r"""Move the embedding of every pixel to the mean of those like it around it.

    .. math::

        u_x \leftarrow \frac{\sum_{y \in N(x)} K(u_x, u_y)\, u_y}
        {\sum_{y \in N(x)} K(u_x, u_y)} \qquad
        K(u, v) = \exp(-\lVert u - v \rVert^2 / 2)

    One loop of blurring mean shift, as in `RecurrentMeanShift`, all pixels at once; but
    a pixel sees its neighbourhood alone, a square (cube) of 2 · reach + 1 pixels. That
    is mean shift in the joint domain of place and embedding. It takes as long for a
    pixel of a large image as for one of a small one, and a pixel depends on nothing
    that lies farther away.

    Parameters
    ----------
    points : Tensor
        (channels, \*spatial), in bandwidths.
    reach : int
        In pixels.
    flat : bool
        Whether K is 1 within a distance of 1, and 0 beyond.

    References
    ----------
    Comaniciu & Meer 2002, "Mean shift: a robust approach toward feature space
    analysis", section 4; Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance
    Grouping", section 4.
    """
    sums, weights = points.clone(), torch.ones_like(points[0])
    for offset in _half_of(reach, points.ndim - 1):
        one, other = _shifted(offset)
        apart = (points[one] - points[other]).square_().sum(0)
        kernel = (apart <= 1).to(points.dtype) if flat else apart.div_(-2).exp_()
        sums[one] += kernel * points[other]
        sums[other] += kernel * points[one]
        weights[one[1:]] += kernel
        weights[other[1:]] += kernel
    return sums.div_(weights)


def _half_of(reach: int, ndim: int) -> list[tuple[int, ...]]:
    """Return the offsets to the neighbours of a pixel, of opposite ones the later."""
    side = 2 * reach + 1
    offsets = [tuple(i - reach for i in at) for at in np.ndindex(*(side,) * ndim)]
    return offsets[len(offsets) // 2 + 1 :]


def _shifted(offset: tuple[int, ...]) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Return where pixels are that have a neighbour at an offset, and where that is."""
    starts = [(slice(max(0, -o), -o if o > 0 else None)) for o in offset]
    ends = [(slice(max(0, o), o if o < 0 else None)) for o in offset]
    return (slice(None), *starts), (slice(None), *ends)


def level_steps(
    prediction: Prediction, clustering: Clustering
) -> Generator[Progress, None, Levels]:
    r"""Compute the levels of a prediction, yielding `Progress` between them.

    By name, each (\*spatial): the gradient of the `seen_embedding` at Gaussians of 1, 2
    and 4 pixels; the same at 1 pixel after 1 and after 3 loops of grouping, see
    `grouped`; and, of a model with a foreground logit, the gradient of the probability
    of foreground at 1, 2 and 4 pixels.

    Parameters
    ----------
    prediction : Prediction
        Of one image.
    clustering : Clustering
        Whose bandwidth and kernel are taken.
    """
    points = seen_embedding(prediction, clustering)
    known = {f"embedding {width:g}": (points.numpy(), width) for width in WIDTHS}
    for loop in range(1, max(LOOPS) + 1):
        said = Progress(loop - 1, max(LOOPS), stage="grouping")
        yield said
        points = yield from patiently(
            said, points.numel(), _loop, points, clustering.kernel
        )
        if loop in LOOPS:
            known[f"embedding 1 after {loop}"] = (points.numpy(), WIDTHS[0])
    if prediction.logit is not None:
        inside = _probability(prediction.logit)[None]
        known |= {f"foreground {width:g}": (inside, width) for width in WIDTHS}
    levels: Levels = {}
    for name, (image, width) in known.items():
        said = Progress(len(levels), len(known), stage="gradients")
        yield said
        levels[name] = yield from patiently(
            said, image.size, smooth_gradient, image, width
        )
    return levels


def first_level(prediction: Prediction, clustering: Clustering) -> NDArray[np.float32]:
    r"""Return the first level alone, (\*spatial), in bandwidths a pixel.

    Parameters
    ----------
    prediction, clustering
        See `level_steps`.
    """
    points = seen_embedding(prediction, clustering)
    return smooth_gradient(points.numpy(), WIDTHS[0])


def seen_embedding(prediction: Prediction, clustering: Clustering) -> Tensor:
    r"""Return an embedding of which all background is one point.

    .. math:: v = (p\,u,\; 2p)

    where u is the embedding in bandwidths, on the sphere of radius 1/h for the kernel
    of von Mises-Fisher and without its spread for places, and p the probability of
    foreground: what the network says of background it was never trained for. Of a model
    without a foreground logit v is u.

    Parameters
    ----------
    prediction, clustering
        See `level_steps`.

    Returns
    -------
    Tensor
        (channels, \*spatial); one channel more with a foreground.
    """
    embedding, shape = prediction.embedding, prediction.embedding.shape[1:]
    rows = np.ascontiguousarray(embedding.reshape(len(embedding), -1).T)
    frame = Frame.around(
        rows, clustering.bandwidth, clustering.kernel, torch.device("cpu")
    )
    if frame.spherical:  # a pixel without a direction is no fault here
        points = frame.onto_sphere(torch.from_numpy(rows))
    else:
        points = frame.enter(rows)
    seen = points.T.reshape(-1, *shape)
    if prediction.logit is None:
        return seen.contiguous()
    inside = torch.from_numpy(_probability(prediction.logit))[None].to(seen.dtype)
    return torch.cat([seen * inside, BACKGROUND * inside])


def _probability(logit: NDArray[Any]) -> NDArray[np.float32]:
    inside: NDArray[np.float32] = expit(logit.astype(np.float32))
    return inside


def _loop(points: Tensor, kernel: Kernel) -> Tensor:
    with torch.inference_mode():
        return grouped(points, flat=kernel == "flat")
