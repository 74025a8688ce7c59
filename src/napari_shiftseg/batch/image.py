"""One image of a batch: read, segmented, measured, written; or what went wrong."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field, replace
from math import nan, prod
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.batch.again import kept, why_again
from napari_shiftseg.batch.journal import BatchJournal, settings_hash, state_of_image
from napari_shiftseg.batch.order import MILLION, BatchRow
from napari_shiftseg.batch.thumbnail import thumbnail_of
from napari_shiftseg.inference.views import check_turns
from napari_shiftseg.metrics.label_likeness import label_likeness
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.pipeline.segmentation import source_steps
from napari_shiftseg.pipeline.usual_model import SAID_OF_VOLUMES, usual_model_of
from napari_shiftseg.results.recipe_file import given_of
from napari_shiftseg.results.saving import write_with_recipe
from napari_shiftseg.results.table import file_table_steps
from napari_shiftseg.samples.catalogue import VOLUME_MODEL
from napari_shiftseg.stores.axes import CHANNELS, result_axes
from napari_shiftseg.stores.reading import image_for
from napari_shiftseg.stores.writing import outputs_of
from napari_shiftseg.stores.written_labels import check_kinds
from napari_shiftseg.text import in_words

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_shiftseg.batch.finding import Item
    from napari_shiftseg.batch.order import BatchOrder
    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.stores.reading import Source

LOADING = Lock()  # a model is loaded once for all threads
FULL = (errno.ENOSPC, errno.EDQUOT)  # no other image would fit either
PER = {2: ("mm2", 1e6), 3: ("mm3", 1e9)}  # of a density, in µm² or µm³


@dataclass(frozen=True)
class Models:
    """The models of a batch: each is loaded once, when it is first asked for."""

    order: BatchOrder
    loaded: dict[str, tuple[TiledNetwork, str]] = field(default_factory=dict)

    def of(self, source: Path) -> tuple[str, TiledNetwork, str]:
        """Return the model of an image: its name, itself, and the settings' hash.

        Parameters
        ----------
        source : Path
        """
        order = self.order
        name = order.model or usual_model_of(source, order.settings, order.series)
        with LOADING:
            if name not in self.loaded:
                model = load_model(name)
                self.loaded[name] = model, settings_hash(order, model)
            return name, *self.loaded[name]


def item_steps(
    item: Item, order: BatchOrder, models: Models
) -> Generator[Progress, None, BatchRow]:
    """Work on one image, unless it is done; what goes wrong is said in its row.

    Parameters
    ----------
    item : Item
    order : BatchOrder
    models : Models

    Raises
    ------
    OSError
        If the disk is full: no other image would fit either.
    """
    journal = BatchJournal(order.output)
    try:
        known, again = None, ""
        if order.resume:
            own = models.of(item.source)[-1]
            known = journal.done(item, own)
            again = why_again(item, order, journal, own)
        if known is not None:
            return replace(known, status="skipped")
        before = None if order.overwrite else journal.there(item)
        if before is not None and before.is_mended:
            return kept(before)
        state = state_of_image(item.source)
        row, thumbnail = yield from _image_steps(item, order, models)
        journal.record(item, row, state, thumbnail)
        row = replace(row, decided=tuple(filter(None, (*row.decided, again))))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        said = in_words(error)
        return BatchRow(item.source, item.key, "failed", item.condition, said)
    return row


def _image_steps(
    item: Item, order: BatchOrder, models: Models
) -> Generator[Progress, None, tuple[BatchRow, bytes]]:
    """Segment one image and write its results; returns its picture, too."""
    began = perf_counter()
    name, model, own_hash = models.of(item.source)
    source = image_for(model.config, item.source, order.channel, order.series)
    check_turns(order.settings.views, source.pixel)
    source = replace(source, name=item.name)
    axes, spatial = source.axes.replace(CHANNELS, ""), model.config.ndim
    check_kinds(order.save, result_axes(source.axes, len(axes), spatial))
    folder = order.output / item.folder
    folder.mkdir(parents=True, exist_ok=True)
    has_classes = bool(model.config.classes)
    outputs = outputs_of(
        "segment", source, folder, order.save, order.overwrite, has_classes
    )
    result = yield from source_steps(source, model, order.settings)
    table = yield from file_table_steps(result, model, source)
    likeness = label_likeness(source.data)
    known = given_of(name, order.channel, order.series)
    write_with_recipe(
        result, model, source, outputs, known, table,
        loaded_from=known["given"]["model"],
    )  # fmt: skip
    files = {**outputs.files, "settings": outputs.texts["settings"]}
    files["objects"] = files.pop("table")
    row = BatchRow(
        item.source, f"{item.folder}/{outputs.name}".removeprefix("/"), "done",
        item.condition, settings_hash=own_hash, model=model.config.name,
        notes=tuple(filter(None, (likeness, *result.doubts))),
        decided=_decided(source, name, order),
        axes=result_axes(source.axes, result.labels.ndim, spatial),
        shape=result.labels.shape, files={**files, "report": outputs.record},
        seconds=perf_counter() - began, **figures_of(table, result, source),
    )  # fmt: skip
    return row, thumbnail_of(source, result)


def _decided(source: Source, model: str, order: BatchOrder) -> tuple[str, ...]:
    """Say what was decided of an image that might have been meant otherwise."""
    is_taken = model == VOLUME_MODEL and not order.model
    return (*source.notes, SAID_OF_VOLUMES) if is_taken else tuple(source.notes)


def figures_of(table: Table, result: Segmentation, source: Source) -> dict[str, Any]:
    """Return the figures of one image by the names of `BatchRow`.

    Parameters
    ----------
    table : Table
        Of its objects.
    result : Segmentation
    source : Source
        Whose pixel size is taken, if it has one.
    """
    return figures(table, result.labels.size, _pixel_size(result, source))


def figures(table: Table, pixels: int, sizes: tuple[float, ...]) -> dict[str, Any]:
    """Return the same of any labels.

    Parameters
    ----------
    table : Table
        Of the objects; one that is linked has a row in each of its frames, and counts
        once. The density is of rows.
    pixels : int
        Of the labels, over all frames.
    sizes : tuple of float
        µm from one pixel to the next, along the axes of an object; empty: not known.
    """
    areas = table["area"]
    return {
        "objects": len(np.unique(table["label"])),
        "density": len(areas) / pixels * MILLION,
        "median_area": _middle(areas),
        "foreground_share": float(areas.sum() / pixels),
        "confidence": _mean(table.get("confidence", np.empty(0))),
        "in_units": _in_units(areas, pixels, sizes),
    }


def _pixel_size(result: Segmentation, source: Source) -> tuple[float, ...]:
    """Return µm from one pixel to the next, along the axes of an object."""
    is_linked = result.linking.along is not None
    plain = replace(source, axes=source.axes.replace(CHANNELS, ""))
    return plain.pixel_size(len(result.plan.axes) + is_linked)


def _in_units(areas: Any, pixels: int, sizes: tuple[float, ...]) -> dict[str, float]:
    """Return density and median size in units, where the size of a pixel is known."""
    if len(sizes) not in PER:
        return {}
    (per, many), one = PER[len(sizes)], prod(sizes)
    what = "area_um2" if len(sizes) == 2 else "volume_um3"
    return {
        f"density_{per}": len(areas) / (pixels * one) * many,
        f"median_{what}": _middle(areas) * one,
    }


def _middle(values: Any) -> float:
    return float(np.median(values)) if len(values) else nan


def _mean(values: Any) -> float:
    """Return the mean of those that are known; nan: none is."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else nan
