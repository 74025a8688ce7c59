"""One frame clustered anew and its edits made again: what a thread does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.inference.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.objects import Objects
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.interaction.edits import Edit, Point
    from napari_shiftseg.interaction.kept import Kept
    from napari_shiftseg.interaction.mending import Mending
    from napari_shiftseg.interaction.relabelling import Relabelling
    from napari_shiftseg.model.config import Clustering
    from napari_shiftseg.pipeline.segmentation import Prediction


@dataclass(frozen=True)
class SteeredFrame:
    """A frame as it is clustered now.

    Attributes
    ----------
    relabelling : Relabelling
        Clusters it again, and remembers.
    objects : Objects
        Before the edits.
    mending : Mending
        Its labels, mended.
    clustering : Clustering
        That made them.
    notes : tuple of str
        Edits that could not be made again, or no longer hold.
    predicted : Prediction
        What the network says of it.
    training_window : tuple of int or None
        Of the model.
    """

    relabelling: Relabelling
    objects: Objects
    mending: Mending
    clustering: Clustering
    notes: tuple[str, ...]
    predicted: Prediction
    training_window: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class InView(Progress):
    r"""What is shown is labelled; the rest is not yet.

    Attributes
    ----------
    frame : tuple of int
    region : sequence of (int, int)
        Pixels of the image.
    labels : ndarray
        (\\*region), mended.
    """

    frame: Point = ()
    region: Region = ()
    labels: NDArray[np.integer] | None = None


def frame_steps(
    kept: Kept,
    known: SteeredFrame | None,
    position: Point,
    clustering: Clustering,
    edits: Sequence[Edit],
    view: Region | None,
    shown: NDArray[np.integer] | None,
) -> Generator[Progress, None, SteeredFrame]:
    """Cluster a frame, what is in view first, and make its edits again.

    Parameters
    ----------
    kept : Kept
    known : SteeredFrame or None
        The frame as it was clustered before.
    position : tuple of int
        Of the frame.
    clustering : Clustering
    edits : sequence of Edit
        Of this frame, the oldest first.
    view : sequence of (int, int) or None
        Pixels of the image that are shown.
    shown : ndarray of int or None
        Labels of the frame that others may have painted on: where they differ from what
        is made here, they are taken as edits.
    """
    from napari_shiftseg.interaction.relabelling import Relabelling

    predicted = kept.frame(position)
    relabelling = (
        known.relabelling
        if known is not None
        else Relabelling(predicted, kept.training_window, kept.device)
    )
    steps = Returning(relabelling.steps(clustering, view))
    for progress in steps:
        labels = getattr(progress, "labels", None)
        if labels is None or shown is not None:
            yield progress
            continue
        part = mending_of(
            predicted, labels, clustering, position, progress.region, relabelling
        )
        part.replay(edits)
        yield InView(
            progress.done, progress.total, stage=progress.stage, frame=position,
            region=progress.region, labels=part.labels,
        )  # fmt: skip
    objects = steps.value
    mending = mending_of(
        predicted, objects.labels.copy(), clustering, position, predicted.plan.region
    )
    notes = mending.replay(edits).notes
    if shown is not None:
        take_painted(mending, shown)
    return SteeredFrame(
        relabelling, objects, mending, clustering, notes, predicted,
        kept.training_window,
    )  # fmt: skip


def take_painted(mending: Mending, shown: NDArray[np.integer]) -> None:
    """Take as edits where the labels shown differ from those of a frame."""
    where = np.nonzero(shown != mending.labels)
    if len(where[0]):
        before = mending.labels[where]
        mending.labels[where] = shown[where]
        mending.adopt(where, before)
