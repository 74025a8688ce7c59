"""An image of a batch and its labels, as layers like those that Segment adds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from napari.layers import Image, Labels

from napari_shiftseg.gui.parts.belonging import METADATA_KEY, SESSION
from napari_shiftseg.gui.parts.object_features import (
    INDEX,
    LOOKED_AT,
    RIGHT,
    features_of,
)
from napari_shiftseg.gui.parts.records import (
    METADATA_EDITS,
    METADATA_SAVED,
    LayerRecord,
    LayerSession,
)
from napari_shiftseg.gui.parts.result_layers import result_labels
from napari_shiftseg.gui.parts.source import GREY
from napari_shiftseg.progress import Progress
from napari_shiftseg.stores.folders import read_record
from napari_shiftseg.stores.ome_zarr import UNITS

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.batch.order import BatchRow
    from napari_shiftseg.mending.edit_lists import EditList
    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.stores.reading import Source


METADATA_BATCH = "shiftseg batch"  # of layers: which image of which batch
READING = Progress(0, 0, stage="reading image and labels")
OF_THE_REPORT = (
    "settings", "period", "window", "stride", "tiles", "offset", "exact", "objects",
    "engine", "seconds", "notes", "reads",
)  # fmt: skip


@dataclass(frozen=True)
class OpenedRow:
    """What a row of a batch stands for, read from its files.

    Attributes
    ----------
    row : BatchRow
    source : Source
        The image, as the model reads it.
    labels : ndarray of int32 or None
        None: it failed.
    report : dict
        Of its run; empty without labels.
    edits : EditList or None
        That were made on the labels.
    table : Table or None
        Of the objects, unless its file is gone.
    """

    row: BatchRow
    source: Source
    labels: NDArray[np.int32] | None
    report: dict[str, Any]
    edits: EditList | None
    table: Table | None = None


def opening(row: BatchRow) -> Generator[Progress, None, OpenedRow]:
    """Read an image of a batch and what was written of it.

    Parameters
    ----------
    row : BatchRow

    Raises
    ------
    OSError, ValueError
        If a file is no longer there, or is no longer what it was.
    """
    yield READING
    from napari_shiftseg.mending.edit_lists import read_edits
    from napari_shiftseg.networks.loading.models import read_config
    from napari_shiftseg.stores.reading import image_for, read_image, read_labels

    files = row.files
    if "labels" not in files:
        return OpenedRow(row, read_image(row.source), None, {}, None)
    report = read_record(files["report"])
    given = report.get("given", {})
    asked = given.get("channel"), given.get("series")
    config = read_config(given.get("model") or row.model)
    source = image_for(config, row.source, *asked)
    labels = read_labels("labels", files["labels"]).astype(np.int32)
    edits = read_edits(files["edits"]) if "edits" in files else None
    return OpenedRow(row, source, labels, report, edits, _table_of(row))


def _table_of(row: BatchRow) -> Table | None:
    """Read the table of objects; None where it is gone, or was made another one."""
    from napari_shiftseg.stores.tables import read_table

    with suppress(KeyError, OSError, ValueError):
        table = read_table(row.files["objects"])
        return table if "label" in table else None
    return None


def show_opened(
    viewer: napari.Viewer, opened: OpenedRow, output: Path
) -> Labels | None:
    """Add an image and its labels, on top; all other layers are hidden.

    Returns
    -------
    Labels or None
        None: the image failed, and is shown alone.
    """
    for layer in viewer.layers:
        layer.visible = False
    source, mark = opened.source, {METADATA_BATCH: key_of(opened.row, output)}
    name = opened.row.name
    image = Image(source.data, name=name, metadata=dict(mark), **_placed(source))
    viewer.add_layer(image)
    labels = None
    if opened.labels is not None:
        labels = _labels_layer(opened, opened.labels, image, mark)
        viewer.add_layer(labels)
    viewer.reset_view(layers=[layer for layer in viewer.layers if layer.visible])
    return labels


def key_of(row: BatchRow, output: Path) -> tuple[str, str]:
    """Return by what layers of an image are known again."""
    return str(output), row.name


def shown_labels(viewer: napari.Viewer, row: BatchRow, output: Path) -> Labels | None:
    """Return the labels of a row that are open, if they are.

    Parameters
    ----------
    viewer : napari.Viewer
    row : BatchRow
    output : Path
        Of the batch.
    """
    for layer in reversed(viewer.layers):
        is_it = layer.metadata.get(METADATA_BATCH) == key_of(row, output)
        if is_it and isinstance(layer, Labels):
            return layer
    return None


def show_again(viewer: napari.Viewer, labels: Labels) -> None:
    """Show labels that are open, and their image; all other layers are hidden.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : Labels
    """
    key, was_visible = labels.metadata[METADATA_BATCH], labels.visible
    for layer in viewer.layers:
        layer.visible = layer.metadata.get(METADATA_BATCH) == key
    viewer.layers.selection.active = labels
    if not was_visible:  # else the user is looking at a part of it, perhaps
        viewer.reset_view(layers=[layer for layer in viewer.layers if layer.visible])


def edits_of(labels: Labels) -> EditList:
    """Return what was done to the labels of a run, as a file of edits holds it.

    Parameters
    ----------
    labels : Labels
    """
    from napari_shiftseg.mending.edit_lists import EditList

    record = LayerRecord(labels)
    store = LayerSession.known(labels).edits or record.begun()
    run = record.run
    return EditList(store.edits, record.chosen, run["model"], run["image"])


def found_right(labels: Labels) -> set[int]:
    """Return the objects that were marked right in Mend.

    Parameters
    ----------
    labels : Labels
    """
    table = labels.features
    if LOOKED_AT not in table:
        return set()
    return set(table.loc[table[LOOKED_AT] == RIGHT, INDEX].tolist())


def _placed(source: Source) -> dict[str, Any]:
    """Return the keywords that place an image by what its file says."""
    axes = source.axes
    known = [source.calibration.get(axis) for axis in axes]
    return {
        "scale": [1.0 if size is None else size.size for size in known],
        "translate": [source.origin.get(axis, 0.0) for axis in axes],
        "units": ["pixel" if s is None else UNITS.get(s.unit, "pixel") for s in known],
        "axis_labels": list(axes.lower()),
    }


def _labels_layer(
    opened: OpenedRow, labels: NDArray[np.int32], image: Image, mark: dict[str, Any]
) -> Labels:
    """Return labels like those of a run on the image in this session."""
    ndim, offset = labels.ndim, np.zeros(labels.ndim)
    how = {name: value[-ndim:] for name, value in _placed(opened.source).items()}
    begin = opened.report["offset"]
    offset[ndim - len(begin) :] = begin
    how["translate"] = np.add(how["translate"], offset * how["scale"])
    record = _record(opened, image)
    metadata = {METADATA_KEY: record, **mark}
    if opened.edits is not None:
        edits = opened.edits.to_dict()["edits"]
        metadata |= {METADATA_EDITS: edits, METADATA_SAVED: edits}
        record["settings"] = record["settings"] | dict(opened.edits.clustering)
    name = f"labels · {Path(record['model']).stem} · {opened.row.name}"
    if opened.table is not None:
        how["features"] = features_of(opened.table)
    return Labels(labels, name=name, metadata=metadata, colormap=result_labels(), **how)


def _record(opened: OpenedRow, image: Image) -> dict[str, Any]:
    """Return what is needed to repeat the run; see `belonging.run_record`."""
    report = opened.report
    return {
        "image": image.name,
        "image_id": str(image.unique_id),
        "image_shape": tuple(image.data.shape),
        "session": SESSION,
        "run": uuid4().hex,
        "frame": (),
        "channel": None,
        "colour": GREY,
        "model": report.get("given", {}).get("model") or report["model"],
        **{name: report[name] for name in OF_THE_REPORT},
        "offset": tuple(report["offset"]),
    }
