"""A series: its frames, and their results as that of all of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.cluster import NO_BACKGROUND
from napari_shiftseg.clustering.components import Objects

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation


def frames_of(image: Any, model: TiledNetwork) -> list[tuple[int, ...]]:
    r"""Return the indices of the images that leading axes (time, planes) run over.

    Parameters
    ----------
    image : array_like
        ([leading,] [channels,] \*spatial)
    model : TiledNetwork
    """
    shape = np.shape(image)
    own = model.config.image_axes
    if len(shape) <= own:
        return []
    if 0 in shape:
        raise ValueError(f"the image is empty, its shape is {shape}")
    return list(np.ndindex(shape[: len(shape) - own]))


def with_empty(
    results: list[Segmentation], empty: list[int], frames: int
) -> list[Segmentation]:
    """Put results without objects where frames hold no data.

    Parameters
    ----------
    results : list of Segmentation
        Of the other frames.
    empty : list of int
        Numbers of the frames without data.
    frames : int
        All of them.

    Raises
    ------
    ValueError
        If no frame holds data.
    """
    if not empty:
        return results
    if not results:
        raise ValueError("the image holds no data: all of its pixels are NaN or masked")
    known = results[0]
    labels = np.zeros_like(known.labels)
    none = Objects(labels, known.frames[0].modes[:0], np.full(1, NO_BACKGROUND))
    blank = replace(
        known,
        labels=labels,
        embeddings=np.zeros_like(known.embeddings),
        gradient=np.zeros_like(known.gradient),
        logit=None if known.logit is None else np.full_like(known.logit, -np.inf),
        class_logits=(
            None if known.class_logits is None else np.zeros_like(known.class_logits)
        ),
        frames=(none,),
        seconds=0.0,
        notes=(),
    )
    rest = iter(results)
    return [blank if n in empty else next(rest) for n in range(frames)]


def stacked(results: list[Segmentation], leading: tuple[int, ...]) -> Segmentation:
    """Join the results of single images.

    Parameters
    ----------
    results : list of Segmentation
        One a frame.
    leading : tuple of int
        Shape that stands before the spatial one.
    """

    def stack(arrays: list[NDArray[Any]], axis: int = 0) -> NDArray[Any]:
        joined = np.stack(arrays, axis)
        return joined.reshape(*joined.shape[:axis], *leading, *joined.shape[axis + 1 :])

    logits = [r.logit for r in results if r.logit is not None]
    of_classes = [r.class_logits for r in results if r.class_logits is not None]
    labels = stack([r.labels for r in results])
    frames = [objects for r in results for objects in r.frames]
    return replace(
        results[0],
        labels=labels,
        embeddings=stack([r.embeddings for r in results], axis=1),
        gradient=stack([r.gradient for r in results]),
        logit=stack(logits) if logits else None,
        class_logits=stack(of_classes, axis=1) if of_classes else None,
        frames=tuple(
            replace(objects, labels=labels[at])  # a view: they are held once
            for objects, at in zip(frames, np.ndindex(leading), strict=True)
        ),
        seconds=sum(r.seconds for r in results),
        notes=tuple(dict.fromkeys(note for r in results for note in r.notes)),
    )
