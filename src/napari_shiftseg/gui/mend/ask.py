"""Questions: the pixel under the pointer, and two that were clicked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from napari.layers import Image
from napari.utils.colormaps import Colormap, ensure_colormap

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.jobs import OneJob
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.gui.parts.viewer import OwnLayer
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy as np
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.explain.evidence import Evidence
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.gui.mend.steering import Steering
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Made


@dataclass(frozen=True)
class Known:
    r"""What questions about a frame are answered from; nobody changes it.

    Attributes
    ----------
    frame : SteeredFrame
    revision : int
        Of the edits of the frame.
    axes : tuple of str
        Names of the spatial axes; () for the usual ones.
    labels : ndarray of int
        (\*spatial), a copy.
    made : tuple of Made
        The edits.
    """

    frame: SteeredFrame
    revision: int
    axes: tuple[str, ...]
    labels: NDArray[np.integer]
    made: tuple[Made, ...]

    @cached_property
    def evidence(self) -> Evidence:
        """All of it, gathered in the thread that asks first."""
        from napari_shiftseg.explain.evidence import Evidence

        frame = self.frame
        return Evidence(
            frame.predicted, self.labels, frame.objects.modes, frame.clustering,
            frame.mode_of, self.axes, frame.relabelling.neighbourhood,
            self.made,
        )  # fmt: skip


class KnownEvidence:
    """Keeps what is known of one frame, until its edits are others."""

    def __init__(self) -> None:
        self._known: Known | None = None

    def of(self, steering: Steering, position: Point, axes: tuple[str, ...]) -> Known:
        """Return what questions about a frame are answered from, in the GUI thread.

        Parameters
        ----------
        steering : Steering
        position : tuple of int
            Of the frame.
        axes : tuple of str
            Names of the spatial axes.

        Raises
        ------
        ValueError
            If the frame is not clustered yet.
        """
        frame, revision = steering.clustered(position), steering.revision_of(position)
        known = self._known
        if known is None or (known.frame, known.revision, known.axes) != (
            frame, revision, axes,
        ):  # fmt: skip
            mending = frame.mending
            labels, made = mending.labels.copy(), tuple(mending.made)
            self._known = known = Known(frame, revision, axes, labels, made)
        return known


@dataclass(frozen=True)
class Question:
    """A pixel of a frame, in pixels of the image, and what is in view around it."""

    known: Known
    pixel: Point
    view: Region | None


@dataclass(frozen=True)
class Reply:
    """What a pixel is, and how far all that is in view is from it.

    `distances`: None where objects are not made by them.
    """

    question: Question
    distances: NDArray[Any] | None
    corner: Point
    text: str


class Asking:
    """Answers the newest question in a thread; those that came between are left out.

    Parameters
    ----------
    answered : callable
        Takes a `Reply`, in the GUI thread.
    failed : callable
        Takes what is wrong.
    """

    def __init__(
        self, answered: Callable[[Reply], None], failed: Callable[[str], None]
    ) -> None:
        self._answered, self.evidence = answered, KnownEvidence()
        self._next: Question | None = None
        self._job = OneJob(lambda error, _: failed(str(error)), self._continue)

    def ask(self, question: Question) -> None:
        """Ask for a pixel."""
        self._next = question
        self._continue()

    def stop(self) -> None:
        """Answer no more, and hold no embedding."""
        self._next, self.evidence = None, KnownEvidence()
        self._job.abandon()

    def _continue(self) -> None:
        if self._next is not None and not self._job.is_busy:
            question, self._next = self._next, None
            self._job.run(_answer_steps(question), self._answered)


def _answer_steps(question: Question) -> Generator[Progress, None, Reply]:
    """Measure the distances and say what the pixel is."""
    from napari_shiftseg.explain.pixel import ask_pixel, distance_image

    frame = question.known.frame
    yield Progress(0, 1, stage="asking")
    distances, corner = None, question.pixel
    if question.known.evidence.has_modes:
        distances, corner = distance_image(
            frame.predicted, question.pixel, frame.clustering, question.view
        )
    text = ask_pixel(question.known.evidence, question.pixel).text
    return Reply(question, distances, corner, text)


def explained_steps(
    known: Known, pixels: tuple[Point, Point]
) -> Generator[Progress, None, str]:
    """Say why two pixels are one object or two.

    Parameters
    ----------
    known : Known
        Of their frame.
    pixels : tuple of tuple of int
        Of the image.
    """
    from napari_shiftseg.explain.reasons import reason_of
    from napari_shiftseg.explain.sentences import sentence_of

    yield Progress(0, 1, stage="explaining")
    return sentence_of(reason_of(known.evidence, *pixels), known.evidence)


FAR = 3.0  # bandwidths; what is farther looks the same


def near_is_bright() -> Colormap:
    """Return viridis from yellow, at distance 0, to blue."""
    return Colormap(ensure_colormap("viridis").colors[::-1], name="near is bright")


class DistanceLayer(OwnLayer):
    """An image of distances in bandwidths, seen while pixels are asked.

    It is made once and then hidden: napari takes long to add and remove layers.
    """

    def show(
        self, distances: NDArray[Any], labels: Labels, corner: tuple[int, ...]
    ) -> None:
        """Show distances, placed on the labels, at this pixel of theirs.

        Parameters
        ----------
        distances : ndarray
            In bandwidths.
        labels : Labels
        corner : tuple of int
            First pixel, on all axes of the labels.
        """
        missing = labels.ndim - distances.ndim
        data = distances.reshape((1,) * missing + distances.shape)
        place = LayerSource.of(labels).placed(corner, labels.ndim)
        if self._of is not labels:  # of other axes, perhaps
            self.remove()
        layer = self.layer
        if layer is None:
            layer = Image(
                data,
                name=f"distance · {labels.name}",
                colormap=near_is_bright(),
                contrast_limits=(0, FAR),
                metadata={METADATA_KEY: "distance"},
                **place,
            )
            self._add(layer, labels, self._viewer.layers.index(labels))
        else:
            layer.data = data
            self._place(layer, place)
        layer.visible = True
