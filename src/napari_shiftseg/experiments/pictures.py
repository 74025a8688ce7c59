"""What the figures share: embeddings and ids as colours, pixels without ticks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.report.colours import LIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes
    from numpy.typing import NDArray


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
