"""Label images: what their objects share, which are the same, and which are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import coo_array, csr_array
from skimage.measure import label

from napari_shiftseg.geometry.tiling import chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.geometry.tiling import Box


MOST_AXES = 3  # that scikit-image labels
MOST_PARTS = 10  # connected parts an id; more are no objects
FULL = 255  # what a mask of 8 bits has for yes


def parts_per_id(labels: ArrayLike) -> float:
    r"""Return in how many connected parts the objects are, on average.

    1: each is in one piece; 0: there is none. The grey values of a photograph are in
    many parts, and so is a mask, whose objects share one id.

    Parameters
    ----------
    labels : array_like of int
        (\*spatial), 0 is background. Parts are connected by faces; of more than three
        axes the first ones do not connect.
    """
    image = np.atleast_1d(labels)
    parts = ids = 0
    for at in np.ndindex(image.shape[:-MOST_AXES]):
        parts += label(image[at], background=0, return_num=True, connectivity=1)[1]
        ids += int(np.count_nonzero(np.unique(image[at])))
    return parts / ids if ids else 0.0


def doubt_about(frames: Iterable[ArrayLike]) -> str:
    r"""Say that labels look like a mask or a raw image; empty if they do not.

    A mask has one id, 255 or for several parts that do not touch. More than 10 parts an
    id are not expected of objects either.

    Parameters
    ----------
    frames : iterable of array_like of int
        (\*spatial), 0 is background and −1 not known; each has its own ids.
    """
    doubts = (_doubt_about(np.maximum(frame, 0)) for frame in frames)
    return next(filter(None, doubts), "")


def _doubt_about(labels: NDArray[np.integer]) -> str:
    parts = parts_per_id(labels)
    objects = labels[labels > 0]
    is_one = bool(len(objects)) and objects.min() == objects.max()
    remedy = "every object needs an id of its own"
    if is_one and parts > 1:
        return (
            f"looks like a mask, not like labels: {parts:.0f} parts that do not touch "
            f"all have the id {objects[0]}; {remedy}, as skimage.measure.label gives it"
        )
    if is_one and objects[0] == FULL:
        return f"looks like a mask, not like labels: its only id is {FULL}; {remedy}"
    if parts > MOST_PARTS:
        return (
            f"looks like a raw image or a mask, not like labels: {parts:.0f} parts an "
            f"id that do not touch; {remedy}"
        )
    return ""


ALIKE = 1 / 2  # of neighbouring pixels of objects, at least, have the same id
FEW = 1_000  # such pairs; of fewer nothing is said


def is_image(labels: ArrayLike) -> bool:
    r"""Whether numbers are grey values: along every axis most neighbours differ.

    Of two neighbouring pixels of labels that are no background, most are of one object,
    along one axis at least; only many objects of about a pixel are taken for grey
    values. Planes of which each has numbers of its own are labels by their other axes.

    Parameters
    ----------
    labels : array_like of int
        (\*spatial), 0 and below is background.
    """
    image = np.atleast_1d(labels)
    along = [_alike(np.moveaxis(image, axis, 0)) for axis in range(image.ndim)]
    shares = [alike / pairs for alike, pairs in along if pairs >= FEW]
    return bool(shares) and max(shares) < ALIKE


def _alike(image: NDArray[np.integer]) -> tuple[int, int]:
    """Return how many neighbours along the first axis are alike, and of how many."""
    before, after = image[:-1], image[1:]
    both = (before > 0) & (after > 0)
    alike = both & (before == after)
    return int(np.count_nonzero(alike)), int(np.count_nonzero(both))


UNKNOWN = -1  # label of a pixel of which nothing is known


@dataclass(frozen=True)
class Contingency:
    """How many pixels each true object shares with each predicted one."""

    shared: csr_array  # (true objects, predicted objects)
    # pixels of each true and each predicted object
    true_sizes: NDArray[np.int64]
    sizes: NDArray[np.int64]


def contingency(truth: ArrayLike, prediction: ArrayLike) -> Contingency:
    """Count the shared pixels of two label images.

    Parameters
    ----------
    truth, prediction : array_like of int
        Of one shape; 0 is background.
    """
    true, found = as_labels("truth", truth), as_labels("prediction", prediction)
    check_one_shape("truth and prediction", true, found)
    true_ids, row = np.unique(true, return_inverse=True)
    ids, column = np.unique(found, return_inverse=True)
    one = np.ones(true.size, dtype=np.int64)
    table = coo_array((one, (row.ravel(), column.ravel())), (len(true_ids), len(ids)))
    table = table.tocsr()  # adds up the pixels of a pair
    is_true, is_found = np.flatnonzero(true_ids), np.flatnonzero(ids)
    return Contingency(
        shared=table[is_true][:, is_found],
        true_sizes=table.sum(axis=1)[is_true],
        sizes=table.sum(axis=0)[is_found],
    )


def as_labels(name: str, image: ArrayLike, least: int = 0) -> NDArray[np.integer]:
    """Return a label image; `name` stands for it in the error.

    Parameters
    ----------
    name : str
    image : array_like of int
    least : int
        The least label there may be; −1 where pixels may be not known.

    Raises
    ------
    ValueError
        If it is not of whole numbers from `least` upward.
    """
    labels = np.asarray(image)
    expected = f"the {name} must be a label image of whole numbers from {least} upward"
    if labels.dtype.kind not in "bui":
        raise ValueError(
            f"{expected}, got {labels.dtype}; save it with an integer type, for "
            f"example uint16"
        )
    lowest = labels.min() if labels.size else least
    if lowest < least:
        raise ValueError(f"{expected}, got {lowest}; {_remedy(int(lowest), least)}")
    return labels


@dataclass(frozen=True)
class LabelsOfPart:
    r"""Labels of one part of an image, read as if they were those of all of it.

    Attributes
    ----------
    labels : ndarray of int
        (\*spatial), of the part.
    first : tuple of int
        Pixel of the image at which the part begins.
    shape : tuple of int
        Of the image.
    """

    labels: NDArray[np.integer]
    first: tuple[int, ...]
    shape: tuple[int, ...]

    def __getitem__(self, box: Box) -> NDArray[np.integer]:
        """Return the labels of a box that lies in the part."""
        return self.labels[
            tuple(
                slice(side.start - first, side.stop - first)
                for side, first in zip(box, self.first, strict=True)
            )
        ]


def check_one_shape(names: str, one: NDArray[Any], other: NDArray[Any]) -> None:
    """Refuse two images that differ in shape.

    Parameters
    ----------
    names : str
        What they are called in the error.
    one, other : ndarray
    """
    if one.shape != other.shape:
        raise ValueError(
            f"{names} must have one shape, got {one.shape} and {other.shape}"
        )


def with_axes_of(
    labels: NDArray[np.integer], shape: tuple[int, ...]
) -> NDArray[np.integer]:
    """Return labels in a shape that differs by leading axes of length 1, if it does.

    The one plane of a stack of one is that plane: (1, Y, X) goes with (Y, X).

    Parameters
    ----------
    labels : ndarray of int
    shape : tuple of int
        Of the image they belong to.
    """
    own, its = list(labels.shape), list(shape)
    for sizes in (own, its):
        while sizes and sizes[0] == 1 and len(sizes) > min(labels.ndim, len(shape)):
            del sizes[0]
    return labels.reshape(shape) if own == its else labels


def _remedy(lowest: int, least: int) -> str:
    if lowest != UNKNOWN:
        return f"set such pixels to {least}"
    return (
        "-1 stands for pixels that are not known, and such labels can only be trained "
        "on: label all of the image, or set these pixels to 0 if they are background"
    )


MOST_COUNTED = 2**22  # pairs of numbers that are counted in a table; more are sorted
CHUNK = 2**22  # pixels


@dataclass(frozen=True)
class Succession:
    """What has become of former objects."""

    # (objects + 1,), the former object with which each one shares most pixels,
    # argmax_o |n ∩ o|; 0: none. The 0th is background.
    former: NDArray[np.int64]
    # (objects + 1,), whether it is also the one with which that former object shares
    # most: of the parts of a former object one stays, and of several that are merged
    # the largest goes on
    stays: NDArray[np.bool_]


def same_objects(former: NDArray[Any], labels: NDArray[Any]) -> Succession:
    r"""Find the former object of each object; of equals the one of the lower number.

    Parameters
    ----------
    former, labels : ndarray of int
        (\*spatial), 0 is background; both of one shape.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if former.shape != labels.shape:
        raise ValueError(
            f"former and new labels need one shape, got {former.shape} and "
            f"{labels.shape}: give labels of the same frame"
        )
    old, new, shared = shared_pixels(former, labels)
    best_old = best_partners(new, old, shared, int(labels.max(initial=0)) + 1)
    best_new = best_partners(old, new, shared, int(former.max(initial=0)) + 1)
    numbers = np.arange(len(best_old))
    return Succession(best_old, (best_old > 0) & (best_new[best_old] == numbers))


def shared_pixels(
    one: NDArray[Any], other: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    r"""Return the objects of each pair that shares pixels, and how many: (pairs,) each.

    Parameters
    ----------
    one, other : ndarray of int
        (\*spatial), numbered about without gaps; 0 is background.
    """
    width, height = int(other.max(initial=0)) + 1, int(one.max(initial=0)) + 1
    before, after = one.ravel(), other.ravel()
    if width * height <= MOST_COUNTED:
        counts = np.zeros(width * height, dtype=np.int64)
        for part in chunks(len(before), CHUNK):
            codes = before[part] * np.int64(width) + after[part]
            counts += np.bincount(codes, minlength=len(counts))
        found = np.flatnonzero(counts)
        shared = counts[found]
    else:
        codes = before * np.int64(width) + after
        found, shared = np.unique(codes, return_counts=True)
    old, new = found // width, found % width
    both = (old > 0) & (new > 0)
    return old[both], new[both], shared[both]


def best_partners(
    of: NDArray[np.integer],
    other: NDArray[np.integer],
    shared: NDArray[np.integer],
    number: int,
    none: int = 0,
) -> NDArray[np.int64]:
    """Return the partner with which each object shares most pixels, (number,).

    Parameters
    ----------
    of, other, shared : ndarray of int
        (pairs,): object, partner and pixels they share; of equals the lower partner.
    number : int
        One above the largest object.
    none : int
        Stands where an object has no partner.
    """
    best = np.full(number, none, dtype=np.int64)
    order = np.lexsort((-other, shared))  # the largest is written last
    best[of[order]] = other[order]
    return best


def relabelled_like(labels: ArrayLike, reference: ArrayLike) -> NDArray[np.int64]:
    r"""Give objects the ids of the reference objects they are, to compare by colour.

    An object takes the id of the reference object it shares most pixels with, unless
    another object of `labels` shares more with that one; of equals the lower id goes
    first. All others are numbered upward from above the largest id of the reference.

    Parameters
    ----------
    labels, reference : array_like of int
        (\*spatial), 0 is background.

    Returns
    -------
    ndarray of int
        (\*spatial), the same objects.

    Raises
    ------
    ValueError
        If the shapes differ, or an image is not of whole numbers from 0 upward.
    """
    found, known = as_labels("labels", labels), as_labels("reference", reference)
    check_one_shape("labels and reference", found, known)
    ids, number = _without_gaps(known)
    _, place = _without_gaps(found)
    same = same_objects(number, place)
    new = np.where(same.stays, ids[same.former], 0).astype(np.int64)
    others = 1 + np.flatnonzero(new[1:] == 0)
    new[others] = int(known.max(initial=0)) + 1 + np.arange(len(others))
    return new[place]


def _without_gaps(
    labels: NDArray[np.integer],
) -> tuple[NDArray[np.integer], NDArray[np.int64]]:
    """Return the ids, the background's 0 first, and the place of each pixel's."""
    ids = np.union1d(labels.dtype.type(0), labels)
    return ids, np.searchsorted(ids, labels)


MOST_EXACT = 2**53  # below, every whole number is a float


def as_whole(labels: NDArray[Any]) -> NDArray[Any]:
    """Return floats that are whole numbers as integers; any other as it is."""
    if labels.dtype.kind != "f" or not np.isfinite(labels).all():
        return labels
    most = float(np.abs(labels).max(initial=0))
    if most > MOST_EXACT or (labels != np.rint(labels)).any():
        return labels
    return labels.astype(np.int32 if most < 2**31 else np.int64)
