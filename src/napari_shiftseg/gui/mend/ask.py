"""The pixel under the pointer, and two that were clicked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.parts.jobs import Job
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from napari_shiftseg.explain.evidence import Evidence
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.contradictions import Made


@dataclass(frozen=True)
class Known:
    """What questions about a frame are answered from, and of which edits it is.

    Attributes
    ----------
    frame : SteeredFrame
    axes : tuple of str
        Names of the spatial axes; () for the usual ones.
    made : tuple of Made
        The edits.
    evidence : Evidence
        Its labels are a copy: they stay those of one moment.
    """

    frame: SteeredFrame
    axes: tuple[str, ...]
    made: tuple[Made, ...]
    evidence: Evidence

    def is_of(self, frame: SteeredFrame, axes: tuple[str, ...]) -> bool:
        """Whether it is of a frame with the edits made now."""
        made = tuple(frame.mending.made)
        return (
            self.frame is frame
            and self.axes == axes
            and len(self.made) == len(made)
            and all(a is b for a, b in zip(self.made[-1:], made[-1:], strict=True))
        )


class KnownEvidence:
    """Keeps the newest, which is made anew when the labels are others.

    Threads may share it: each is given what it asked for.
    """

    def __init__(self) -> None:
        self._known: Known | None = None

    def of(self, frame: SteeredFrame, axes: tuple[str, ...]) -> Known:
        """Return what questions about a frame are answered from."""
        known = self._known  # another thread may put one of another frame there
        if known is None or not known.is_of(frame, axes):
            self._known = known = known_of(frame, axes)
        return known


def known_of(frame: SteeredFrame, axes: tuple[str, ...]) -> Known:
    """Gather what is known of a frame now."""
    from napari_shiftseg.explain.evidence import Evidence

    made = tuple(frame.mending.made)  # the GUI thread may add one meanwhile
    evidence = Evidence(
        frame.predicted,
        frame.mending.labels.copy(),
        frame.objects.modes,
        frame.clustering,
        frame.objects.mode_of,
        axes,
        frame.relabelling.neighbourhood,
        made,
    )
    return Known(frame, axes, made, evidence)


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


def answer_steps(
    question: Question, known: KnownEvidence
) -> Generator[Progress, None, Reply]:
    """Measure the distances and say what the pixel is."""
    from napari_shiftseg.explain.pixel import ask_pixel, distance_image

    frame = question.frame
    yield Progress(0, 1, stage="asking")
    distances, corner = distance_image(
        frame.predicted, question.pixel, frame.clustering, question.view
    )
    evidence = known.of(frame, question.axes).evidence
    return Reply(question, distances, corner, ask_pixel(evidence, question.pixel).text)


def explained_steps(
    clustered: Callable[[], SteeredFrame],
    pixels: tuple[Point, Point],
    axes: tuple[str, ...],
    known: KnownEvidence,
) -> Generator[Progress, None, str]:
    """Say why two pixels are one object or two; again if they were edited meanwhile.

    Parameters
    ----------
    clustered : callable
        Returns their frame as it is clustered now, or raises ValueError.
    pixels : tuple of tuple of int
        Of the image.
    axes : tuple of str
    known : KnownEvidence
    """
    from napari_shiftseg.explain.reasons import reason_of
    from napari_shiftseg.explain.sentences import sentence_of

    while True:
        yield Progress(0, 1, stage="explaining")
        found = known.of(clustered(), axes)
        text = sentence_of(reason_of(found.evidence, *pixels), found.evidence)
        if found.is_of(clustered(), axes):
            return text
