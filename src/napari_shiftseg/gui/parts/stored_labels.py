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
        "image_shape": tuple(report["shape"]), "session": "", "run": uuid4().hex,
        "frame": (), "channel": None, "colour": GREY, "offset": tuple(report["offset"]),
        STORE: str(store), "scales": known.get("scales"), **more,
    }  # fmt: skip


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
        Pixel of it at which they begin.
    name : str
    metadata
        Under our key.
    """
    arrays = [zarr.open_array(str(level), mode="r") for level in levels]
    several = len(arrays) > 1
    layer = Labels(
        arrays if several else arrays[0],
        multiscale=several,
        name=name,
        metadata={METADATA_KEY: metadata},
        **source.placed(offset, arrays[0].ndim),
    )
    layer.editable = False
    return layer
