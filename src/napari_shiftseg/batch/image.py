"""One image of a batch: read, segmented, measured, written."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import nan
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import regionprops_table

from napari_shiftseg.batch.journal import settings_hash
from napari_shiftseg.batch.order import MILLION, BatchRow
from napari_shiftseg.inference.views import check_turns
from napari_shiftseg.networks.header import find_model
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.pipeline.segmentation import source_steps
from napari_shiftseg.pipeline.usual_model import usual_model_of
from napari_shiftseg.stores.reading import image_for
from napari_shiftseg.stores.writing import outputs_of, write_segmentation

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.batch.finding import Item
    from napari_shiftseg.batch.order import BatchOrder
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.progress import Progress


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
        if name not in self.loaded:
            model = load_model(name)
            self.loaded[name] = model, settings_hash(order, model)
        return name, *self.loaded[name]


def image_steps(
    item: Item, order: BatchOrder, models: Models
) -> Generator[Progress, None, BatchRow]:
    """Segment one image and write its results; yields `Progress`.

    Parameters
    ----------
    item : Item
    order : BatchOrder
    models : Models

    Raises
    ------
    Exception
        Whatever the image, the model or the disk are the reason of.
    """
    began = perf_counter()
    name, model, own_hash = models.of(item.source)
    source = image_for(model.config, item.source, order.channel, order.series)
    check_turns(order.settings.views, source.pixel)
    source = replace(source, name=item.name)
    folder = order.output / item.folder
    folder.mkdir(parents=True, exist_ok=True)
    has_classes = bool(model.config.classes)
    outputs = outputs_of(
        "segment", source, folder, order.save, order.overwrite, has_classes
    )
    result = yield from source_steps(source, model, order.settings)
    report = write_segmentation(result, model, source, outputs, _given(order, name))
    files = outputs.images | outputs.tables | {"report": outputs.record}
    row = BatchRow(
        item.source, f"{item.folder}/{outputs.name}".removeprefix("/"), "done",
        item.condition, objects=report["objects"], settings_hash=own_hash,
        model=model.config.name, notes=result.doubts, files=files,
        seconds=perf_counter() - began, **_figures(result),
    )  # fmt: skip
    return row


def _given(order: BatchOrder, name: str) -> dict[str, Any]:
    """Return what a record says of model and image, to be read by ``--config``."""
    path = find_model(name)
    model = str(path.resolve()) if str(path) == name else name
    known = {"model": model, "channel": order.channel, "series": order.series}
    return {"given": known}


def _figures(result: Segmentation) -> dict[str, Any]:
    """Return the figures of one image."""
    labels, pixels = result.labels, result.labels.size
    areas = _areas(labels)
    return {
        "density": len(areas) / pixels * MILLION,
        "median_area": float(np.median(areas)) if len(areas) else nan,
        "foreground_share": float(areas.sum() / pixels),
    }


def _areas(labels: NDArray[np.int32]) -> NDArray[Any]:
    return np.asarray(regionprops_table(labels, properties=("area",))["area"])
