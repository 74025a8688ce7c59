"""The axes of label images: one number a pixel, no colours, no channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_shiftseg.stores.axes import CHANNELS, MOST, SAMPLES, UNNAMED
from napari_shiftseg.stores.stored_image import MAYBE_FRAMES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.stores.stored_image import Stored


def axes_of_labels(stored: Stored) -> str:
    """Return the axes of labels: three planes are no colours, fifty columns are x.

    Parameters
    ----------
    stored : Stored
    """
    if MAYBE_FRAMES in stored.notes:
        return stored.axes.replace(SAMPLES, UNNAMED)
    if stored.axes.endswith("YX" + CHANNELS) and stored.data.shape[-1] > MOST:
        number: int = stored.data.ndim
        return UNNAMED * (number - 2) + "YX"
    return stored.axes


def one_number_a_pixel(
    name: str, data: NDArray[Any], axes: str, kind: str
) -> NDArray[Any]:
    """Return labels without samples and channels; colours are no labels.

    Parameters
    ----------
    name : str
        Stands for it in errors.
    data : ndarray
    axes, kind : str
        Of the file.
    """
    if axes.endswith(SAMPLES):
        colours = data[..., :3]
        if (colours != colours[..., :1]).any():
            what = {"rgb": "RGB colours", "cmyk": "CMYK colours"}.get(kind, "colours")
            raise ValueError(
                f"the {name} holds {what}, {data.shape[-1]} values a pixel, but labels "
                f"have one: save the label image itself, not a picture of it"
            )
        data, axes = data[..., 0], axes[:-1]
    if CHANNELS in axes:
        number = data.shape[axes.index(CHANNELS)]
        if number > 1:
            raise ValueError(
                f"the {name} has {number} channels: save the one that holds the labels"
            )
        data = data.take(0, axes.index(CHANNELS))
    return data
