"""Review: from the least sure object on, each marked right or mended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

import numpy as np
from magicgui.widgets import PushButton
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.mend.layers import RightMarks
from napari_shiftseg.gui.mend.looked_at import LookedAt
from napari_shiftseg.gui.mend.tools import ESCAPE, BorrowedKey
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.choices import is_truth
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.gui.parts.layout import ControlRow
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.gui.parts.travel import come_near
from napari_shiftseg.gui.parts.viewer import OwnLayer, shown_part
from napari_shiftseg.results.review import doubts

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.gui.mend.layers import RightObjects
    from napari_shiftseg.gui.mend.steering import Steering
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.results.review import Doubt

    Table = dict[str, NDArray[Any]]


NEXT_KEY, RIGHT_KEY, UNDO = "N", "O", "Control-Z"
NEXT_TIP = (
    "Go to the object that is least sure of those not looked at yet, in the frame that "
    "is shown. Mark it right, or mend it: both count as looked at."
)
RIGHT_TIP = (
    "Mark the outlined object right, and go to the next one, without Next. Ctrl+Z "
    "takes that back, and so does a click with the tool Mark right. Esc lets the "
    "outline go."
)
WENT_ON = "Marked right; this is the next one (N would pass over it). "
STILL_CLUSTERED = "This plane is still being clustered: try again."
ASKING = "Finding how sure each object is…"
NONE_LEFT = "Every object of this frame has been looked at."
COLOUR = "#56b4e9"  # sky blue of Okabe and Ito: no eyes take it for the green of RIGHT
WIDTH = 2  # of the outline, in pixels
ROOM = WIDTH + 1  # around the object, so that no side of its outline is cut off


class ReviewOutline(OwnLayer):
    """The outline of the object to look at; made once and then hidden and moved."""

    def show(self, labels: Labels, frame: Point, box: Box, number: int) -> None:
        """Outline an object.

        Parameters
        ----------
        labels : Labels
        frame : tuple of int
        box : tuple of slice
            Around it, in pixels of the labels.
        number : int
        """
        inside = around(np.pad(labels.data[(*frame, *box)] == number, ROOM))
        data = inside.reshape((1,) * len(frame) + inside.shape)
        corner = (*frame, *(along.start - ROOM for along in box))
        place = LayerSource.of(labels).placed(corner, labels.ndim)
        if self._of is not labels:  # of other axes, perhaps
            self.remove()
        layer = self.layer
        if layer is None:
            layer = _outline(data, labels, place)
            self._add(layer, labels)
        else:
            layer.data = data
            self._place(layer, place)
        layer.visible = True


def around(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return an object made wider in its planes: its outline leaves it to be seen.

    Parameters
    ----------
    inside : ndarray of bool
        With as much room around it as an outline is wide.
    """
    from scipy.ndimage import binary_dilation, generate_binary_structure

    flat = generate_binary_structure(2, 1).reshape((1,) * (inside.ndim - 2) + (3, 3))
    wider: NDArray[np.bool_] = binary_dilation(inside, flat, iterations=WIDTH)
    return wider.astype(np.uint8)


def _outline(data: NDArray[np.uint8], labels: Labels, place: dict[str, Any]) -> Labels:
    layer = Labels(
        data,
        name=f"to look at · {labels.name}",
        colormap=CyclicLabelColormap(colors=[(0, 0, 0, 0), COLOUR]),
        opacity=1,
        metadata={METADATA_KEY: "to look at"},
        **place,
    )
    layer.contour, layer.editable = WIDTH, False
    return layer


class Review(ControlRow):
    """Goes from the least sure object on.

    Parameters
    ----------
    viewer : napari.Viewer
    right : RightObjects
    say : callable
        Takes what the user should read, and its kind.
    changed : callable
        Called when an object was marked.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        right: RightObjects,
        say: Callable[[str, str], None],
        changed: Callable[[], None],
    ) -> None:
        self._viewer, self._right = viewer, right
        self._say, self._changed = say, changed
        self._steering: Steering | None = None
        self._looked: LookedAt | None = None
        self._frame: SteeredFrame | None = None  # in which objects were visited
        self._visited: set[int] = set()
        self._tables: WeakKeyDictionary[SteeredFrame, Table] = WeakKeyDictionary()
        self._asked: WeakSet[SteeredFrame] = WeakSet()
        self.current: int | None = None
        self._marked: list[tuple[int, int]] = []  # by Right: object, edits before it
        self._undo: BorrowedKey | None = None  # while one can be taken back
        self._outline = ReviewOutline(viewer)
        self.next = PushButton(
            text=f"Next doubtful object  [{NEXT_KEY}]", tooltip=NEXT_TIP
        )
        self.right = PushButton(text=f"Right  [{RIGHT_KEY}]", tooltip=RIGHT_TIP)
        self.progress = wrapped_label()
        super().__init__(self.next, self.right, self.progress)
        self.next.changed.connect(lambda: self.go_on())
        self.right.changed.connect(self.mark_right)
        self._key_next = BorrowedKey(viewer, NEXT_KEY, self._press_next)
        self._keys: list[BorrowedKey] = []  # while an object is outlined
        self.right.enabled = False

    def choose(self, steering: Steering | None) -> None:
        """Take the labels that are worked on; None: there are none."""
        if steering is not self._steering:
            self._steering = steering
            self._looked = None if steering is None else LookedAt(steering)
            self._frame = None
            self._end()

    def follow(self, frame: SteeredFrame | None) -> None:
        """Follow what became of the frame that is shown; None: it is clustered now.

        Parameters
        ----------
        frame : SteeredFrame or None
        """
        if frame is not self._frame:
            self._frame = frame
            self._end()
        if frame is None or self._looked is None:
            self.progress.value = ""
            return
        known = self._looked.of(frame)
        there = frame.mending.boxes
        number = self.current
        if number is not None and (number in known or number not in there):
            self._drop()
        self.progress.value = f"{len(known):,} of {len(there):,} looked at"
        self._looked.write()

    def go_on(self, before: str = "") -> None:
        """Go to the object that is least sure, of those neither looked at nor visited.

        When all were visited, those not looked at are visited again.

        Parameters
        ----------
        before : str
            What is said before the words on it.
        """
        steering = self._steering
        if steering is None or self._looked is None:
            return
        at = shown_part(self._viewer, steering.layer, steering.kept)[0]
        frame = steering.frame(at)
        self.follow(frame)
        if frame is None:
            self._say(STILL_CLUSTERED, "note")
            return
        table = self._tables.get(frame)
        if table is None:
            self._ask(steering, frame)
            return
        known = self._looked.of(frame)
        left = [n for n in frame.mending.boxes if n not in known]
        if not left:
            self._drop()
            self._say(NONE_LEFT, "note")
            return
        if self._visited.issuperset(left):
            self._visited.clear()
        fresh = [number for number in left if number not in self._visited]
        self._visit(steering, frame, doubts(table, fresh)[0], before)

    def _ask(self, steering: Steering, frame: SteeredFrame) -> None:
        """Find how sure the objects of a frame are, then go on."""
        if frame in self._asked and steering.is_busy:
            return

        def done(table: Table) -> None:
            self._tables[frame] = table
            if frame is self._frame:
                self.go_on()

        self._asked.add(frame)
        self._say(ASKING, "note")
        steering.add(confidence_task(steering, frame, done))

    def mark_right(self) -> None:
        """Mark the outlined object right, and go on."""
        steering, frame, number = self._steering, self._frame, self.current
        if steering is None or frame is None or number is None:
            return
        layer, at = steering.layer, frame.position
        pixel = (*at, *pixel_of(frame, number))
        if RightMarks.of(layer).image[pixel]:  # as it was outlined then
            self._right.toggle(layer, pixel, len(at))
        self._right.toggle(layer, pixel, len(at))
        self._marked.append((number, len(steering.history.store.done)))
        if self._undo is None:
            self._undo = BorrowedKey(layer, UNDO, self._take_back)
        self._changed()
        self.go_on(WENT_ON)

    def _take_back(self) -> None:
        """Undo what was done last: an edit, else the latest Right."""
        steering, frame = self._steering, self._frame
        if steering is None or frame is None:
            return
        number, before = self._marked[-1]
        layer, at = steering.layer, frame.position
        if len(steering.history.store.done) > before:
            layer.undo()
            return
        self._marked.pop()
        if not self._marked:
            self._free_undo()
        if number not in frame.mending.boxes:
            return
        pixel = (*at, *pixel_of(frame, number))
        if RightMarks.of(layer).image[pixel]:  # else a click has unmarked it
            self._right.toggle(layer, pixel, len(at))
        self._changed()
        self._go_to(number)

    def _free_undo(self) -> None:
        self._marked.clear()
        if self._undo is not None:
            self._undo.free()
            self._undo = None

    def close(self) -> None:
        """Leave viewer and keys as they were met."""
        self._end()
        self._outline.remove()
        self._key_next.free()

    def _press_next(self) -> None:
        if self.enabled and not is_truth(self._viewer.layers.selection.active):
            self.go_on()

    def _go_to(self, number: int) -> None:
        """Go back to an object whose mark was taken back."""
        steering, frame = self._steering, self._frame
        table = None if frame is None else self._tables.get(frame)
        if steering is not None and frame is not None and table is not None:
            self._visit(steering, frame, doubts(table, [number])[0])

    def _visit(
        self, steering: Steering, frame: SteeredFrame, doubt: Doubt, before: str = ""
    ) -> None:
        layer, number = steering.layer, doubt.label
        box = frame.mending.boxes[number]
        layer.visible = True
        self._viewer.layers.selection.active = layer
        layer.selected_label = number
        self._outline.show(layer, frame.position, box, number)
        pixel = (*frame.position, *pixel_of(frame, number))
        width = [along.stop - along.start for along in box]
        come_near(self._viewer, layer, pixel, width)
        self._visited.add(number)
        self.current, self.right.enabled = number, True
        if not self._keys:
            acts = {RIGHT_KEY: self.mark_right, ESCAPE: self._drop}
            self._keys = [BorrowedKey(self._viewer, *act) for act in acts.items()]
        self._say(f"{before}Object {number:,}. {doubt.words}", "note")

    def _drop(self) -> None:
        """Let no object be outlined."""
        self.current, self.right.enabled = None, False
        self._outline.hide()
        keys, self._keys = self._keys, []
        for key in keys:
            key.free()

    def _end(self) -> None:
        self._visited.clear()
        self._free_undo()
        self._drop()


def confidence_task(
    steering: Steering, frame: SteeredFrame, done: Callable[[Table], None]
) -> FrameTask:
    """Return what finds how sure the objects of a frame are, as they were clustered.

    Parameters
    ----------
    steering : Steering
    frame : SteeredFrame
    done : callable
        Takes the table, with the numbers that the labels have.
    """
    kept: Any = steering.kept  # it has a config, which is what is asked of a model

    def steps() -> Generator[Progress, None, Table]:
        from napari_shiftseg.results.confidence import confidence_steps

        run = kept.run_of(frame.position, frame.objects, frame.clustering)
        table = yield from confidence_steps(run, kept, why=True)
        return table | {"label": frame.numbers.own[table["label"]]}

    return FrameTask(steps, done, frame=frame.position)


def pixel_of(frame: SteeredFrame, number: int) -> Point:
    """Return the pixel of an object nearest to the middle of its box."""
    box = frame.mending.boxes[number]
    inside = np.argwhere(frame.mending.labels[box] == number)
    middle = (np.array([along.stop - along.start for along in box]) - 1) / 2
    nearest = inside[np.abs(inside - middle).sum(axis=1).argmin()]
    return tuple(int(x) + along.start for x, along in zip(nearest, box, strict=True))
