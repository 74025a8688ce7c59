"""The run and the edits behind a layer of labels, as a recipe; its labels as files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.gui.parts.belonging import METADATA_KEY, MadeFrom
from napari_shiftseg.gui.parts.choices import is_image
from napari_shiftseg.gui.parts.object_features import INDEX, has_table
from napari_shiftseg.gui.parts.records import LayerRecord, LayerSession
from napari_shiftseg.gui.parts.source import GREY, LayerSource
from napari_shiftseg.metrics.measuring import measure_steps
from napari_shiftseg.pipeline.series import linked_axis
from napari_shiftseg.results.recipe import ANY_IMAGE, Recipe
from napari_shiftseg.samples.catalogue import SAMPLES
from napari_shiftseg.stores.axes import (
    UNNAMED,
    Calibration,
    known_sizes,
    result_axes,
)
from napari_shiftseg.stores.written_labels import LabelImage

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import napari
    from napari.layers import Image, Labels

    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.progress import Progress


PLUGIN = "napari-shiftseg"
METADATA_EDITS_FILE = "shiftseg edits file"  # that the edits were saved to last
LETTERS = {"t": "T", "time": "T", "frame": "T", "frames": "T", "z": "Z"}
NO_FILE = (
    "The image is not from a file: save it as one (File > Save Selected Layers), and "
    "write its path where IMAGE stands."
)
ONE_FRAME = (
    "The run took one frame of a stack: save that frame as a file, and write its path "
    "where IMAGE stands."
)
OWN_SCALE = (
    "A part was segmented, read by the grey values in it; the command reads it by "
    "those of all the image, so that its labels may be others. Those of Python are not."
)
NO_EDITS_FILE = (
    "The edits are not in a file as they are now: press Save results…, and write the "
    "path of the file of edits where EDITS.json stands."
)


@dataclass(frozen=True)
class LayerRecipe:
    """How the labels of a layer are made again, and what the user should know."""

    recipe: Recipe
    notes: tuple[str, ...] = ()  # of recipe and command alike
    of_command: tuple[str, ...] = ()  # of the command alone


def recipe_of(viewer: napari.Viewer, labels: Labels) -> LayerRecipe:
    """Return how the labels of a run are made again, edits included.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : Labels
        That a run made.
    """
    record = LayerRecord(labels)
    known, notes, of_command = record.run, [], []
    image = ANY_IMAGE if known.get("frame") else _file_of_run(viewer, known)
    if image == ANY_IMAGE:
        notes.append(ONE_FRAME if known.get("frame") else NO_FILE)
    store = LayerSession.known(labels).edits
    edits, file = None, ""
    if store is not None and store.edits:
        from napari_shiftseg.mending.edit_lists import EditList

        names = known["model"], known["image"]
        edits = EditList(store.edits, record.chosen, *names)
        if not store.number_unsaved:
            file = labels.metadata.get(METADATA_EDITS_FILE, "")
        of_command += [] if file else [NO_EDITS_FILE]
    of_command += [OWN_SCALE] if known.get("scale") else []
    recipe = Recipe(
        known["model"], _settings_of(known), image, _channel_of(known), edits=file,
        edit_list=edits, scale=known.get("scale"),
    )  # fmt: skip
    return LayerRecipe(recipe, tuple(notes), tuple(of_command))


def _settings_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a run with the tiles that were carried out."""
    settings = dict(record["settings"])
    if settings["stitching"] != "whole" and record.get("window") is not None:
        settings["window"] = tuple(record["window"])
    return settings


def _channel_of(record: Mapping[str, Any]) -> str:
    """Return which channel the command is to take: a number from 1, or a colour."""
    if record.get("channel") is not None:
        return str(record["channel"] + 1)
    colour = record.get("colour", GREY)
    return "" if colour == GREY else str(colour)


def image_of(viewer: napari.Viewer, labels: Labels) -> Image:
    """Return the image that labels were made from.

    Raises
    ------
    ValueError
        If it is not open.
    """
    images = [layer for layer in viewer.layers if is_image(layer)]
    return MadeFrom(labels.metadata[METADATA_KEY]).among(images)


def _file_of_run(viewer: napari.Viewer, record: Mapping[str, Any]) -> str:
    images = [layer for layer in viewer.layers if is_image(layer)]
    try:
        return file_of(MadeFrom(dict(record)).among(images))
    except ValueError:  # it is not open any more
        return ANY_IMAGE


def file_of(image: Image) -> str:
    """Return the file that an image was opened from, or the name of our sample."""
    source = image.source
    if source.sample is not None and source.sample[0] == PLUGIN:
        name = str(source.sample[1]).replace("_", "-")
        return name if name in SAMPLES else name.rpartition("-")[0]
    if source.path is not None and Path(source.path).exists():
        return str(Path(source.path).absolute())
    return ANY_IMAGE


def label_image_of(viewer: napari.Viewer, labels: Labels) -> LabelImage:
    """Return a copy of the labels of a run, with axes, sizes and place.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : Labels
        In memory.
    """
    record = labels.metadata[METADATA_KEY]
    try:
        image: Image | Labels = image_of(viewer, labels)
    except ValueError:  # it is not open any more
        image = labels
    ndim = len(record["stride"])
    names = LayerSource.of(image).leading_names(ndim)[-(labels.ndim - ndim) or None :]
    names = names if labels.ndim > ndim else ()
    letters = "".join(LETTERS.get(name, UNNAMED) for name in names)
    axes = result_axes(letters + "ZYX"[-ndim:], labels.ndim, ndim)
    leading = labels.ndim - ndim
    along = linked_axis(record["settings"].get("link_planes"), names, leading, ndim)
    offset = (*record.get("frame", ()), *record["offset"])
    offset = (0,) * (labels.ndim - len(offset)) + tuple(offset)
    sizes = _sizes(labels, axes)
    return LabelImage(
        np.array(labels.data), axes, axes[along if along == leading - 1 else leading :],
        offset, sizes, _origin(labels, axes, offset), record["image"],
        "" if image is labels else str(image.source.path or ""),
    )  # fmt: skip


def _sizes(labels: Labels, axes: str) -> Calibration:
    """Return the pixel size on the axes that have a unit."""
    units = (str(unit) for unit in labels.units)
    known = zip(axes, labels.scale.tolist(), units, strict=True)
    return known_sizes({a: (size, u) for a, size, u in known if u != "pixel"})


def _origin(labels: Labels, axes: str, offset: tuple[int, ...]) -> dict[str, float]:
    """Return where the first pixel of the image is."""
    begins = labels.translate - labels.scale * np.array(offset)
    return {
        a: at for a, at in zip(axes, begins.tolist(), strict=True) if abs(at) > TINY
    }


TINY = 1e-9  # what is left of a difference


def measured_steps(labels: Labels, data: Any) -> Generator[Progress, None, Table]:
    """Return steps that measure the objects of a layer, or take what is known.

    Parameters
    ----------
    labels : Labels
    data : ndarray of int
        A copy of its pixels.
    """
    if has_table(labels):
        known = labels.features
        if set(known[INDEX]) == set(np.unique(data).tolist()) - {0}:
            table = {str(n): column.to_numpy() for n, column in known.items()}
            return _known({"label": table.pop(INDEX), **table})
    measuring = LayerSession.known(labels).measuring
    return measure_steps(data) if measuring is None else measuring.steps(data)


def _known(table: Table) -> Generator[Progress, None, Table]:
    yield from ()
    return table
