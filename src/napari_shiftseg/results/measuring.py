"""How the objects of a run are measured: all of them, or some that have changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from napari_shiftseg.metrics.measuring import (
    FRAME,
    LEADING,
    PLANE,
    SPATIAL,
    measure,
    measure_steps,
)
from napari_shiftseg.stores.image import as_read

if TYPE_CHECKING:
    from collections.abc import Collection, Generator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.progress import Progress

TIME = ("t", "time", "frame", "frames")


class Sized(Protocol):
    """Knows how large a pixel is."""

    def pixel_size(self, ndim: int) -> tuple[float, ...]:
        """Return µm from one pixel to the next on the last axes; empty: not known."""


@dataclass(frozen=True)
class Measuring:
    r"""How the objects of a layer are measured, again and again.

    Attributes
    ----------
    axes : str
        See `measure`.
    along : int or None
        Axis of the layer that is z of volumes, among those before the spatial ones.
    spacing : tuple of float
        In µm; empty: not known.
    offset : tuple of int
        Pixel of the image at which the labels begin.
    first : tuple of int
        Where they begin on the axes T and P.
    light : array or None
        Grey values, as the labels lie after `arranged`.
    """

    axes: str
    along: int | None = None
    spacing: tuple[float, ...] = ()
    offset: tuple[int, ...] = ()
    first: tuple[int, ...] = ()
    light: Any = None

    @classmethod
    def of(
        cls,
        result: Segmentation,
        model: TiledNetwork,
        image: Any = None,
        source: Sized | None = None,
        leading: Sequence[str] = (),
        first: Sequence[int] = (),
    ) -> Measuring:
        """Return how the objects of a run are measured.

        Parameters
        ----------
        result, model, image, source, leading, first
            See `object_table_steps`.
        """
        number, ndim = len(result.leading), len(result.plan.axes)
        axes, along = axes_of_run(leading, number, ndim, result.linking.along)
        spatial = len(axes.lstrip(FRAME + PLANE))
        light = None
        if image is not None:
            config = model.config
            pixels = as_read(image, config.ndim, config.in_channels)
            light = pixels[(..., *(slice(*side) for side in result.region))]
            if along is not None:
                light = light.transpose(with_planes_last(light.ndim, along, ndim))
        return cls(
            axes, along, source.pixel_size(spatial) if source else (),
            (0,) * (spatial - ndim) + result.offset,
            tuple(x for at, x in enumerate(first) if at != along), light,
        )  # fmt: skip

    @property
    def spatial(self) -> int:
        """Axes of an object."""
        return len(self.axes.lstrip(FRAME + PLANE))

    def arranged(self, values: Sequence[Any]) -> list[Any]:
        """Return values, one an axis of the layer, in the order of `axes`."""
        if self.along is None:
            return list(values)
        rest = [value for at, value in enumerate(values) if at != self.along]
        rest.insert(len(self.axes) - self.spatial, values[self.along])
        return rest

    def labels_of(self, data: NDArray[Any]) -> NDArray[Any]:
        """Return the labels of a layer, their axes in the order of `axes`."""
        return data.transpose(self.arranged(range(data.ndim)))

    def steps(self, data: NDArray[Any]) -> Generator[Progress, None, Table]:
        """Measure all objects of a layer; yields `Progress`."""
        table = yield from measure_steps(
            self.labels_of(data), self.light, self.spacing, axes=self.axes,
            offset=self.offset or None,
        )  # fmt: skip
        for name, begin in zip(self._leading, self.first, strict=False):
            table[name] = table[name] + begin
        return table

    @property
    def _leading(self) -> list[str]:
        """Columns of the axes before the spatial ones."""
        return [LEADING[letter] for letter in self.axes[: -self.spatial]]

    def some(
        self, data: NDArray[Any], place: Sequence[int], box: Box, of: Collection[int]
    ) -> Table:
        """Measure some objects, all of whose pixels lie in a box of a frame.

        Parameters
        ----------
        data : ndarray of int
            Of the layer.
        place : sequence of int
            On the axes T and P.
        box : tuple of slice
            On the spatial axes.
        of : collection of int
            Their labels.
        """
        labels = self.labels_of(data)
        key: Any = (*place, *box)
        own = labels[key]
        own = np.where(np.isin(own, list(of)), own, 0)
        start = self.offset or (0,) * self.spatial
        corner = [o + side.start for o, side in zip(start, box, strict=True)]
        table = measure(
            own, self._light_in(place, box), self.spacing,
            axes=SPATIAL[-self.spatial :], offset=corner,
        )  # fmt: skip
        self._find_border(table, labels.shape[-self.spatial :])
        for name, at in self.places(place).items():
            table[name] = np.full(len(table["label"]), at)
        return table

    def places(self, place: Sequence[int]) -> dict[str, int]:
        """Return what frame and plane of a place in the labels are in the image."""
        first = (*self.first, *(0,) * len(place))
        return {
            name: at + begin
            for name, at, begin in zip(self._leading, place, first, strict=False)
        }

    def _light_in(self, place: Sequence[int], box: Box) -> NDArray[Any] | None:
        """Read the grey values of a box, channels first if there are some."""
        if self.light is None:
            return None
        key: list[Any] = [*place, *box]
        if len(self.light.shape) > len(self.axes):
            key.insert(len(place), slice(None))
        return np.asarray(self.light[tuple(key)])

    def _find_border(self, table: Table, shape: Sequence[int]) -> None:
        """Say of each object whether it touches the border of the labels, not a box."""
        touches = np.zeros(len(table["label"]), dtype=bool)
        start = self.offset or (0,) * self.spatial
        for letter, begin, n in zip(
            SPATIAL[-self.spatial :].lower(), start, shape, strict=True
        ):
            touches |= table[f"bbox_{letter}0"] == begin
            touches |= table[f"bbox_{letter}1"] == begin + n
        table["touches_border"] = touches

    def box_of(self, row: Mapping[str, Any]) -> Box:
        """Return the box of an object in the labels, by its row in the table."""
        start = self.offset or (0,) * self.spatial
        letters = SPATIAL[-self.spatial :].lower()
        return tuple(
            slice(int(row[f"bbox_{n}0"]) - o, int(row[f"bbox_{n}1"]) - o)
            for n, o in zip(letters, start, strict=True)
        )


def with_planes_last(ndim: int, along: int, spatial: int) -> list[int]:
    """Return the order of axes in which that of linked planes is z, after channels.

    Parameters
    ----------
    ndim : int
        Axes of the labels, or of the image.
    along : int
        That of the planes.
    spatial : int
        Axes that the model reads, the last ones.
    """
    order = [axis for axis in range(ndim) if axis != along]
    order.insert(ndim - spatial - 1, along)
    return order


def axes_of_run(
    leading: Sequence[str], number: int, spatial: int, linked: int | None
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
    spatial : int
        Axes that the model reads.
    linked : int or None
        Which of the leading ones was linked.
    """
    names = [name.strip().lower() for name in leading] or [""] * number
    is_time = [name in TIME for name in names]
    along = None if linked is None or is_time[linked] else linked
    others = [time for axis, time in enumerate(is_time) if axis != along]
    letters = "".join(FRAME if time else PLANE for time in others)
    if len(set(letters)) < len(letters):
        letters = (FRAME + PLANE)[: len(letters)]
    return letters + SPATIAL[-spatial - (along is not None) :], along
