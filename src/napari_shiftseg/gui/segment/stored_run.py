"""A whole image to labels on disk: what is run, paused and stopped off the GUI."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_shiftseg.gui.parts.belonging import SESSION
from napari_shiftseg.gui.parts.stored_labels import (
    CHANNEL_AXIS,
    axis_of_one,
    store_record,
    without_axis,
)
from napari_shiftseg.progress import LOOK, Progress
from napari_shiftseg.stores.axes import known_sizes, one_spelling, result_axes
from napari_shiftseg.stores.lazy import Lazy, open_array, places_of
from napari_shiftseg.stores.own_stores import record_in
from napari_shiftseg.stores.reading import Source
from napari_shiftseg.stores.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from napari_shiftseg.distributed.growing import Growing
    from napari_shiftseg.distributed.order import StoreOrder
    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.pipeline.settings import Settings


class Hold:
    """What is said to steps in another thread: pause, go on, stop."""

    def __init__(self) -> None:
        self._go = Event()
        self._go.set()
        self.is_stopped = False

    @property
    def is_paused(self) -> bool:
        """Whether the steps are to wait."""
        return not self._go.is_set()

    def pause(self) -> None:
        """Let the steps wait."""
        self._go.clear()

    def go_on(self) -> None:
        """Let the steps go on."""
        self._go.set()

    def stop(self) -> None:
        """Let the steps end; what they did is kept."""
        self.is_stopped = True
        self._go.set()

    def wait(self) -> None:
        """Wait a moment, or until the steps may go on."""
        self._go.wait(LOOK)


@dataclass(frozen=True)
class StoredRun:
    """What is to be run into a store: a model, by name or path, on an image."""

    model: str
    source: LayerSource
    settings: Settings
    target: Path


@dataclass(frozen=True)
class StoredOutcome:
    """What a run into a store gave.

    Attributes
    ----------
    run : StoredRun
    report : dict or None
        Of `segment_to_store`; None: the run was stopped.
    offset : tuple of int
        Pixel of the image at which the labels begin.
    table : mapping or None
        Of the objects, unless there are too many to be shown.
    """

    run: StoredRun
    report: dict[str, Any] | None = None
    offset: tuple[int, ...] = ()
    table: Mapping[str, Any] | None = None

    @property
    def record(self) -> dict[str, Any]:
        """What is to be known of the layer; see `run_record`."""
        source, channel = self.run.source, self.run.source.channel
        return store_record(
            self.run.target, record_in(self.run.target), image=source.name,
            image_id=source.identity, image_shape=source.shape, session=SESSION,
            channel=None if channel is None else channel.index, colour=source.colour,
            model=self.run.model,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grown(Progress):
    """Progress of a run whose labels so far were painted, or have changed."""

    levels: tuple[Path, ...] = ()
    offset: tuple[int, ...] = ()


OPENING = Progress(0, 0, stage="loading the model")
PASSES = {  # of `segment_to_store`, by what its steps say
    "predicting": "pass 1 of 2: predicting",
    "finding modes": "pass 2 of 2: finding modes",
    "separating": "pass 2 of 2: parting",
    "clustering": "pass 2 of 2: grouping",
    "writing": "pass 2 of 2: drawing",
    "writing smaller levels": "pass 2 of 2: writing smaller levels",
}


def stored_run(run: StoredRun, hold: Hold) -> Generator[Progress, None, StoredOutcome]:
    """Segment an image into a store, or go on; heavy imports happen in the thread.

    Parameters
    ----------
    run : StoredRun
    hold : Hold
        By which it is paused, and stopped.
    """
    yield OPENING
    from napari_shiftseg.distributed.crew import threads
    from napari_shiftseg.distributed.growing import Growing
    from napari_shiftseg.distributed.journal import unfinished
    from napari_shiftseg.distributed.order import StoreOrder
    from napari_shiftseg.distributed.segmenting import segment_to_store_steps
    from napari_shiftseg.networks.loading.models import load_model

    model = load_model(run.model)
    source = source_of(run.source, model.config)
    settings = replace(run.settings, region=None)
    one = axis_of_one(run.source)
    given = {} if one is None else {CHANNEL_AXIS: one}
    order = StoreOrder(source, model, settings, run.target, given=given)
    place = unfinished(run.target) / "growing.zarr"
    growing = Growing(order.output(run.target), place)
    with threads(1) as crew:
        steps = segment_to_store_steps(order, crew, True, follow=growing.begin)
        report = yield from _held(steps, hold, crew.watch, growing, order)
    return StoredOutcome(run, report, order.plan.offset, _table_of(report))


MOST_ROWS = 200_000  # of a table that is shown; reading so many takes seconds


def _table_of(report: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Read the table that a run wrote; None where it is gone, or too long."""
    if report is None or report["objects"] > MOST_ROWS or "table" not in report:
        return None
    with suppress(OSError, ValueError):
        return read_table(Path(report["table"]))
    return None


def _held(
    steps: Generator[Progress, None, dict[str, Any]],
    hold: Hold,
    watch: Any,
    growing: Growing,
    order: StoreOrder,
) -> Generator[Progress, None, dict[str, Any] | None]:
    """Pass steps on, as they are called here; None if they were stopped."""
    while not hold.is_stopped:
        try:
            progress = next(steps)
        except StopIteration as end:
            report: dict[str, Any] = end.value
            return report
        stage = PASSES.get(progress.stage, progress.stage)
        yield replace(progress, stage=stage)
        with suppress(OSError):  # a picture is no reason to end a run
            if growing.grow():
                yield Grown(
                    progress.done, progress.total, stage=stage,
                    levels=tuple(growing.levels), offset=order.plan.offset,
                )  # fmt: skip
        while hold.is_paused:
            watch.go.clear()
            yield replace(progress, stage="paused")
            hold.wait()
        watch.go.set()
    steps.close()
    return None


def source_of(taken: LayerSource, config: NetworkConfig) -> Source:
    """Return what is taken of a layer as what was read from a file.

    An array of a zarr store is known by its files, any other by its pixels. The axis of
    the channel that is taken is gone.

    Parameters
    ----------
    taken : LayerSource
    config : NetworkConfig
        Of the model.
    """
    ndim, one = config.ndim, axis_of_one(taken)
    number = len(without_axis(taken.shape, one)) - config.image_axes
    names = without_axis(taken.names, one)[: max(number, 0)]
    named = "".join(n.upper() if n in ("t", "z") else "Q" for n in names)
    leading = result_axes(named + "ZYX"[-ndim:], number + ndim, ndim)[:number]
    axes = leading + "C" * (config.in_channels > 1) + "ZYX"[-ndim:]
    pixels, path = taken.pixels(), path_of(taken)
    if path is not None:
        pixels = Lazy.of(open_array, str(path))
    if one is not None:
        pixels = pixels[(*(slice(None),) * one, 0)]
    channel = "" if taken.channel is None else str(taken.channel.index + 1)
    if taken.rgb:
        channel = taken.colour
    return Source(
        taken.name, pixels, axes, _calibration(taken, axes), _not_stored(taken),
        "" if path is None else str(path), channel, origin=_origin(taken, axes),
    )  # fmt: skip


def path_of(taken: LayerSource) -> Path | None:
    """Return where the array of a layer lies, if all of it is taken from a zarr store.

    Parameters
    ----------
    taken : LayerSource
    """
    data = taken.data
    if taken.rgb or taken.channel is not None or not isinstance(data, zarr.Array):
        return None
    return next(iter(places_of(data)), None)


def _calibration(taken: LayerSource, axes: str) -> Any:
    """Return the sizes that the layer says: 1 pixel says nothing."""
    one = axis_of_one(taken)
    scale = without_axis(abs(taken.placement.scale), one)[-len(axes) :]
    units = without_axis(taken.units, one)[-len(axes) :]
    said = zip(axes, scale, units, strict=True)
    return known_sizes(
        {
            axis: (size, unit)
            for axis, size, unit in said
            if axis in "TZYX" and (size != 1 or one_spelling(unit) != "pixel")
        }
    )


def _origin(taken: LayerSource, axes: str) -> dict[str, float]:
    """Return where the layer begins; 0 is left out, as where nothing is said."""
    begins = without_axis(taken.placement.translate, axis_of_one(taken))
    placed = zip(axes, begins[-len(axes) :], strict=True)
    return {axis: float(at) for axis, at in placed if axis in "TZYX" and at}


def _not_stored(taken: LayerSource) -> tuple[str, ...]:
    """Say what of the layer's place a store cannot hold."""
    turned = taken.placement.linear_matrix, np.diag(abs(taken.placement.scale))
    affine = taken.affine.affine_matrix
    if np.allclose(*turned) and np.allclose(affine, np.eye(len(affine))):
        return ()
    return (NOT_STORED,)


NOT_STORED = (
    "scale and position of the layer are stored, its rotation, shear, flips and affine "
    "transform are not: where the store is opened, the labels lie without them"
)
