"""A frame clustered anew as it is to be seen: its colours, and why it is empty."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.gui.mend.steering.frame_steps import ShownLabels
from napari_shiftseg.gui.mend.steering.kept_colours import SPARE, kept_colours
from napari_shiftseg.inference.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame
    from napari_shiftseg.gui.mend.steering.kept_colours import KeptColours


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

    def coloured(labels: NDArray[Any], box: tuple[Any, ...] = (...,)) -> Any:
        number = len(known.objects.mode_of)
        before = colours.of(known.position, number - 1)
        now = kept_colours(known.objects.labels[box], before, labels)
        return np.concatenate([now, before[-SPARE:]])

    returning = Returning(steps)
    for progress in returning:
        if known is not None and isinstance(progress, ShownLabels):
            box = progress.at[len(known.position) :]
            yield SeenLabels(
                progress.done, progress.total, stage=progress.stage,
                shown=progress, colours=coloured(progress.labels, box),
            )  # fmt: skip
        else:
            yield progress
    frame = returning.value
    if known is None:
        seen = colours.of(frame.position, len(frame.objects.mode_of) - 1)
    else:
        seen = coloured(frame.objects.labels)
    return SeenFrame(frame, seen, (yield from _why_none(frame)))


def _why_none(frame: SteeredFrame) -> Generator[Progress, None, str]:
    from napari_shiftseg.interaction.steering.why_none import why_none_steps

    if len(frame.objects.mode_of) > 1:
        return ""
    return (yield from why_none_steps(frame.relabelling, frame.clustering))
