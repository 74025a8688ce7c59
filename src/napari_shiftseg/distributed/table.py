"""The table of the objects of a run into a store, read block by block."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_shiftseg.metrics.measuring import FRAME, PLANE, measure_steps
from napari_shiftseg.pipeline.series import linked_axis
from napari_shiftseg.results.measuring import axes_of_run, with_planes_last
from napari_shiftseg.stores.axes import CHANNELS
from napari_shiftseg.stores.reading import name_of_file
from napari_shiftseg.stores.writing import OBJECTS

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.distributed.order import StoreOrder
    from napari_shiftseg.distributed.output import Output
    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.progress import Progress


def table_beside(store: Path) -> Path:
    """Return where the table of the objects of a store is: ``out_objects.csv``.

    Parameters
    ----------
    store : Path
        ``out.zarr``
    """
    return store.with_name(f"{name_of_file(store)}{OBJECTS}.csv")


MOST_HULLS = 20_000  # objects in 3-D whose hulls are computed; more take minutes


def table_steps(
    order: StoreOrder, output: Output, objects: int
) -> Generator[Progress, None, Table]:
    """Measure the objects of a store; yields `Progress`.

    How sure they are is not known: the embedding is gone.

    Parameters
    ----------
    order : StoreOrder
    output : Output
        Whose labels are whole.
    objects : int
        How many there are; of too many volumes there is no solidity.
    """
    names, ndim = [*order.leading.lower()], output.ndim
    asked = order.settings.link_planes
    linked = linked_axis(asked, names, len(names), ndim) if names else None
    axes, along = axes_of_run(names, len(names), ndim, linked)
    labels: Any = zarr.open_array(str(output.labels[0]), mode="r")
    light: Any = Part(order.pixels, order.plan.offset, output.shape[-ndim:])
    if along is not None:
        labels, light = (_moved(each, along, ndim) for each in (labels, light))
    spatial = len(axes.lstrip(FRAME + PLANE))
    source = order.source
    plain = replace(source, axes=source.axes.replace(CHANNELS, ""))
    offset = (0,) * (spatial - ndim) + order.plan.offset
    return (
        yield from measure_steps(
            labels, light, plain.pixel_size(spatial), axes=axes, offset=offset,
            solidity=spatial < 3 or objects <= MOST_HULLS,
        )
    )  # fmt: skip


@dataclass(frozen=True)
class Part:
    """A part of an image along its last axes; it is read when it is asked for."""

    whole: Any
    offset: tuple[int, ...]  # at which it begins, and
    size: tuple[int, ...]  # how large it is, on the last axes

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the part."""
        return (*self.whole.shape[: -len(self.size)], *self.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the pixels."""
        kind: np.dtype[Any] = np.dtype(self.whole.dtype)
        return kind

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Return the pixels of a box: a slice, or on other axes a number, an axis."""
        before, own = key[: -len(self.size)], key[-len(self.size) :]
        moved = (
            slice(side.start + begin, side.stop + begin)
            for side, begin in zip(own, self.offset, strict=True)
        )
        return np.asarray(self.whole[(*before, *moved)])


def _moved(array: Any, along: int, ndim: int) -> Any:
    """Let an axis be the first of the spatial ones, lazily."""
    order = with_planes_last(array.ndim, along, ndim)
    if order == sorted(order):
        return array
    import dask.array as da

    return da.from_array(array).transpose(order)
