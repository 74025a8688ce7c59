"""The table of the objects of a run: measured, with class and confidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.results.confidence import confidence_steps
from napari_shiftseg.results.measuring import Measuring
from napari_shiftseg.stores.axes import CHANNELS

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.results.measuring import Sized
    from napari_shiftseg.stores.reading import Source

    Steps = Generator[Progress, None, Table]

BEFORE_CLASSES = ("label", "frame", "plane")  # columns


def object_table_steps(
    result: Segmentation,
    model: TiledNetwork,
    image: Any = None,
    source: Sized | None = None,
    leading: Sequence[str] = (),
    first: Sequence[int] = (),
) -> Steps:
    r"""Measure the objects of a run; yields `Progress`.

    Parameters
    ----------
    result : Segmentation
    model : TiledNetwork
        That made it.
    image : array, optional
        That was segmented, all of it: ([leading,] [channels,] \*spatial).
    source : optional
        That knows the pixel size in µm: what was read from a file, or taken from a
        layer.
    leading : sequence of str
        Names of the axes before the spatial ones: "t", "z"; none if they are not known.
    first : sequence of int
        Where the result begins on these axes; 0 by default.

    Returns
    -------
    dict of str to ndarray
        The columns of `measure`; after the first ones ``class`` and
        ``class_confidence`` of a model that tells classes apart; at the end those of
        `object_confidence`. Objects of linked planes are measured as volumes.
    """
    measuring = Measuring.of(result, model, image, source, leading, first)
    table = yield from measuring.steps(result.labels)
    return (yield from completed_steps(table, result, model))


def completed_steps(table: Table, result: Segmentation, model: TiledNetwork) -> Steps:
    """Add what a run knows of its objects: class and confidence; yields `Progress`.

    Parameters
    ----------
    table : dict of str to ndarray
        As the objects were measured.
    result : Segmentation
    model : TiledNetwork
        That made it.
    """
    if result.classes:
        table = with_classes(table, _by_label(result, "by_id"), _by_label(result))
    return with_confidence(table, (yield from confidence_steps(result, model)))


def file_table_steps(
    result: Segmentation, model: TiledNetwork, source: Source
) -> Steps:
    """Measure the objects of a run on an image that was read; yields `Progress`.

    Parameters
    ----------
    result : Segmentation
    model : TiledNetwork
    source : Source
        The image.
    """
    plain = replace(source, axes=source.axes.replace(CHANNELS, ""))
    leading = [*plain.axes[: len(result.leading)].lower()]
    return object_table_steps(result, model, source.data, plain, leading)


def with_classes(
    table: Table, classes: Mapping[int, str], sure: Mapping[int, float]
) -> Table:
    """Return a table with the classes of its objects, after label, frame and plane.

    Parameters
    ----------
    table : dict of str to ndarray
    classes : mapping of int to str
        By label; "" where there is none.
    sure : mapping of int to float
        How sure each is.
    """
    labels = table["label"].tolist()
    more = {
        "class": np.array([classes.get(label, "") for label in labels], dtype=np.str_),
        "class_confidence": np.array([sure.get(label, np.nan) for label in labels]),
    }
    before = {name: table[name] for name in BEFORE_CLASSES if name in table}
    return before | more | {n: x for n, x in table.items() if n not in before}


def with_confidence(table: Table, sure: Table) -> Table:
    """Return a table with the columns of `object_confidence` at its end.

    Parameters
    ----------
    table : dict of str to ndarray
        Of objects all of which
    sure : dict of str to ndarray
        knows, by their labels, upward.
    """
    rows = np.searchsorted(sure["label"], table["label"])
    return table | {n: values[rows] for n, values in sure.items() if n != "label"}


def _by_label(result: Segmentation, kind: str = "confidence_by_id") -> dict[int, Any]:
    """Return what is known of the classes of all objects, by label."""
    found: dict[int, Any] = {}
    for classes in result.classes:
        found |= getattr(classes, kind)
    return found
