"""An embedding as colours: its principal components, or a random projection."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.clustering.settings import Kernel

    Colours = NDArray[np.float32]


COLOUR_RANGE = (0.5, 99.5)  # percentiles of a component shown as 0 and 1
MOST_SAMPLED = 100_000  # pixels the principal components are computed from
WAVE = 48.0  # pixels from one place to the next one of the same colour, along an axis


def random_projection(
    embedding: ArrayLike, seed: int = 0, kernel: Kernel = "gaussian", views: int = 1
) -> Colours:
    r"""Return an embedding as colours: three random directions of it.

    .. math::

        y = R^\top e \qquad
        c_k = \min\left(1, \max\left(0,
        \frac{y_k - q_k^{0.5}}{q_k^{99.5} - q_k^{0.5}}\right)\right)

    R, (channels, 3), has standard normal entries, made orthonormal by QR (Householder,
    signs such that the diagonal of its triangle is positive), so that any three
    directions at right angles to one another are as likely as any others. Of one or two
    channels, in which no three are, its columns are of length 1. The q are percentiles
    of all pixels.

    Pixels of equal embedding have equal colours. Of different ones two may look alike
    in one projection, seldom in the next as well.

    Spatial embeddings are places in the image, which would be a ramp over all of it.
    They are wound up first: in the place of each coordinate x stand
    :math:`\cos 2\pi x / \lambda` and :math:`\sin 2\pi x / \lambda`, :math:`\lambda` =
    48 pixels. Places of one object are near one another and have much the same colour,
    those of its neighbours another, where objects are some 10 to 50 pixels wide.

    Parameters
    ----------
    embedding : array_like
        (channels, \*spatial), finite; one channel or more.
    seed : int
        0 or above; the same one gives the same colours on every machine.
    kernel : {"gaussian", "flat", "von-mises-fisher", "learnt-spread"}
        That the embedding is grouped by: "learnt-spread" of a spatial one.
    views : int
        That stand in a spatial embedding one after the other, see `Views`.

    Returns
    -------
    ndarray of float32
        (\*spatial, 3), red, green and blue, 0 to 1.

    Raises
    ------
    ValueError
        If there is no channel or no pixel, one is not finite, or the seed is negative.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping", figures of
    embeddings as random projections to RGB.
    """
    channels, shape = _checked(embedding)
    if seed < 0:
        raise ValueError(f"the seed must be 0 or above, got {seed}")
    seen = np.zeros((prod(shape), 3), dtype=np.result_type(channels.dtype, np.float32))
    many = 2 * (len(channels) - 1) if kernel == "learnt-spread" else len(channels)
    directions = random_directions(many, seed).astype(seen.dtype)
    for channel, direction in zip(
        _wound(channels, kernel, views), directions, strict=True
    ):
        seen += np.asarray(channel).reshape(-1, 1) * direction
    lost = int((~np.isfinite(seen)).any(1).sum())
    if lost:
        raise ValueError(
            f"the embedding must be finite to be shown as colours, but {lost:,} of "
            f"{len(seen):,} pixels are not: predict the image again"
        )
    return _coloured(seen, shape)


def random_directions(channels: int, seed: int) -> NDArray[np.float64]:
    """Return three random directions, (channels, 3); see `random_projection`.

    Parameters
    ----------
    channels : int
        1 or above.
    seed : int
    """
    drawn = np.random.default_rng(seed).standard_normal((channels, 3))
    if channels < 3:
        short: NDArray[np.float64] = drawn / np.linalg.norm(drawn, axis=0)
        return short
    orthonormal, triangle = np.linalg.qr(drawn)
    directions: NDArray[np.float64] = orthonormal * np.sign(np.diag(triangle))
    return directions


def principal_colours(
    embedding: NDArray[Any], kernel: Kernel = "gaussian", views: int = 1
) -> Colours:
    r"""Return an embedding as colours: its three channels, or principal components.

    Parameters
    ----------
    embedding : ndarray
        (channels, \*spatial)
    kernel : {"gaussian", "flat", "von-mises-fisher", "learnt-spread"}
        That it is grouped by. Of a spatial one all directions are much alike: it has
        the colours of `random_projection`.
    views : int
        See `random_projection`.

    Returns
    -------
    ndarray of float32
        (\*spatial, 3), 0 to 1.
    """
    if kernel == "learnt-spread":
        return random_projection(embedding, kernel=kernel, views=views)
    points = embedding.reshape(len(embedding), -1).T  # (pixels, channels)
    if points.shape[1] > 3:
        from napari_shiftseg.relabelling.projection import principal_components

        step = max(1, len(points) // MOST_SAMPLED)
        centre, directions = principal_components(points[::step], 3)
        points = (points - centre) @ directions.T
    return _coloured(points, embedding.shape[1:])


def _checked(embedding: ArrayLike) -> tuple[NDArray[Any], tuple[int, ...]]:
    """Return an embedding and the shape of its image; a memory map is not read."""
    channels = np.asanyarray(embedding)
    if channels.ndim < 2 or not channels.size:
        raise ValueError(
            f"an embedding has channels, then the axes of the image, with one pixel or "
            f"more, but this one has the shape {channels.shape}"
        )
    return channels, channels.shape[1:]


def _wound(
    channels: NDArray[Any], kernel: Kernel, views: int
) -> Iterator[NDArray[Any]]:
    """Yield the channels to be shown: places wound up, and not their spread."""
    if kernel != "learnt-spread":
        yield from channels
        return
    turns = 2 * np.pi * views**0.5 / WAVE  # a pixel
    for place in channels[:-1]:
        with np.errstate(invalid="ignore"):  # said where it is not finite
            angle = np.asarray(place, dtype=np.float64) * turns
            cosine, sine = np.cos(angle), np.sin(angle)
        yield cosine
        yield sine


def _coloured(points: NDArray[Any], shape: tuple[int, ...]) -> Colours:
    """Return up to three values a pixel, (pixels, values), as colours."""
    low, high = np.percentile(points, COLOUR_RANGE, axis=0)
    colours = ((points - low) / np.maximum(high - low, 1e-12)).clip(0, 1)
    rgb = np.zeros((len(points), 3), dtype=np.float32)
    rgb[:, : colours.shape[1]] = colours
    return rgb.reshape(*shape, 3)
