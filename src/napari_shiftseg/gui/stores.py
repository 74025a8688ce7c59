"""Stores that this program wrote, opened as layers: File > Open Folder of OUT.zarr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import dask.array as da

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.stored_labels import CHANNEL_AXIS, store_record
from napari_shiftseg.stores.axes import CHANNELS
from napari_shiftseg.stores.ome_zarr import UNITS
from napari_shiftseg.stores.own_stores import levels_of, record_in
from napari_shiftseg.stores.zarr_image import stored_zarr

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    LayerTuple = tuple[Any, dict[str, Any], str]


BESIDE = ("gradient", "embedding")  # images in a store, shown on request


def get_reader(
    path: str | Sequence[str],
) -> Callable[[str | Sequence[str]], list[LayerTuple]] | None:
    """Return what reads a store that this program wrote; None for any other path.

    Parameters
    ----------
    path : str or sequence of str
    """
    return read_store if record_in(_one(path)) else None


def read_store(path: str | Sequence[str]) -> list[LayerTuple]:
    """Return labels, all levels of them, and what else the store holds, hidden.

    They stay on disk, and lie where the image lies, in its units.

    Parameters
    ----------
    path : str or sequence of str
    """
    store = _one(path)
    known = record_in(store)
    name = str(known["report"]["image"])
    one = known["report"].get("given", {}).get(CHANNEL_AXIS)
    data, about = _layer(store, f"{name} · labels", one)
    if "settings" in known["report"]:  # they say how a part is predicted again
        about["metadata"] = {METADATA_KEY: store_record(store, known)}
    layers: list[LayerTuple] = [(data, about, "labels")]
    for kind in BESIDE:
        if (store / kind).is_dir():
            data, about = _layer(store / kind, f"{name} · {kind}", one)
            layers.insert(0, (data, about | {"visible": False}, "image"))
    return layers


def _one(path: str | Sequence[str]) -> Path:
    return Path(path if isinstance(path, str | Path) else path[0])


def _layer(
    store: Path, name: str, one: int | None = None
) -> tuple[Any, dict[str, Any]]:
    """Return the levels of an image in a store, and how napari is to place them.

    napari lines axes up from the last one: channels of the store come first, and where
    the labels are of a layer with an axis of channels they have one, too.
    """
    stored = stored_zarr(store)
    levels, axes = [da.from_zarr(str(path)) for path in levels_of(store)], stored.axes
    if CHANNELS in axes:
        at = axes.index(CHANNELS)
        levels = [da.moveaxis(level, at, 0) for level in levels]
        axes = CHANNELS + axes.replace(CHANNELS, "")
    elif one is not None:
        levels = [da.expand_dims(level, one) for level in levels]
        axes = axes[:one] + CHANNELS + axes[one:]
    known = [stored.calibration.get(axis) for axis in axes]
    return levels if len(levels) > 1 else levels[0], {
        "name": name,
        "scale": [1.0 if size is None else size.size for size in known],
        "translate": [stored.origin.get(axis, 0.0) for axis in axes],
        "units": ["pixel" if s is None else UNITS.get(s.unit, "pixel") for s in known],
        "axis_labels": list(axes.lower()),
        **({"multiscale": True} if len(levels) > 1 else {}),
    }
