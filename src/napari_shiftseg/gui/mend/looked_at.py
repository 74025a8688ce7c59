"""Which objects were looked at: marked right, or mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np

from napari_shiftseg.gui.mend.layers import RightMarks
from napari_shiftseg.gui.parts.object_features import (
    EDITED,
    INDEX,
    LOOKED_AT,
    RIGHT,
)
from napari_shiftseg.metrics.label_image import shared_pixels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.gui.mend.steering import Steering
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.mending import Mending


def looked_at(frame: SteeredFrame, marked: NDArray[np.integer]) -> dict[int, str]:
    r"""Return which objects of a frame were looked at: "edited", or "right".

    One is right if a mark covers it and nothing else: an outline that changed since
    is to be looked at again.

    Parameters
    ----------
    frame : SteeredFrame
    marked : ndarray of int
        (\*spatial), the marked objects as they were.
    """
    mending, inside = frame.mending, marked > 0
    marks = marked[inside]
    sizes = np.bincount(marks)
    edited = {number for made in mending.made for number in made.change.numbers}
    right = [
        number
        for mark, number, shared in np.stack(
            shared_pixels(marks, mending.labels[inside]), axis=1
        ).tolist()
        if shared == sizes[mark] == _size(mending, number)
    ]
    known = dict.fromkeys(right, RIGHT) | dict.fromkeys(edited, EDITED)
    return {number: how for number, how in known.items() if number in mending.boxes}


def _size(mending: Mending, number: int) -> int:
    return int(np.count_nonzero(mending.labels[mending.boxes[number]] == number))


class LookedAt:
    """What was looked at in the frames of labels, computed anew where it may differ."""

    def __init__(self, steering: Steering) -> None:
        self._steering = steering
        self._known: dict[Point, tuple[Any, dict[int, str]]] = {}
        self._written: tuple[list[Any], Any] = [], None

    def of(self, frame: SteeredFrame) -> dict[int, str]:
        """Return how the objects of a frame were looked at; see `looked_at`."""
        steering, at = self._steering, frame.position
        marks = RightMarks.of(steering.layer)
        made = len(frame.mending.made)
        key = ref(frame), steering.revision_of(at), made, marks.revision
        known = self._known.get(at)
        if known is None or known[0] != key:
            self._known[at] = known = key, looked_at(frame, marks.image[at])
        return known[1]

    def write(self) -> None:
        """Write it into the table of objects of the layer, if that has one.

        Rows of frames that nobody has looked into stay as they are.
        """
        layer, frames = self._steering.layer, self._steering.frames
        for frame in frames.values():
            if frame.mending.made:
                self.of(frame)
        table, keys = layer.features, [key for key, _ in self._known.values()]
        if INDEX not in table or self._is_written(keys, table):
            return
        former = list(table.get(LOOKED_AT, [""] * len(table)))
        column = self._column(table[INDEX].to_numpy(), former)
        if column != former or LOOKED_AT not in table:
            layer.features = table.assign(**{LOOKED_AT: column})
        self._written = keys, layer.features

    def _column(self, numbers: NDArray[Any], former: list[str]) -> list[str]:
        """Return how the objects of all rows were looked at, by what is known now."""
        frames, column = self._steering.frames, np.array(former, dtype=object)
        rows = {at: self._steering.table.rows_at(at) for at in self._known}
        for at, here in rows.items():
            there = frames[at].mending.boxes if at in frames else {}
            column[here & np.isin(numbers, list(there))] = ""
        for at, here in rows.items():
            how = self._known[at][1]
            known = here & np.isin(numbers, list(how))
            column[known] = [how[number] for number in numbers[known].tolist()]
        return list(column)

    def _is_written(self, keys: list[Any], table: Any) -> bool:
        return self._written[0] == keys and self._written[1] is table
