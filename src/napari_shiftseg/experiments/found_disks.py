"""Disks as a network tells them apart: the modes of each, whatever its size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.pipeline.segmentation import Segmentation, segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.model.unet import UNet
    from napari_shiftseg.samples.sample import Sample

Centre = tuple[float, ...]


@dataclass(frozen=True)
class FoundDisks:
    r"""Disks as a network tells them apart, over what was predicted.

    Attributes
    ----------
    result : Segmentation
    image : ndarray
        (\\*predicted)
    truth, modes : ndarray of int
        (\\*predicted), the true disks and the modes; 0 is background.
    whole : dict
        Modes of every disk that was predicted as a whole, by its centre.
    """

    result: Segmentation
    image: NDArray[Any]
    truth: NDArray[Any]
    modes: NDArray[Any]
    whole: dict[Centre, set[int]]

    @property
    def objects(self) -> list[set[int]]:
        """Modes of the whole disks that have one, other than the background's."""
        return [own for own in self.whole.values() if len(own) == 1 and 0 not in own]

    @property
    def distinct(self) -> int:
        """Number of different modes among these."""
        return len(set().union(*self.objects))


def find_disks(sample: Sample, model: UNet, **how: Any) -> FoundDisks:
    """Segment an image of disks into modes, whatever their size or connection.

    Parameters
    ----------
    sample : Sample
    model : UNet
    **how
        Of `segment`: window, stitching, border.
    """
    result = segment(
        sample.image, model, device="cpu", min_size=0,
        split_far_parts=False,  # so that labels are modes
        **how,
    )  # fmt: skip
    inside = tuple(slice(*bounds) for bounds in result.plan.region)
    truth = sample.labels[inside]
    modes = foreground_modes(result.labels, truth)
    whole = modes_of_whole_disks(modes, truth, sample.labels)
    return FoundDisks(result, sample.image[inside], truth, modes, whole)


def foreground_modes(modes: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    r"""Return the modes numbered from 1, the one of most background pixels 0.

    Parameters
    ----------
    modes, truth : ndarray of int
        (\\*spatial)
    """
    background = np.bincount(modes[truth == 0]).argmax()
    numbered: NDArray[Any] = np.where(modes == background, 0, modes + 1)
    return numbered


def modes_of_whole_disks(
    modes: NDArray[Any], truth: NDArray[Any], everywhere: NDArray[Any]
) -> dict[Centre, set[int]]:
    r"""Return the modes of every disk that was predicted as a whole, by its centre.

    Parameters
    ----------
    modes, truth : ndarray of int
        (\\*predicted); the mode and the true disk of every pixel.
    everywhere : ndarray of int
        (\\*spatial), the true disks of the whole image.
    """
    sizes, predicted = np.bincount(everywhere.flat), np.bincount(truth.flat)
    found = {}
    for disk in np.flatnonzero(predicted)[1:]:
        if predicted[disk] == sizes[disk]:
            pixels = np.nonzero(truth == disk)
            centre = tuple(float(along.mean()) for along in pixels)
            found[centre] = set(modes[pixels].tolist())
    return found
