"""One frame labelled again and again: what is in view first, then the rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_shiftseg.clustering.found import Pixels
from napari_shiftseg.clustering.steps import to_cluster
from napari_shiftseg.inference.progress import Progress, Returning
from napari_shiftseg.interaction.steering.remembered import MOST_BYTES, Remembered

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Components
    from napari_shiftseg.clustering.objects import Objects
    from napari_shiftseg.clustering.whole import Whole
    from napari_shiftseg.model.config import Clustering
    from napari_shiftseg.pipeline.segmentation import Prediction

    View = Sequence[tuple[int, int]]

STAGE = "clustering"


@dataclass(frozen=True, slots=True)
class InView(Progress):
    r"""All that is in view is labelled; the rest is not.

    Attributes
    ----------
    view : tuple of (int, int)
        Start and stop along each spatial axis, within the frame.
    labels : ndarray of int32
        (\\*view), 0 is background. Its objects are those of the end, pixel for pixel,
        but their numbers are not.
    """

    view: tuple[tuple[int, int], ...] = field(kw_only=True)
    labels: NDArray[np.int32] = field(kw_only=True, repr=False)


class Relabelling:
    """Label one predicted frame with one clustering after another.

    The labels at the end are those of a run with that clustering: the very same code
    makes them. What a mean shift found is remembered: a turn of the minimum size or of
    "split far parts" needs none, one of the foreground threshold only those of
    components whose pixels change.

    Parameters
    ----------
    prediction : Prediction
    neighbourhood : sequence of int, optional
        Per axis, the window the model was trained with.
    device : str
        Where the mean shift computes.
    most_bytes : int
        That what is remembered may take.

    Attributes
    ----------
    prediction : Prediction
    neighbourhood : tuple of int or None
    """

    def __init__(
        self,
        prediction: Prediction,
        neighbourhood: Sequence[int] | None = None,
        device: str = "auto",
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.prediction = prediction
        self.neighbourhood = neighbourhood
        self._pixels = Pixels(prediction.embedding, prediction.plan.offset, device)
        self._find = Remembered(self._pixels.find, most_bytes)

    @property
    def searches(self) -> int:
        """Mean shifts done so far."""
        return self._find.searches

    def steps(
        self, clustering: Clustering, view: View | None = None
    ) -> Generator[Progress, None, Objects]:
        r"""Label the frame; yields `Progress`, and `InView` once if there is a view.

        Closing the generator stops the work; what was found until then is remembered.

        Parameters
        ----------
        clustering : Clustering
        view : sequence of (int, int), optional
            Start and stop along each spatial axis, in pixels of the frame; what lies
            outside it is left out.

        Returns
        -------
        Objects

        Raises
        ------
        ValueError
            If the scope is "component" and the model has no foreground logit, or the
            view has not one pair for each axis.
        """
        work = self.to_cluster(clustering)
        if view is not None:
            shape = self.prediction.embedding.shape[1:]
            bounds = clipped(view, shape)
            box = tuple(slice(*pair) for pair in bounds)
            seen = Returning(work.view_steps(box))
            last = Progress(0, 1, stage=STAGE)
            for done, total in seen:
                last = Progress(done, total, stage=STAGE)
                yield last
            yield InView(
                last.done, last.total, stage=STAGE, view=bounds, labels=seen.value
            )
        rest = Returning(work.steps())
        for done, total in rest:
            yield Progress(done, total, stage=STAGE)
        return rest.value

    def to_cluster(self, clustering: Clustering) -> Components | Whole:
        """Return the clustering of this frame, nothing of it done; see `steps`."""
        foreground = self.prediction.foreground(clustering.foreground_threshold)
        return to_cluster(
            self._pixels, clustering, foreground, self.neighbourhood, self._find
        )


def clipped(view: View, shape: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the part of a view that lies within a frame, empty where none does.

    Raises
    ------
    ValueError
        If there is not one pair for each axis.
    """
    if len(view) != len(shape):
        raise ValueError(
            f"a view needs (start, stop) for each of {len(shape)} axes, got "
            f"{len(view)}: leave out leading axes, such as time"
        )
    return tuple(
        (min(max(start, 0), n), min(max(start, stop, 0), n))
        for (start, stop), n in zip(view, shape, strict=True)
    )
