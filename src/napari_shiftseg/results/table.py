"""The table of the objects of a run: measured, with class and confidence."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_shiftseg.metrics.measuring import FRAME, PLANE, SPATIAL, measure_steps
from napari_shiftseg.results.confidence import confidence_steps
from napari_shiftseg.stores.axes import CHANNELS
from napari_shiftseg.stores.image import as_read

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.stores.reading import Source

    Steps = Generator[Progress, None, Table]

TIME = ("t", "time", "frame", "frames")
BEFORE_CLASSES = ("label", "frame", "plane")  # columns


class Sized(Protocol):
    """Knows how large a pixel is."""

    def pixel_size(self, ndim: int) -> tuple[float, ...]:
        """Return µm from one pixel to the next on the last axes; empty: not known."""


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
    axes, along = measured_axes(leading, len(result.leading), result)
    light = None if image is None else _light(result, model, image, along)
    labels = result.labels if along is None else _moved(result.labels, along, result)
    spatial = len(axes.lstrip(FRAME + PLANE))
    offset = (0,) * (spatial - len(result.offset)) + result.offset
    table = yield from measure_steps(
        labels, light, source.pixel_size(spatial) if source else None, axes=axes,
        offset=offset,
    )  # fmt: skip
    _shift(table, axes, [x for i, x in enumerate(first) if i != along])
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


def measured_axes(
    leading: Sequence[str], number: int, result: Segmentation
) -> tuple[str, int | None]:
    """Return a letter an axis, and which axis of planes becomes z; None: none.

    Planes that were linked are z of volumes; all other axes before the spatial ones
    are frames (time) or planes. Frames that were linked stay frames.

    Parameters
    ----------
    leading : sequence of str
        Names of the axes before the spatial ones; none if they are not known.
    number : int
        Of these axes.
    result : Segmentation
    """
    return axes_of_run(leading, number, len(result.plan.axes), result.linking.along)


def axes_of_run(
    leading: Sequence[str], number: int, spatial: int, linked: int | None
) -> tuple[str, int | None]:
    """Return the same by the axes that the model reads, and the one that is linked."""
    names = [name.strip().lower() for name in leading] or [""] * number
    is_time = [name in TIME for name in names]
    along = None if linked is None or is_time[linked] else linked
    others = [time for axis, time in enumerate(is_time) if axis != along]
    letters = "".join(FRAME if time else PLANE for time in others)
    if len(set(letters)) < len(letters):
        letters = (FRAME + PLANE)[: len(letters)]
    return letters + SPATIAL[-spatial - (along is not None) :], along


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


def _light(
    result: Segmentation, model: TiledNetwork, image: Any, along: int | None
) -> Any:
    """Return the pixels that were segmented, as the labels lie."""
    config = model.config
    pixels = as_read(image, config.ndim, config.in_channels)
    part = pixels[(..., *(slice(*side) for side in result.region))]
    return part if along is None else _moved(part, along, result)


def _moved(array: Any, along: int, result: Segmentation) -> Any:
    """Let an axis be the first of the spatial ones."""
    to = array.ndim - len(result.plan.axes) - 1
    if along == to:
        return array
    order = [axis for axis in range(array.ndim) if axis != along]
    order.insert(to, along)
    return array.transpose(order)


def _shift(table: Table, axes: str, first: Sequence[int]) -> None:
    """Add where the result begins to frame and plane."""
    names = {FRAME: "frame", PLANE: "plane"}
    for letter, begin in zip(axes, first, strict=False):
        if letter in names:
            table[names[letter]] = table[names[letter]] + begin


def _by_label(result: Segmentation, kind: str = "confidence_by_id") -> dict[int, Any]:
    """Return what is known of the classes of all objects, by label."""
    found: dict[int, Any] = {}
    for classes in result.classes:
        found |= getattr(classes, kind)
    return found
