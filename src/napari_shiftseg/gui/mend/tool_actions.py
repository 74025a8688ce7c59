"""What the tools do: clicks and strokes on the labels become answers and edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.gui.mend.ask import (
    Asking,
    DistanceLayer,
    Question,
    explained_steps,
)
from napari_shiftseg.gui.mend.layers import Marks
from napari_shiftseg.gui.mend.tools import (
    ADD,
    ASK,
    ASK_ABOUT_PARTS,
    RIGHT,
    Clicks,
    Gestures,
    is_inside,
)
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.gui.parts.travel import bring_into_view
from napari_shiftseg.gui.parts.viewer import shown_part
from napari_shiftseg.mending.edits import Grow, Paint

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import napari
    from napari.layers import Labels

    from napari_shiftseg.gui.mend.ask import Reply
    from napari_shiftseg.gui.mend.layers import RightObjects
    from napari_shiftseg.gui.mend.steering import Steering
    from napari_shiftseg.gui.mend.tools import Pixel, Tool
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.progress import Progress

    Place = tuple[Point, Point]  # frame, and pixel of the image

OUTLINE = 1  # pixel: distances are seen inside objects
HIDDEN = "These labels are hidden: show them (the eye in the layer list) to mend them."
OUTSIDE = "That is outside the labels."
ON_BACKGROUND = "That is background: click an object."
STILL_WAITING = "That is background: click the other object. (Esc drops the points)"
CLICKED_TWICE = "That point is marked already: click the other object. (Esc drops it)"
DROPPED = "The points are dropped."
STILL_CLUSTERED = "This plane is still being clustered: the answer follows."
USE_PLANES = "Show planes (2-D display) to use the tools."


class ToolActions:
    """Carries out what the tool that is on means by a click, a stroke or a move.

    Parameters
    ----------
    viewer : napari.Viewer
    right : RightObjects
    say : callable
        Takes what the user should read, and its kind ("note", "warning", "error").
    changed : callable
        Called when an object was marked or unmarked.
    lay_down : callable
        Called when the user takes a tool of napari's instead.

    Attributes
    ----------
    steering : Steering or None
        Of the labels that are worked on.
    tool : Tool or None
        That is on.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        right: RightObjects,
        say: Callable[[str, str], None],
        changed: Callable[[], None],
        lay_down: Callable[[], None],
    ) -> None:
        self.steering: Steering | None = None
        self.tool: Tool | None = None
        self._viewer, self._right = viewer, right
        self._say, self._changed = say, changed
        self._contour: int | None = None
        self._status = ""  # that the viewer was given
        self._asked: list[Place] = []
        self._waiting: list[Pixel] = []
        self._visited: list[Pixel] = []
        self._clicks, self._marks = Clicks(), Marks(viewer)
        self._distance = DistanceLayer(viewer)
        self._asking = Asking(self._show_reply, lambda text: say(text, "error"))
        self.lay_down = lay_down
        self._gestures = Gestures(viewer, self)

    def take(self, tool: Tool | None) -> None:
        """Take a tool up, or lay the last one down."""
        self._gestures.end()
        self._asking.stop()
        self._clicks.clear()
        self._asked.clear()
        self._waiting, self._visited = [], []
        for own in (self._distance, self._marks):
            if tool is None:
                own.lay_down()
            else:  # the next tool may need it: adding takes long
                own.hide()
        self._clear_status()
        self.tool = tool
        self._say("", "note")
        if self.steering is None:
            return
        layer = self.steering.layer
        self._outline(layer, tool is ASK)
        if tool is not None:
            layer.visible = True  # or objects that are not seen would change
            self._viewer.layers.selection.active = layer
            self._gestures.begin(layer, tool.draws)

    @property
    def hint(self) -> str:
        """What to do with the tool that is on, as the viewer displays the labels."""
        if self.tool is None or self.steering is None:
            return ""
        if self._viewer.dims.ndisplay != 2:
            return USE_PLANES
        has_modes = self.steering.clustering.method == "mean-shift"
        is_of_parts = self.tool is ASK and not has_modes
        return ASK_ABOUT_PARTS if is_of_parts else self.tool.hint

    def close(self) -> None:
        """Lay the tool down, and leave no layer behind."""
        self._marks.remove()
        self._distance.remove()
        self.take(None)

    def click(self, pixel: Pixel, keys: Sequence[str]) -> None:
        """Take a click on a pixel of the layer, with the keys held.

        Parameters
        ----------
        pixel : tuple of int
            On all axes of the layer.
        keys : sequence of str
            That are held.
        """
        steering, tool = self.steering, self.tool
        if steering is None or tool is None:
            return
        layer, place = steering.layer, _place(steering, pixel)
        self._visited = []
        if not layer.visible:
            self._say(HIDDEN, "warning")
        elif place is None:
            self._say(OUTSIDE, "warning")
        elif tool is ASK:
            self._explain(steering, place)
        elif tool is ADD:
            frame, point = place
            self._do(steering, Grow(point, not layer.data[pixel], frame))
        elif not layer.data[pixel] and tool is not RIGHT:
            waits = bool(self._clicks.points)
            self._say(STILL_WAITING if waits else ON_BACKGROUND, "warning")
        elif tool is RIGHT:
            self._mark_right(steering, pixel)
        else:
            self._collect(steering, tool, place, keys)

    def escape(self) -> None:
        """Drop the points that wait for others; where none do, lay the tool down."""
        if self._clicks.points or len(self._asked) == 1:
            self._clicks.clear()
            self._asked.clear()
            self._show_marks(())
            self._say(DROPPED, "note")
        else:
            self.lay_down()

    def visit(self, numbers: Sequence[int]) -> None:
        """Mark the points of edits, and go to the last one; none: mark no more.

        Parameters
        ----------
        numbers : sequence of int
            Of the edits in their list, from 0.
        """
        steering = self.steering
        if steering is None:
            return
        layer, edits = steering.layer, [steering.history.edits[n] for n in numbers]
        pixels = [
            [_pixel(steering, place) for place in places_of(edit)]
            for edit in edits
            if len(edit.frame) == layer.ndim - steering.kept.ndim
        ]
        found = [[p for p in points if is_inside(layer, p)] for points in pixels]
        self._visited = [pixel for pixels in found for pixel in pixels]
        self._draw_marks()
        if found and found[-1]:
            bring_into_view(self._viewer, layer, found[-1][0])

    def draw(self, pixels: Sequence[Pixel]) -> None:
        """Take a stroke over pixels of the layer."""
        steering, tool = self.steering, self.tool
        if steering is None or tool is None:
            return
        self._visited = []
        if not steering.layer.visible:
            self._say(HIDDEN, "warning")
            return
        places = [p for p in (_place(steering, pixel) for pixel in pixels) if p]
        if len(places) < len(pixels):
            self._say("The stroke leaves the labels: draw within them.", "warning")
            return
        frame, points = places[0][0], [point for _, point in places]
        self._do(steering, self._clicks.stroke(tool, frame, points))
        self._show_marks(())

    def hover(self, pixel: Pixel) -> None:
        """Take a move to a pixel of the layer."""
        steering = self.steering
        if steering is None or self.tool is not ASK:
            return
        place = _place(steering, pixel)
        if place is not None and steering.frame(place[0]) is not None:
            _, view = shown_part(self._viewer, steering.layer, steering.kept)
            known = self._asking.evidence.of(steering, place[0], axes_of(steering))
            self._asking.ask(Question(known, place[1], view))

    def _outline(self, layer: Labels, wanted: bool) -> None:
        """Show outlines while pixels are asked, and then what was shown before."""
        if wanted and self._contour is None:
            self._contour, layer.contour = layer.contour, OUTLINE
        elif not wanted and self._contour is not None:
            layer.contour, self._contour = self._contour, None

    def _collect(
        self, steering: Steering, tool: Tool, place: Place, keys: Sequence[str]
    ) -> None:
        """Take a click on an object: the tool acts, or waits for more."""
        is_known = self._clicks.waits_at(*place)
        edit = self._clicks.click(tool, *place, keys)
        self._do(steering, edit)
        self._show_marks([(place[0], point) for point in self._clicks.points])
        if is_known and edit is None:
            self._say(CLICKED_TWICE, "warning")

    def _do(self, steering: Steering, edit: Edit | None) -> None:
        if edit is not None:
            self._say("", "note")
            steering.do(edit)

    def _mark_right(self, steering: Steering, pixel: Pixel) -> None:
        leading = len(pixel) - steering.kept.ndim
        if not self._right.toggle(steering.layer, pixel, leading):
            self._say(ON_BACKGROUND, "warning")
        self._changed()

    def _show_reply(self, reply: Reply) -> None:
        if self.tool is not ASK or self.steering is None:
            return
        if reply.distances is not None:
            offset = self.steering.kept.offset
            corner = tuple(x - o for x, o in zip(reply.corner, offset, strict=True))
            at = (*reply.question.known.frame.position, *corner)
            self._distance.show(reply.distances, self.steering.layer, at)
        self._viewer.status = self._status = reply.text
        if not self._asked:
            self._say(reply.text, "note")

    def _clear_status(self) -> None:
        """Take back what the viewer's status bar was given, if it stands there yet."""
        if self._status and self._viewer.status == self._status:
            self._viewer.status = ""
        self._status = ""

    def _explain(self, steering: Steering, place: Place) -> None:
        """Explain two clicked objects; the third click begins anew."""
        if len(self._asked) == 2 or place[0] not in {frame for frame, _ in self._asked}:
            self._asked.clear()
        self._asked.append(place)
        self._show_marks(self._asked)
        if len(self._asked) == 1:
            self._say("Click a second object: are they one or two, and why?", "note")
            return
        if steering.frame(place[0]) is None:
            self._say(STILL_CLUSTERED, "note")
        steering.add(self._explanation(steering, *self._asked))

    def _explanation(self, steering: Steering, one: Place, other: Place) -> FrameTask:
        """Explain two pixels of a frame; again if it is edited meanwhile."""
        at, both, axes = one[0], (one[1], other[1]), axes_of(steering)
        revision = -1

        def steps() -> Generator[Progress, None, str]:
            nonlocal revision
            revision = steering.revision_of(at)
            return explained_steps(self._asking.evidence.of(steering, at, axes), both)

        def done(text: str) -> None:
            if revision == steering.revision_of(at):
                self._say(text, "note")
            else:
                steering.add(self._explanation(steering, one, other))

        return FrameTask(steps, done, frame=at)

    def _show_marks(self, waiting: Sequence[Place]) -> None:
        steering = self.steering
        if steering is not None:
            self._waiting = [_pixel(steering, place) for place in waiting]
            self._draw_marks()

    def _draw_marks(self) -> None:
        pixels = [*self._visited, *self._waiting]
        if self.steering is not None and (pixels or self.tool is not None):
            self._marks.show(pixels, self.steering.layer)
        else:
            self._marks.lay_down()


def _pixel(steering: Steering, place: Place) -> Pixel:
    """Return the pixel of the layer at a frame and a pixel of the image."""
    frame, point = place
    offset = steering.kept.offset
    return (*frame, *(x - o for x, o in zip(point, offset, strict=True)))


def _place(steering: Steering, pixel: Pixel) -> Place | None:
    """Return frame and pixel of the image; None outside the labels."""
    layer, kept = steering.layer, steering.kept
    if not is_inside(layer, pixel):
        return None
    leading = layer.ndim - kept.ndim
    point = (x + o for x, o in zip(pixel[leading:], kept.offset, strict=True))
    return pixel[:leading], tuple(point)


def axes_of(steering: Steering) -> tuple[str, ...]:
    """Return the names of the spatial axes, if the layer has some."""
    names = tuple(steering.layer.axis_labels[-steering.kept.ndim :])
    return names if all(name.isalpha() for name in names) else ()


def places_of(edit: Edit) -> list[Place]:
    """Return where an edit is: its points, or the middle one of painted pixels."""
    points = [edit.middle] if isinstance(edit, Paint) else edit.points
    return [(edit.frame, point) for point in points]
