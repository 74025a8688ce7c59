"""Labels that a run left on disk: the layer that shows them, and its record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import zarr
from napari.layers import Labels

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.source import GREY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from napari.layers import Layer

    from napari_shiftseg.gui.parts.source import LayerSource


STORE = "store"  # key in the record of a layer
CHANNEL_AXIS = "channel_axis"  # of the layer, under "given" in the record of a store
OF_THE_REPORT = (
    "image", "model", "settings", "period", "window", "stride", "tiles", "offset",
    "exact", "objects", "engine", "seconds", "notes", "reads",
)  # fmt: skip


def is_stored(layer: Layer | None) -> bool:
    """Whether a layer shows labels that a run left on disk."""
    record = layer.metadata.get(METADATA_KEY) if layer is not None else None
    return isinstance(record, dict) and STORE in record


def store_record(store: Path, known: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Return what is to be known of a layer of labels on disk; see `run_record`.

    Parameters
    ----------
    store : Path
    known : mapping
        What the store says of its run; see `record_in`.
    **more
        What is known besides.
    """
    report = known["report"]
    return {
        **{name: report[name] for name in OF_THE_REPORT},
        "image_shape": _tuple(report.get("image_shape")), "session": "",
        "run": uuid4().hex, "frame": (), "channel": None, "colour": GREY,
        "offset": tuple(report["offset"]), STORE: str(store),
        "scales": known.get("scales"), **more,
    }  # fmt: skip


def _tuple(known: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if known is None else tuple(known)


def axis_of_one(source: LayerSource) -> int | None:
    """Return the axis of what is taken of a layer on which one channel is left.

    Stores have none such; napari needs it, see `Channel.taken_from`.

    Parameters
    ----------
    source : LayerSource
    """
    channel = source.channel
    return channel.axis if channel is not None and channel.axis else None


def without_axis(values: Sequence[Any], axis: int | None) -> tuple[Any, ...]:
    """Return values of axes without that of one axis, if there is such.

    Parameters
    ----------
    values : sequence
    axis : int or None
    """
    return tuple(value for at, value in enumerate(values) if at != axis)


def stored_labels(
    levels: Sequence[Path],
    source: LayerSource,
    offset: Sequence[int],
    name: str,
    metadata: Any,
) -> Labels:
    """Return a layer of labels that stay on disk; they cannot be painted on.

    Parameters
    ----------
    levels : sequence of Path
        Zarr arrays, the full resolution first.
    source : LayerSource
        Of the image that they lie on.
    offset : sequence of int
        Pixel of it at which they begin, on its last axes.
    name : str
    metadata
        Under our key.
    """
    arrays: list[Any] = [zarr.open_array(str(level), mode="r") for level in levels]
    axis = axis_of_one(source)
    if axis is not None:
        arrays = [_widened(array, axis) for array in arrays]
    several = len(arrays) > 1
    layer = Labels(
        arrays if several else arrays[0],
        multiscale=several,
        name=name,
        metadata={METADATA_KEY: metadata},
        cache=False,  # what dask holds would not grow
        **source.placed(offset, arrays[0].ndim),
    )
    layer.editable = False
    return layer


def _widened(array: zarr.Array, axis: int) -> Any:
    """Return an array with one more axis, of length 1; it stays on disk."""
    import dask.array as da

    return da.expand_dims(da.from_array(array, chunks=array.chunks), axis)
