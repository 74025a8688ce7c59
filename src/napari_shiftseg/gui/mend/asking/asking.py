"""The pixel under the pointer, and two that were clicked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.job import Job
from napari_shiftseg.inference.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.editing.positions import Point


@dataclass(frozen=True)
class Question:
    """A pixel of a frame, in pixels of the image, and what is in view around it."""

    frame: SteeredFrame
    pixel: Point
    view: Region | None
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Reply:
    """How far all that is in view is from a pixel, and what the pixel is."""

    question: Question
    distances: NDArray[Any]
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
        self._answered, self._failed_with = answered, failed
        self.evidence = KnownEvidence()
        self._next: Question | None = None
        self._job: Job | None = None

    def ask(self, question: Question) -> None:
        """Ask for a pixel."""
        self._next = question
        self._continue()

    def stop(self) -> None:
        """Answer no more, and hold no embedding."""
        self._next, self.evidence = None, KnownEvidence()
        if self._job is not None:
            self._job.abandon()
            self._job = None

    def _continue(self) -> None:
        if self._job is None and self._next is not None:
            question, self._next = self._next, None
            self._job = Job(
                answer_steps(question, self.evidence),
                lambda _: None,
                self._done,
                self._failed,
                self._ended,
            )

    def _done(self, reply: Reply) -> None:
        self._ended(reply)

    def _failed(self, error: BaseException) -> None:
        self._failed_with(str(error))
        self._ended()

    def _ended(self, reply: Reply | None = None) -> None:
        self._job = None
        if reply is not None:
            self._answered(reply)
        self._continue()


class KnownEvidence:
    """What questions are answered from, made anew when the labels are others."""

    def __init__(self) -> None:
        self._of: tuple[Any, ...] = ()
        self._evidence: Evidence | None = None

    def of(self, frame: SteeredFrame, axes: tuple[str, ...]) -> Evidence:
        """Return what questions about a frame are answered from."""
        from napari_shiftseg.interaction.asking.evidence import Evidence

        made = tuple(frame.mending.made)  # the GUI thread may add one meanwhile
        version = id(frame), axes, len(made), id(made[-1]) if made else 0
        if self._evidence is None or self._of != version:
            self._of, self._held = version, (frame, made[-1:])  # ids stay theirs
            self._evidence = Evidence(
                frame.predicted,
                frame.mending.labels,
                frame.objects.modes,
                frame.clustering,
                frame.objects.mode_of,
                axes,
                frame.relabelling.neighbourhood,
                made,
            )
        return self._evidence


def answer_steps(
    question: Question, known: KnownEvidence
) -> Generator[Progress, None, Reply]:
    """Measure the distances and say what the pixel is."""
    from napari_shiftseg.interaction.asking.distance_image import distance_image
    from napari_shiftseg.interaction.asking.pixel import ask_pixel

    frame = question.frame
    yield Progress(0, 1, stage="asking")
    distances, corner = distance_image(
        frame.predicted, question.pixel, frame.clustering, question.view
    )
    text = ask_pixel(known.of(frame, question.axes), question.pixel).text
    return Reply(question, distances, corner, text)


def explained_steps(
    frame: SteeredFrame,
    pixels: tuple[Point, Point],
    axes: tuple[str, ...],
    known: KnownEvidence,
) -> Generator[Progress, None, str]:
    """Say why two pixels are one object or two."""
    from napari_shiftseg.interaction.asking.explaining import explain

    yield Progress(0, 1, stage="explaining")
    return explain(known.of(frame, axes), *pixels).text
