"""Stores that this program wrote: known by the record among their attributes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


OURS = "napari_shiftseg"  # key of the record


def record_in(store: Path) -> dict[str, Any]:
    """Return what a store says of the run that made it; empty if it was no such run.

    One file is read. ``about`` is by what the run is known again, ``report`` is what it
    found, as in the report of a run in memory.

    Parameters
    ----------
    store : Path
    """
    try:
        said = json.loads((store / "zarr.json").read_text(encoding="utf-8"))
        known = said["attributes"][OURS]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
    is_ours = isinstance(known, dict) and {"about", "report"} <= set(known)
    return known if is_ours else {}


def levels_of(store: Path) -> list[Path]:
    """Return the arrays of an image in such a store, the full resolution first.

    Parameters
    ----------
    store : Path
        Or the folder of an image in it.
    """
    said = json.loads((store / "zarr.json").read_text(encoding="utf-8"))
    levels = said["attributes"]["ome"]["multiscales"][0]["datasets"]
    return [store / level["path"] for level in levels]


def refuse_labels(path: Path) -> None:
    """Refuse a store of labels where an image is wanted.

    Parameters
    ----------
    path : Path
        Of the store, or of an array in it.

    Raises
    ------
    ValueError
        If a run wrote its labels there; the image is named.
    """
    for store in (path, path.parent):
        about = record_in(store).get("about")
        if about is None or (store != path and path not in levels_of(store)):
            continue
        image = about.get("image") or "that which they were made from"
        raise ValueError(
            f"{path} holds the labels of a run, not an image: give the image, {image}"
        )
