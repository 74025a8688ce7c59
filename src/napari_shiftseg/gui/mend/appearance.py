"""A steered layer as it is seen: its colours, and why a frame of it is empty."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.mend.frames import ShownLabels
from napari_shiftseg.gui.parts.result_layers import IN_TURN, USUAL, WIDE, usual_colours
from napari_shiftseg.metrics.label_image import same_objects
from napari_shiftseg.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.mending.boxes import Point


SPARE = WIDE  # colours of objects that edits make, numbered after the others
MOST = 60_000  # objects; napari takes 2¹⁶ colours
MOST_NARROW = 255  # colours, the background's included, without another texture


def kept_colours(
    former: NDArray[Any], colours: NDArray[np.float32], labels: NDArray[Any]
) -> NDArray[np.float32]:
    r"""Return colours of new objects: those that stay have their former ones.

    The others have the one napari gives to their number, or the next, where the object
    that they come from has that very one.

    Parameters
    ----------
    former : ndarray of int
        (\*spatial), before.
    colours : ndarray
        (colours + 1, 4), of the former objects, cyclic.
    labels : ndarray of int
        (\*spatial), now.

    Returns
    -------
    ndarray
        (objects + 1, 4); a turn of those of napari where these are more than it takes.
    """
    number = int(labels.max(initial=0))
    if number > MOST:
        return USUAL
    same = same_objects(former, labels)
    own = colours[
        np.where(same.former > 0, (same.former - 1) % (len(colours) - 1) + 1, 0)
    ]
    usual = usual_colours(number + 1)
    alike = (usual[:-1] == own).all(axis=1, keepdims=True)
    fresh = np.where(alike, usual[1:], usual[:-1])
    kept: NDArray[np.float32] = np.where(same.stays[:, np.newaxis], own, fresh)
    kept[0] = USUAL[0]
    return kept


class KeptColours:
    """Colours of a layer's objects, while nobody chose another colormap for it.

    Frames are numbered each by itself: the colormap is that of the frame shown.
    """

    def __init__(self) -> None:
        self._known: dict[Point, NDArray[np.float32]] = {}
        self._ours: CyclicLabelColormap | None = None

    def of(self, position: Point, number: int) -> NDArray[np.float32]:
        """Return the colours of a frame's objects and of those that edits may make.

        (number + 1 and more, 4); those that napari gives them, where no other is known.
        """
        usual = usual_colours(min(number, MOST) + SPARE)
        return self._known.get(position, usual)

    def keep(self, position: Point, colours: NDArray[np.float32]) -> None:
        """Take the colours of a frame's objects and of those that edits may make."""
        self._known[position] = colours

    def show(self, layer: Labels, colours: NDArray[np.float32]) -> bool:
        """Let the layer have these colours, and refresh it.

        Nothing is done, and False returned, where it has a colormap that somebody
        chose, or one of so few colours that napari would need another texture.
        """
        if not self._may(layer):
            return False
        if len(layer.colormap.colors) <= MOST_NARROW:
            if len(colours) - SPARE > MOST_NARROW:
                colours = USUAL
            colours = colours[:MOST_NARROW]
        self._ours = CyclicLabelColormap(
            colors=colours,
            use_selection=layer.show_selected_label,
            selection=layer.selected_label,
        )
        layer.colormap = self._ours
        return True

    def _may(self, layer: Labels) -> bool:
        """Whether the layer has the colormap that it was made with, or ours."""
        known = layer.colormap
        if known is self._ours or type(known) is not CyclicLabelColormap:
            return known is self._ours
        usual = usual_colours(len(known.colors) - 1)
        return len(usual) % IN_TURN == 1 and np.array_equal(known.colors, usual)


COLOURS: WeakKeyDictionary[Labels, KeptColours] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class SeenLabels(Progress):
    """What is in view, and the colours of its objects.

    Attributes
    ----------
    shown : ShownLabels
    colours : ndarray
        (colours + 1, 4)
    """

    shown: ShownLabels = field(kw_only=True)
    colours: NDArray[np.float32] = field(kw_only=True, repr=False)


@dataclass(frozen=True)
class SeenFrame:
    """A frame as it is clustered now, as it is seen.

    Attributes
    ----------
    frame : SteeredFrame
    colours : ndarray
        (colours + 1, 4), of its objects and of those that edits may make.
    why_none : str
        What made all objects go, if there is none before the edits.
    """

    frame: SteeredFrame
    colours: NDArray[np.float32]
    why_none: str


def seen_steps(
    steps: Generator[Progress, None, SteeredFrame],
    known: SteeredFrame | None,
    colours: KeptColours,
) -> Generator[Progress, None, SeenFrame]:
    """Cluster a frame, let objects that stay keep their colours, explain an empty one.

    Parameters
    ----------
    steps : generator
        See `frame_steps`.
    known : SteeredFrame or None
        The frame as it was clustered before; None: its labels were not made anew.
    colours : KeptColours
        Of the layer; it is read only.
    """
    returning = Returning(steps)
    for progress in returning:
        if known is not None and isinstance(progress, ShownLabels):
            box = progress.at[len(known.position) :]
            yield SeenLabels(
                progress.done, progress.total, stage=progress.stage,
                shown=progress, colours=_coloured(known, colours, progress.labels, box),
            )  # fmt: skip
        else:
            yield progress
    frame = returning.value
    if known is None:
        seen = colours.of(frame.position, len(frame.objects.mode_of) - 1)
    else:
        seen = _coloured(known, colours, frame.objects.labels)
    return SeenFrame(frame, seen, (yield from _why_none(frame)))


def _coloured(
    known: SteeredFrame,
    colours: KeptColours,
    labels: NDArray[Any],
    box: tuple[Any, ...] = (...,),
) -> NDArray[np.float32]:
    """Return colours of labels in a box: what a frame showed there keeps its own."""
    before = colours.of(known.position, len(known.objects.mode_of) - 1)
    now = kept_colours(known.objects.labels[box], before, labels)
    return np.concatenate([now, before[-SPARE:]])


def _why_none(frame: SteeredFrame) -> Generator[Progress, None, str]:
    from napari_shiftseg.relabelling.bandwidth import why_none_steps

    if len(frame.objects.mode_of) > 1:
        return ""
    return (yield from why_none_steps(frame.relabelling, frame.clustering))


class SeenLayer:
    """Lets the frame that is shown have its own colours.

    Parameters
    ----------
    layer : Labels

    Attributes
    ----------
    colours : KeptColours
    """

    def __init__(self, layer: Labels) -> None:
        self.colours = COLOURS.setdefault(layer, KeptColours())
        self._layer = layer
        self._of: Point | None = None
        self._why_none: dict[Point, str] = {}

    def keep(self, seen: SeenFrame, is_shown: bool) -> None:
        """Take a frame whose labels were written, and refresh the layer."""
        position = seen.frame.position
        self.colours.keep(position, seen.colours)
        self._why_none[position] = seen.why_none
        if is_shown:
            self._of = position
            self.refresh(seen.colours)
        else:
            self._layer.refresh()

    def refresh(self, colours: NDArray[np.float32]) -> None:
        """Refresh the layer, with colours of the frame shown, (colours + 1, 4)."""
        if not self.colours.show(self._layer, colours):
            self._layer.refresh()

    def go_to(self, position: Point, frame: SteeredFrame | None) -> None:
        """Learn which frame is shown, and how it was clustered last, if it was."""
        if frame is not None and position != self._of:
            self._of = position
            number = len(frame.objects.mode_of) - 1
            self.colours.show(self._layer, self.colours.of(position, number))

    def why_none(self, frame: SteeredFrame | None) -> str:
        """Return what made all objects of a frame go; "" where there are some."""
        if frame is None or len(frame.mending.frame.boxes):
            return ""
        found = len(frame.objects.mode_of) - 1
        why = self._why_none[frame.position]
        return why or f"edits took the {found:,} found away"
