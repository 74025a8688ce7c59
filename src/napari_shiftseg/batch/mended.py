"""Labels of a batch that were mended: written back, measured anew, told everywhere."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.batch.again import KEPT, RECORD
from napari_shiftseg.batch.carried import EDITED, LOOKED_AT, carried_over, touched
from napari_shiftseg.batch.finding import Item
from napari_shiftseg.batch.image import figures
from napari_shiftseg.batch.journal import BatchJournal
from napari_shiftseg.batch.order import BatchOrder, BatchOutcome, BatchProgress
from napari_shiftseg.batch.run import held
from napari_shiftseg.batch.tables import Written, written_steps
from napari_shiftseg.batch.thumbnail import thumbnail
from napari_shiftseg.metrics.measuring import FRAME, PLANE, measure_steps
from napari_shiftseg.networks.loading.models import read_config
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.results.measuring import with_planes_last
from napari_shiftseg.results.recipe_file import mended_yaml
from napari_shiftseg.stores.axes import CHANNELS
from napari_shiftseg.stores.folders import read_record
from napari_shiftseg.stores.image import as_read
from napari_shiftseg.stores.label_sum import labels_sum
from napari_shiftseg.stores.reading import image_for, read_image, read_labels
from napari_shiftseg.stores.tables import read_table, write_rows
from napari_shiftseg.stores.tiff import about_tiff
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.stores.writing import TEXTS
from napari_shiftseg.stores.written_labels import KINDS, LabelImage
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.batch.order import BatchRow
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.mending.edit_lists import EditList
    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.stores.reading import Source

FURTHER = ("objects", "classes", "edits", "settings", "report")  # beside the labels
WRITING = BatchProgress(0, 0, stage="writing tables")


def mended_steps(
    output: Path,
    rows: Sequence[BatchRow],
    row: BatchRow,
    labels: NDArray[np.integer],
    edits: EditList,
    page: Callable[[BatchOutcome], str] | None = None,
    right: Collection[int] = (),
) -> Generator[Progress, None, BatchRow]:
    r"""Write mended labels of an image of a batch, and all that follows from them.

    Its table is measured anew, its row and the tables of the whole batch are written
    again. Objects that were not touched keep their confidence; of others it is not
    known any more, and ``looked_at`` says "edited". The settings beside them name the
    edits: ``shiftseg mend --config`` makes the labels again.

    Parameters
    ----------
    output : Path
        Of the batch.
    rows : sequence of BatchRow
        Of all of its images, this one among them.
    row : BatchRow
        Of the image.
    labels : ndarray of int
        ([leading,] \*spatial), as it is written there.
    edits : EditList
        What was done to them; written beside them.
    page : callable, optional
        See `batch_steps`.
    right : collection of int
        Labels of objects that were looked at and found right, for ``looked_at``.

    Raises
    ------
    ValueError
        If the labels have another shape than those that are replaced.
    OSError
        If a file is no longer there, or cannot be written.
    """
    with held(output):
        order = order_in(output, row)
        written = Written(order)
        written.refuse_others()
        new = yield from _image_steps(order, row, labels, edits, right)
        yield WRITING
        every = tuple(new if known.name == row.name else known for known in rows)
        outcome = BatchOutcome(order, every, {}, sum_of_seconds(every))
        yield from written_steps(written, outcome, WRITING, page)
    return new


def order_in(output: Path, row: BatchRow) -> BatchOrder:
    """Return what a batch was asked for, as its output says.

    Of one that was left before its end the report of an image says it.

    Parameters
    ----------
    output : Path
    row : BatchRow
        Of an image that is done.
    """
    known = read_record(output / RECORD) or read_record(row.files["report"])
    given = known.get("given", {})
    save = tuple(filter(None, given.get("save", "labels").split(",")))
    return BatchOrder(
        (row.source.parent,), output, given.get("model", ""),
        Settings(**known.get("settings", {})), save, given.get("channel"),
        given.get("series"),
    )  # fmt: skip


def sum_of_seconds(rows: Sequence[BatchRow]) -> float:
    """Return how long all images took.

    Parameters
    ----------
    rows : sequence of BatchRow
    """
    return float(np.nansum([row.seconds for row in rows]))


def _image_steps(
    order: BatchOrder,
    row: BatchRow,
    labels: NDArray[np.integer],
    edits: EditList,
    right: Collection[int],
) -> Generator[Progress, None, BatchRow]:
    """Write what there is of one image, all or none, and record it."""
    report = read_record(row.files["report"])
    config = read_config(report["given"]["model"])
    source = image_for(config, row.source, order.channel, order.series)
    plain = replace(source, axes=source.axes.replace(CHANNELS, ""))
    region = _region(report["offset"], labels)
    light = as_read(source.data, config.ndim, config.in_channels)
    light = light[(..., *(slice(*side) for side in region))]
    known = yield from _table_steps(row, labels, plain, light, region)
    table = carried_over(*known, right)
    spatial = len(_axes_of(table).lstrip(FRAME + PLANE))
    new = replace(
        row, status="done", files={**row.files, "edits": _edits_of(row)},
        decided=tuple(said for said in row.decided if said != KEPT),
        **figures(table, labels.size, plain.pixel_size(spatial)),
    )  # fmt: skip
    report |= {
        "objects": new.objects, "edits": len(edits.edits),
        "labels_sha256": labels_sum(labels),
    }  # fmt: skip
    _write(new, _labels_of(new, labels, source, region, table), edits, report)
    item = Item(row.source, row.folder, row.name.rpartition("/")[2])
    journal = BatchJournal(order.output)
    picture = thumbnail(source.data, labels, region)
    journal.record(item, new, journal.state(row), picture)
    return new


def _table_steps(
    row: BatchRow,
    labels: NDArray[np.integer],
    source: Source,
    light: NDArray[Any],
    region: Region,
) -> Generator[Progress, None, tuple[Table, Table, set[int]]]:
    """Measure labels as those were that they replace.

    Returns the table of now, the older one, and the labels of objects that differ.
    """
    former, old = (
        read_labels("labels", row.files["labels"]),
        read_table(row.files["objects"]),
    )
    if former.shape != labels.shape:
        raise ValueError(
            f"the labels in {row.files['labels'].name} are of {by(former.shape)} "
            f"pixels, these of {by(labels.shape)}: open them again from the batch"
        )
    axes = _axes_of(old)
    spatial = len(axes.lstrip(FRAME + PLANE))
    if spatial > len(region):  # of planes that were linked
        along = labels.ndim - spatial
        light = light.transpose(with_planes_last(light.ndim, along, len(region)))
    is_bright = any(name.startswith("mean_intensity") for name in old)
    table = yield from measure_steps(
        labels, light if is_bright else None,
        source.pixel_size(spatial) if _has_units(old) else None, axes=axes,
        offset=(0,) * (spatial - len(region)) + tuple(start for start, _ in region),
    )  # fmt: skip
    return table, old, touched(former, labels)


def _labels_of(
    row: BatchRow,
    labels: NDArray[np.integer],
    source: Source,
    region: Region,
    table: Table,
) -> LabelImage:
    """Return labels with what the file says that they replace."""
    known, about = read_image(row.files["labels"]), about_tiff(row.files["labels"])
    return LabelImage(
        labels, known.axes, about.image_axes, tuple(start for start, _ in region),
        known.calibration, source.origin, source.name, source.path, table,
    )  # fmt: skip


def _write(
    row: BatchRow, labels: LabelImage, edits: EditList, report: dict[str, Any]
) -> None:
    """Write the files of an image, all or none."""
    table = labels.table or {}
    kinds = [kind for kind in (*KINDS, *FURTHER) if kind in row.files]
    stores = [row.files[kind] for kind in kinds if kind == "zarr"]
    with all_or_none([row.files[kind] for kind in kinds], stores) as parts:
        for kind, part in zip(kinds, parts, strict=True):
            if kind == "objects":
                write_rows(part, table)
            elif kind == "classes":
                classes = read_table(row.files["classes"])
                write_rows(part, _known_classes(classes, table))
            elif kind == "edits":
                part.write_text(edits.to_json(), encoding="utf-8")
            elif kind == "settings":
                part.write_text(_settings(row, report), encoding="utf-8")
            elif kind == "report":
                part.write_text(json.dumps(report, indent=2), encoding="utf-8")
            else:
                labels.write(kind, part)


def _settings(row: BatchRow, report: dict[str, Any]) -> str:
    """Return the settings of the run, the edits among them."""
    path, edits = row.files["settings"], row.files["edits"].name
    text = path.read_text(encoding="utf-8")
    return mended_yaml(
        text, path.name, edits, report["labels_sha256"], objects=row.objects
    )


def _known_classes(classes: Table, table: Mapping[str, NDArray[Any]]) -> Table:
    """Return the classes of the objects that were left as they are."""
    there = table["label"][table[LOOKED_AT] != EDITED]
    stays = np.isin(classes["label"], there)
    return {name: values[stays] for name, values in classes.items()}


def _edits_of(row: BatchRow) -> Path:
    labels = row.files["labels"]
    return labels.with_name(labels.name.removesuffix("_labels.tif") + TEXTS["edits"])


def _region(offset: Sequence[int], labels: NDArray[np.integer]) -> Region:
    """Return which pixels of the image labels are of, on the spatial axes."""
    shape = labels.shape[labels.ndim - len(offset) :]
    return tuple((start, start + n) for start, n in zip(offset, shape, strict=True))


def _axes_of(table: Table) -> str:
    """Return the axes of the labels that a table is of, as `measure` takes them."""
    leading = (FRAME if "frame" in table else "") + (PLANE if "plane" in table else "")
    return leading + "".join(a for a in "ZYX" if f"bbox_{a.lower()}0" in table)


def _has_units(table: Table) -> bool:
    return any(name.startswith(("area_", "volume_", "length_")) for name in table)
