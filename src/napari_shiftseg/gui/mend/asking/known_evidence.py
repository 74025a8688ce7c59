"""What questions about a frame are answered from, kept until its edits are others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.interaction.asking.evidence import Evidence
    from napari_shiftseg.interaction.editing.contradictions import Made


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
    from napari_shiftseg.interaction.asking.evidence import Evidence

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
