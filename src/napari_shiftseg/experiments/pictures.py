"""What the figures share: embeddings and ids as colours, pixels without ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.report.colours import LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import TilePlan

Box = tuple[slice, slice]
WHOLE = (slice(None), slice(None))


def embedding_colours(embedding: NDArray[Any]) -> NDArray[np.float64]:
    r"""Paint an embedding: its first three channels as red, green and blue.

    Parameters
    ----------
    embedding : ndarray
        (channels, \\*spatial), of three channels or more.

    Returns
    -------
    ndarray of float64
        (\\*spatial, 3), each channel from its least value (0) to its largest (1).
    """
    points = np.moveaxis(embedding[:3], 0, -1).astype(np.float64)
    channels = tuple(range(points.ndim - 1))
    low, high = points.min(channels), points.max(channels)
    colours: NDArray[np.float64] = (points - low) / np.maximum(high - low, 1e-3)
    return colours


def as_grey(image: NDArray[Any], white: float | None = None) -> NDArray[np.float64]:
    r"""Return an image from 0, its darkest pixel, to 1, its brightest.

    Parameters
    ----------
    image : ndarray
        (\\*spatial)
    white : float, optional
        What becomes 1 in place of the brightest pixel; brighter ones do, too.
    """
    pixels = image.astype(np.float64)
    low, high = pixels.min(), pixels.max() if white is None else white
    grey: NDArray[np.float64] = ((pixels - low) / max(high - low, 1e-12)).clip(0, 1)
    return grey


def show_borders(
    axes: Axes, picture: NDArray[Any], title: str, plan: TilePlan, box: Box = WHOLE
) -> None:
    """Show a picture, or a box of it, and the borders between tiles.

    Parameters
    ----------
    axes : Axes
    picture : ndarray
        (rows, columns[, RGB]), see `show`.
    title : str
    plan : TilePlan
        Whose result has these rows and columns.
    box : (slice, slice)
    """
    show(axes, picture[box], title)
    draws = (axes.axhline, axes.axvline)
    for borders, part, draw in zip(plan.boundaries, box, draws, strict=True):
        start, stop, _ = part.indices(10**9)
        for border in borders:
            if start < border < stop:
                draw(border - start - 0.5, color="white", lw=0.6)


def show(
    axes: Axes, picture: NDArray[Any], title: str, lines: Iterable[float] = ()
) -> None:
    """Show a picture, and lines before some pixels of both axes.

    Parameters
    ----------
    axes : Axes
    picture : ndarray
        (rows, columns[, RGB]); grey from 0 to 1 if it has no colours.
    title : str
    lines : iterable of float
        Numbers of the pixels before which a line is drawn.
    """
    axes.imshow(picture, "gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_title(title, color=LIGHT.text)
    axes.set_xticks([])
    axes.set_yticks([])
    for line in lines:
        axes.axhline(line - 0.5, color="white", lw=1)
        axes.axvline(line - 0.5, color="white", lw=1)
