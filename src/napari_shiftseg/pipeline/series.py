"""A series: its frames, and their results as that of all of them, linked or not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.cluster import NO_BACKGROUND
from napari_shiftseg.clustering.components import Objects
from napari_shiftseg.clustering.linking import Linking
from napari_shiftseg.progress import Progress, patiently, saying
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.pipeline.settings import Settings


PLANES = ("z", "plane", "planes", "slice", "slices", "depth")
TIME = ("t", "time")
UNNAMED = ("", "q")  # no name, and how one without a name is called in a file
TAKEN_FOR_PLANES = (
    "the axis before y and x has no name and was taken for planes (z), which were "
    "linked: if it is time, do not link them"
)


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
    """Join the results of single images, each of which has numbers of its own.

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
    return replace(
        results[0],
        labels=stack([r.labels for r in results]),
        embeddings=stack([r.embeddings for r in results], axis=1),
        gradient=stack([r.gradient for r in results]),
        logit=stack(logits) if logits else None,
        class_logits=stack(of_classes, axis=1) if of_classes else None,
        frames=tuple(objects for r in results for objects in r.frames),
        seconds=sum(r.seconds for r in results),
        notes=tuple(dict.fromkeys(note for r in results for note in r.notes)),
    )


def linked_axis(
    asked: bool | None, axes: Sequence[str], leading: int, ndim: int
) -> int | None:
    """Return the axis along which the planes of a stack are linked; None: none.

    If nothing is asked for, that is z. A single axis without a name, or the last of
    several, is taken for z too, as ImageJ and napari do: who saves a time series
    mostly says so, and a number of cross-sections is of no use. Time is linked only
    where it is asked for and there is no z.

    Parameters
    ----------
    asked : bool, optional
        See `Settings`.
    axes : sequence of str
        Names of the leading axes; none if they are not known.
    leading, ndim : int
        How many axes stand before those that the model reads, and how many it reads.
        Planes are what a model of two axes reads.
    """
    if asked is False or not leading:
        return None
    names = [name.strip().lower() for name in axes[:leading]] or [""] * leading
    planes = [axis for axis, name in enumerate(names) if name in PLANES]
    if planes and ndim == 2:
        return planes[-1]
    if asked or (ndim == 2 and all(name in UNNAMED for name in names)):
        return leading - 1
    return None


def numbered_steps(
    result: Segmentation, settings: Settings, axes: Sequence[str]
) -> Generator[Progress, None, Segmentation]:
    """Give the objects of a stack numbers of the stack, linked from plane to plane.

    Parameters
    ----------
    result : Segmentation
        Of planes with numbers of their own; see `stacked`.
    settings : Settings
    axes : sequence of str
        Names of the leading axes; see `linked_axis`.
    """
    leading, ndim = result.leading, len(result.shape)
    along = linked_axis(settings.link_planes, axes, len(leading), ndim)
    linking = Linking(leading, along, settings.link_threshold)
    planes = {at: result.labels[at] for at in linking.positions}
    tiles = len(planes) * len(result.plan)
    now = Progress(tiles, tiles, stage="linking")
    found = yield from saying(now, linking.steps(planes))
    numbers = tuple(found[at] for at in linking.positions)
    labels = yield from patiently(now, result.labels.size, _mapped, planes, numbers)
    result = replace(
        result, labels=labels.reshape(result.labels.shape), numbers=numbers,
        linking=linking, are_frames=plane_or_frame("".join(axes[-1:])) == "frame",
    )  # fmt: skip
    notes = linking_notes(numbers, linking, settings, axes)
    return replace(result, notes=(*result.notes, *notes))


def _mapped(
    planes: dict[tuple[int, ...], NDArray[Any]], numbers: Sequence[NDArray[np.int32]]
) -> NDArray[np.int32]:
    """Return planes with other numbers, (planes, *spatial)."""
    pairs = zip(planes.values(), numbers, strict=True)
    return np.stack([own[plane] for plane, own in pairs])


def plane_or_frame(axis: str) -> str:
    """Return what a place along an axis of this name is called."""
    return "frame" if axis.strip().lower() in TIME else "plane"


def linking_notes(
    numbers: Sequence[NDArray[np.int32]],
    linking: Linking,
    settings: Settings,
    axes: Sequence[str],
) -> tuple[str, ...]:
    """Say how many objects of planes became how many of the stack.

    Parameters
    ----------
    numbers : sequence of ndarray of int
        (objects + 1,) of each plane, in the stack.
    linking : Linking
    settings : Settings
    axes : sequence of str
        Names of the leading axes.
    """
    every = np.concatenate([own[1:] for own in numbers])
    if linking.along is None or linking.leading[linking.along] < 2 or not len(every):
        return ()
    planes = np.bincount(every)[1:]
    alone = int((planes == 1).sum())
    said = (
        f"{number_of(len(every), 'cross-section')} joined to "
        f"{number_of(len(planes), 'object')} (overlap of {linking.threshold:g} or more)"
    )
    if alone:
        named = "" if linking.along >= len(axes) else axes[linking.along]
        said += f", {alone:,} of them in one {plane_or_frame(named)} only"
    guessed = settings.link_planes is None and not any(
        name.strip().lower() not in UNNAMED for name in axes
    )
    return (said, TAKEN_FOR_PLANES) if guessed else (said,)
