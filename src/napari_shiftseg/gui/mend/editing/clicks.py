"""From clicks and strokes to edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.gui.mend.tools import DELETE, MERGE, REDRAW, SPLIT
from napari_shiftseg.interaction.editing.edits import Delete, Merge, Redraw, Split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.gui.mend.tools import Tool
    from napari_shiftseg.interaction.editing.edits import Edit
    from napari_shiftseg.interaction.editing.positions import Point

MORE = "Shift"  # held: another click follows


class Clicks:
    """Collects clicks until the tool that is on can act.

    Attributes
    ----------
    points : list of tuple of int
        Clicked and not acted on yet, in pixels of the image.
    frame : tuple of int
        In which they were clicked.
    """

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.frame: Point = ()

    def clear(self) -> None:
        """Forget what was clicked."""
        self.points.clear()

    def waits_at(self, frame: Point, point: Point) -> bool:
        """Whether a pixel was clicked and not acted on yet."""
        return frame == self.frame and point in self.points

    def click(
        self, tool: Tool, frame: Point, point: Point, keys: Sequence[str]
    ) -> Edit | None:
        """Take a click; return the edit that it completes, if it does."""
        if tool is DELETE:
            return Delete((point,), frame)
        if tool is REDRAW:
            return Redraw((point,), frame)
        if frame != self.frame:
            self.clear()
        self.frame = frame
        if point not in self.points:
            self.points.append(point)
        if len(self.points) < 2 or MORE in keys:
            return None
        points = tuple(self.points)
        self.clear()
        if tool is MERGE:
            return Merge(points, frame)
        return Split(tuple((point,) for point in points), frame)

    def stroke(self, tool: Tool, frame: Point, points: Sequence[Point]) -> Edit | None:
        """Take a stroke: a merge of all it crosses, or a split of its two ends."""
        self.clear()
        if len(points) < 2:
            return None
        if tool is MERGE:
            return Merge(tuple(points), frame)
        if tool is SPLIT:
            return Split(((points[0],), (points[-1],)), frame)
        return None
