"""What 16-bit numbers change in the labels, measured on a part of the image."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.metrics import adjusted_rand_score

from napari_shiftseg.progress import Progress, Returning, named
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.pipeline.settings import Settings

    Steps = Generator[Progress, None, Segmentation]


PART = 2**16  # pixels of the part, 256 a side in 2-D


def with_effect(result: Segmentation, again: Callable[[Settings], Steps]) -> Steps:
    """Return a result with a note of what its 16-bit numbers changed, if it has such.

    The part of the image where most is foreground is segmented twice, with and without
    them; the note gives the adjusted Rand index of the two, 1 where they are the same
    (Hubert & Arabie, Journal of Classification 1985), and how many objects each has.

    Parameters
    ----------
    result : Segmentation
    again : callable
        Segments one frame of the image by other settings.
    """
    if not result.settings.precision.endswith("16"):
        return result
    frame = result.labels.reshape(-1, *result.shape)[-1]
    region = fullest(frame, round(PART ** (1 / frame.ndim)))
    at = tuple(
        (start + first, stop + first)
        for (start, stop), first in zip(region, result.offset, strict=True)
    )
    note = yield from effect_steps(result.settings, at, again)
    return replace(result, notes=(*result.notes, note))


def effect_steps(
    settings: Settings, region: Region, again: Callable[[Settings], Steps]
) -> Generator[Progress, None, str]:
    """Say what 16-bit numbers change in a part of an image; see `with_effect`.

    Parameters
    ----------
    settings : Settings
        Of a 16-bit precision.
    region : sequence of (int, int)
        Of the image.
    again : callable
        See `with_effect`.
    """
    part = replace(
        settings, region=region, window=None, stitching="cropped", diameter=None
    )
    reduced = yield from _quietly(settings.precision, again(part))
    exact = yield from _quietly("float32", again(replace(part, precision="float32")))
    same = adjusted_rand_score(exact.labels.ravel(), reduced.labels.ravel())
    pixels = ", ".join(f"{start}-{stop}" for start, stop in exact.region)
    return (
        f"labels of {settings.precision} and of float32 have an adjusted Rand index of "
        f"{same:.4f} on the pixels {pixels}, with "
        f"{number_of(reduced.objects, 'object')} instead of {exact.objects}"
    )


def _quietly(name: str, steps: Steps) -> Steps:
    """Pass steps on without their notes: the run itself has had the same."""
    returning = Returning(named(f"comparing {name}", steps))
    for progress in returning:
        yield replace(progress, note="")
    return returning.value


def fullest(labels: NDArray[Any], side: int) -> Region:
    r"""Return the block in which most pixels are objects, of those that part an image.

    Parameters
    ----------
    labels : ndarray
        (\*spatial)
    side : int
        Pixels of a block along each axis.
    """
    counts: NDArray[Any] = labels > 0
    for axis, n in enumerate(labels.shape):
        counts = np.add.reduceat(counts, range(0, n, side), axis, dtype=np.int64)
    place = np.unravel_index(int(counts.argmax()), counts.shape)
    return tuple(
        (int(at) * side, min((int(at) + 1) * side, n))
        for at, n in zip(place, labels.shape, strict=True)
    )
