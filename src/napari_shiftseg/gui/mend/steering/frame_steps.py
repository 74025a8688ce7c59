"""One frame clustered anew and its edits made again: what a thread does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.inference.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.objects import Objects
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.interaction.editing.edits import Edit
    from napari_shiftseg.interaction.editing.mending import Mending
    from napari_shiftseg.interaction.editing.positions import Point
    from napari_shiftseg.interaction.steering.kept import Kept
    from napari_shiftseg.interaction.steering.relabelling import InView, Relabelling
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
    adopted : tuple of Edit
        What others had painted.
    edits : tuple of Edit
        Of this frame, that were to be made, and those adopted.
    left_out : mapping of int to str
        Those of them, by their index, that could not be made, and why.
    """

    relabelling: Relabelling
    objects: Objects
    mending: Mending
    clustering: Clustering
    notes: tuple[str, ...]
    adopted: tuple[Edit, ...]
    edits: tuple[Edit, ...]
    left_out: Mapping[int, str]

    @property
    def position(self) -> Point:
        """On the leading axes."""
        return self.mending.frame.frame

    @property
    def predicted(self) -> Prediction:
        """What the network says of it."""
        return self.relabelling.prediction


@dataclass(frozen=True, slots=True)
class ShownLabels(Progress):
    r"""What is in view is labelled; the rest is not yet.

    Attributes
    ----------
    at : tuple
        Where in the layer: the frame, and a slice an axis.
    labels : ndarray of int
        (\*view), mended.
    """

    at: tuple[Any, ...] = ()
    labels: Any = None


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
        Of all frames, the oldest first.
    view : sequence of (int, int) or None
        Pixels of the image that are shown.
    shown : ndarray of int or None
        Labels of the frame that others may have painted on: where they differ from what
        is made here, they are taken as edits.
    """
    from napari_shiftseg.interaction.editing.replay import notes_on
    from napari_shiftseg.interaction.steering.relabelling import InView

    numbers = [n for n, edit in enumerate(edits) if edit.frame == position]
    own = [edits[n] for n in numbers]
    relabelling = known.relabelling if known else kept.relabelling(position)
    predicted, offset = relabelling.prediction, kept.offset
    if view is not None:
        view = tuple((a - o, b - o) for (a, b), o in zip(view, offset, strict=True))
    steps = Returning(relabelling.steps(clustering, view))
    for progress in steps:
        if not isinstance(progress, InView):
            yield progress
        elif shown is None:
            yield _mended_view(predicted, progress, clustering, own, position)
    objects = steps.value
    mending = _mending(predicted, objects.labels.copy(), clustering, position)
    left_out = mending.replay(own)
    acted = [n for i, n in enumerate(numbers) if i not in left_out]
    notes = notes_on(
        edits,
        {numbers[i] + 1: why for i, why in left_out.items()},
        {acted[old] + 1: acted[new] + 1 for old, new in mending.overruled()},
    )
    adopted = () if shown is None else _take_painted(mending, shown)
    len(mending.frame.boxes)  # found here, not in the GUI thread
    made = (*own, *adopted)
    return SteeredFrame(
        relabelling, objects, mending, clustering, notes, adopted, made, left_out
    )


def _mending(
    predicted: Prediction,
    labels: NDArray[np.integer],
    clustering: Clustering,
    position: Point,
    box: tuple[slice, ...] = (...,),
) -> Mending:
    """Return labels of a frame, or of a box of it, ready to be mended."""
    from napari_shiftseg.interaction.editing.mend import measured_by
    from napari_shiftseg.interaction.editing.mending import Mending

    foreground = predicted.foreground(clustering.foreground_threshold)
    corner = [0] * labels.ndim if box == (...,) else [along.start for along in box]
    return Mending(
        labels,
        measured_by(clustering, predicted.embedding[(slice(None), *box)]),
        None if foreground is None else foreground[box],
        clustering.bandwidth,
        [o + c for o, c in zip(predicted.plan.offset, corner, strict=True)],
        position,
        None if predicted.logit is None else predicted.logit[box],
    )


def _mended_view(
    predicted: Prediction,
    seen: InView,
    clustering: Clustering,
    edits: Sequence[Edit],
    position: Point,
) -> ShownLabels:
    """Make those edits that lie in view."""
    box = tuple(slice(*pair) for pair in seen.view)
    labels = seen.labels.copy()
    if edits and labels.size:
        mending = _mending(predicted, labels, clustering, position, box)
        mending.replay(edits)
    return ShownLabels(
        seen.done, seen.total, stage=seen.stage, at=(*position, *box), labels=labels
    )


def _take_painted(mending: Mending, shown: NDArray[np.integer]) -> tuple[Edit, ...]:
    """Take as edits where the labels shown differ from those of a frame."""
    where = np.nonzero(shown != mending.labels)
    if not len(where[0]):
        return ()
    before = mending.labels[where]
    mending.labels[where] = shown[where]
    return mending.adopt(where, before)
