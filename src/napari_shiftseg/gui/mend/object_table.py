"""The table of objects of a layer while it is mended: what changed is measured anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from napari_shiftseg.gui.mend.layers import forget_classes
from napari_shiftseg.gui.parts.object_features import (
    EDITED,
    INDEX,
    LOOKED_AT,
    RIGHT,
    features_of,
    has_table,
    with_looked_at,
)
from napari_shiftseg.gui.parts.records import LayerRecord, LayerSession
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.mending.boxes import hull
from napari_shiftseg.progress import Progress
from napari_shiftseg.results.measuring import Measuring, axes_of_run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.gui.parts.jobs import OneJob
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Change
    from napari_shiftseg.relabelling.relabel import Kept

AT_ONCE = 2**19  # pixels that are measured while the user waits, about 40 ms
LEADING = ("frame", "plane")


class LayerTable:
    """Keeps the features of a layer right, if they are a table of ours.

    Objects that edits changed are measured anew, and what the run knew of them (their
    class, how sure they are) is blank; where they are again as the run made them, by
    an undo for example, it is known again. Where much has changed all is measured
    anew, in a thread.

    Parameters
    ----------
    layer : Labels
    kept : Kept
        Of the run that made it.

    Attributes
    ----------
    is_stale : bool
        Whether all is to be measured anew.
    """

    def __init__(self, layer: Labels, kept: Kept) -> None:
        self._layer, self._session = layer, LayerSession.of(layer)
        self._measuring = self._session.measuring or _measuring_of(layer, kept)
        if self._session.table is None and has_table(layer):
            self._session.table = layer.features.copy()
        self.is_stale = False

    def forget(self) -> None:
        """Learn that all objects are others: knobs were turned."""
        if has_table(self._layer):
            self._layer.features = {}
            self._session.table, self.is_stale = None, True
        forget_classes(self._layer)

    def follow(self, changes: Sequence[Change] | None) -> None:
        """Learn what edits changed; None: anything may be other than before.

        Parameters
        ----------
        changes : sequence of Change or None
        """
        if not has_table(self._layer):
            forget_classes(self._layer)
            return
        if changes is None:
            self.is_stale = True
            return
        by_place: dict[tuple[int, ...], list[tuple[Box, frozenset[int]]]] = {}
        for change in changes:
            place, box = self._placed(change)
            by_place.setdefault(place, []).append((box, change.numbers - {0}))
        for place, parts in by_place.items():
            self._measure(place, parts)

    def measure(self, job: OneJob, revision: Callable[[], int]) -> None:
        """Measure all objects anew in a thread; again if they are edited meanwhile.

        Parameters
        ----------
        job : OneJob
            That has nothing to do.
        revision : callable
            Returns a number that rises with each edit.
        """
        self.is_stale, before = False, revision()

        def take(found: pd.DataFrame) -> None:
            if revision() == before:
                self.take(found)
            else:
                self.is_stale = True

        job.run(self._steps(), take)

    def _steps(self) -> Generator[Progress, None, pd.DataFrame]:
        """Measure all objects, as they are now; yields `Progress`."""
        data, measuring = self._layer.data.copy(), self._measuring

        def steps() -> Generator[Progress, None, pd.DataFrame]:
            yield Progress(0, 1, stage="measuring")
            return features_of((yield from measuring.steps(data)))

        return steps()

    def rows_at(self, at: Point) -> NDArray[np.bool_]:
        """Whether rows of the table are of a frame; of volumes they are of all planes.

        Parameters
        ----------
        at : tuple of int
            On the leading axes of the layer.
        """
        measuring, spatial = self._measuring, self._layer.ndim - len(at)
        order = measuring.arranged((*at, *(0,) * spatial))
        return self._is_at(
            self._layer.features, order[: len(order) - measuring.spatial]
        )

    def take(self, found: pd.DataFrame) -> None:
        """Show what was measured of all objects."""
        if self._session.table is None:
            self._session.table = found.copy()
            self._layer.features = found
        else:
            self._layer.features = self._completed(found)

    def _placed(self, change: Change) -> tuple[tuple[int, ...], Box]:
        """Return where a change lies, as objects are measured: frame and box."""
        sides = [
            at if isinstance(at, slice) else slice(at, at + 1) for at in change.place
        ]
        order = self._measuring.arranged(sides)
        spatial = self._measuring.spatial
        place = tuple(side.start for side in order[: len(order) - spatial])
        return place, tuple(order[len(order) - spatial :])

    def _measure(
        self, place: tuple[int, ...], parts: Iterable[tuple[Box, frozenset[int]]]
    ) -> None:
        """Measure the objects of a frame anew that edits changed."""
        boxes, labels = zip(*parts, strict=True)
        changed = set().union(*labels)
        table = with_looked_at(self._layer.features)
        here = table[INDEX].isin(changed) & self._is_at(table, place)
        known = [self._measuring.box_of(row) for row in table[here].to_dict("records")]
        box = hull([*boxes, *known])
        if np.prod([side.stop - side.start for side in box]) > AT_ONCE:
            self.is_stale = True
            return
        found = self._measuring.some(self._layer.data, place, box, changed)
        rows = self._completed(features_of(found))
        joined = pd.concat([table[~here], rows], ignore_index=True)
        order = [*(name for name in LEADING if name in joined), INDEX]
        self._layer.features = joined.sort_values(order, ignore_index=True)

    def _is_at(self, table: pd.DataFrame, place: Sequence[int]) -> NDArray[np.bool_]:
        """Whether rows are of a frame."""
        at = np.ones(len(table), dtype=bool)
        for name, here in self._measuring.places(place).items():
            if name in table:
                at &= table[name].to_numpy() == here
        return at

    def _completed(self, found: pd.DataFrame) -> pd.DataFrame:
        """Return rows with what the run knew of objects that are as it made them."""
        first: pd.DataFrame = self._session.table
        now = with_looked_at(self._layer.features)
        keys = [name for name in (*LEADING, INDEX) if name in found]
        old = first.drop_duplicates(keys).set_index(keys)
        wanted = (
            pd.MultiIndex.from_frame(found[keys]) if len(keys) > 1 else found[INDEX]
        )
        old = old.reindex(wanted)
        compared = [name for name in found if name in old and name not in keys]
        same = np.ones(len(found), dtype=bool)
        for name in compared:
            same &= _alike(old[name].to_numpy(), found[name].to_numpy())
        table = found.copy()
        for name in first:
            if name not in table and name != LOOKED_AT:
                table[name] = _where(same, old[name].to_numpy(), first[name].dtype)
        seen = now[now[LOOKED_AT] == RIGHT].set_index(keys).index
        right = wanted.isin(seen)
        table[LOOKED_AT] = np.where(same, np.where(right, RIGHT, ""), EDITED)
        return table[[*(n for n in first if n in table and n != LOOKED_AT), LOOKED_AT]]


def _alike(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether values are the same; a float may come of another sum."""
    if other.dtype.kind != "f":
        return np.asarray(one == other)
    near = np.isclose(one.astype(float), other, rtol=1e-9, atol=1e-6, equal_nan=True)
    return np.asarray(near)


def _where(same: NDArray[np.bool_], values: NDArray[Any], kind: Any) -> NDArray[Any]:
    """Return values where objects are the same, elsewhere what stands for none."""
    blank = {"b": False, "f": np.nan}.get(kind.kind, "")
    found = np.full(len(same), blank, dtype=kind if blank != "" else object)
    found[same] = values[same]
    return found


def _measuring_of(layer: Labels, kept: Kept) -> Measuring:
    """Return how objects are measured where the run is not of this session."""
    source, number = LayerSource.of(layer), len(kept.leading)
    axes, along = axes_of_run(
        source.names[:number], number, kept.ndim, kept.linking.along
    )
    spatial = kept.ndim + (along is not None)
    first = tuple(LayerRecord(layer).run.get("frame", ()))
    return Measuring(
        axes, along, source.pixel_size(spatial),
        (0,) * (spatial - kept.ndim) + tuple(kept.offset),
        tuple(x for at, x in enumerate(first) if at != along),
    )  # fmt: skip
