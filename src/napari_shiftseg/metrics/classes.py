"""Objects of classes against those there are: region average precision, pixel maps."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.segmentation import find_boundaries

from napari_shiftseg.metrics.label_image import (
    as_labels,
    check_one_shape,
    contingency,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray


IOU = 0.5  # from it on a detection is a true object's


@dataclass(frozen=True)
class ClassedObjects:
    r"""The objects of an image with their classes.

    Parameters
    ----------
    labels : array_like of int
        (\*spatial), 0 is background.
    classes : mapping of int to str
        The class of each object, by its label.
    confidence : mapping of int to float
        How sure a detection is, by its label; needed of what is found, not of truth.

    Raises
    ------
    ValueError
        If an object has no class.
    """

    labels: ArrayLike = field(repr=False)
    classes: Mapping[int, str]
    confidence: Mapping[int, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        without = [label for label in self.ids.tolist() if label not in self.classes]
        if without:
            raise ValueError(
                f"the object {without[0]} has no class: name one for every object"
            )

    @property
    def ids(self) -> NDArray[np.integer]:
        """The objects by their labels, upward."""
        labels = as_labels("labels", self.labels)
        return np.unique(labels[labels > 0])


def region_average_precision(
    truth: Sequence[ClassedObjects], found: Sequence[ClassedObjects], iou: float = IOU
) -> dict[str, float]:
    r"""Return the region average precision of each class, APr, over all images.

    Detections of a class, of all images together, come in the order of their
    confidence, the surest first (of equal ones that of the earlier image and the lower
    label). Each takes the true object of its class and image, not yet taken, that it
    overlaps most. It is right where their intersection over union is `iou` or more,
    else wrong; so is a second one of an object that is taken. After the k surest ones,
    t of them right, precision is t / k and recall t / n, for n true objects. APr is the
    area under precision over recall, where precision is the best one at that recall or
    more:

    .. math:: \mathrm{AP}^r = \sum_k (r_k - r_{k-1}) \max_{j \ge k} p_j

    Parameters
    ----------
    truth, found : sequence of ClassedObjects
        One an image; of what is found with its confidence.
    iou : float
        Above 0, up to 1.

    Returns
    -------
    dict of str to float
        By class, of those that are in the truth; 0 where none of it is found.

    Raises
    ------
    ValueError
        If the numbers of images, or their shapes, differ, a detection has no
        confidence, nothing is in the truth, or `iou` is out of range.

    References
    ----------
    Hariharan et al., ECCV 2014, "Simultaneous Detection and Segmentation"; the area as
    in Everingham et al., IJCV 2010, from all points.
    """
    if not 0 < iou <= 1:
        raise ValueError(f"iou must be above 0 and at most 1, got {iou}")
    if len(truth) != len(found):
        raise ValueError(
            f"each image needs its truth and its detections, got {len(truth)} and "
            f"{len(found)} of them"
        )
    images = [_Compared(*pair) for pair in zip(truth, found, strict=True)]
    names = sorted({name for each in truth for name in each.classes.values()})
    scored = {}
    for name in names:
        number = sum(image.true_of(name) for image in images)
        if number:
            scored[name] = _area(*_judged(images, name, iou), number)
    if not scored:
        raise ValueError(
            "there is no object in the truth, so nothing can be found: give images "
            "with objects"
        )
    return scored


def best_of_class(truth: ClassedObjects, found: ClassedObjects) -> NDArray[np.float64]:
    """Return how well each object found fits a true one of its class, (objects,).

    The largest intersection over union; 0 where there is none of the class.

    Parameters
    ----------
    truth, found : ClassedObjects
        Of one image.
    """
    return _Compared(truth, found, ranked=False).best()


class _Compared:
    """How much the detections of an image overlap its true objects."""

    def __init__(
        self, truth: ClassedObjects, found: ClassedObjects, ranked: bool = True
    ) -> None:
        table = contingency(truth.labels, found.labels)
        shared = table.shared.toarray()
        union = table.true_sizes[:, None] + table.sizes[None] - shared
        self._overlap = shared / union
        self._true = [truth.classes[label] for label in truth.ids.tolist()]
        self._found = [found.classes[label] for label in found.ids.tolist()]
        ids = found.ids.tolist() if ranked else []
        self._sure = [_confidence(found, label) for label in ids]

    def best(self) -> NDArray[np.float64]:
        """Return the largest overlap of each detection within its class."""
        true, found = np.array(self._true, dtype=str), np.array(self._found, dtype=str)
        same = true[:, None] == found[None]
        best: NDArray[np.float64] = np.where(same, self._overlap, 0).max(0, initial=0)
        return best

    def true_of(self, name: str) -> int:
        """Return how many true objects are of a class."""
        return self._true.count(name)

    def of(self, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return confidence and overlaps, (found, true), within a class."""
        true = [at for at, of in enumerate(self._true) if of == name]
        found = [at for at, of in enumerate(self._found) if of == name]
        sure = np.array([self._sure[at] for at in found])
        return sure, self._overlap[np.ix_(true, found)].T


def _confidence(found: ClassedObjects, label: int) -> float:
    if label not in found.confidence:
        raise ValueError(
            f"the detection {label} has no confidence, by which they are ranked: give "
            f"one for every object, 1.0 if all are alike"
        )
    return float(found.confidence[label])


def _judged(
    images: Sequence[_Compared], name: str, iou: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return confidence, and whether it is right, of every detection of a class."""
    sure, right = [np.zeros(0)], [np.zeros(0, dtype=np.bool_)]
    for image in images:
        confidence, overlap = image.of(name)
        sure.append(confidence)
        right.append(_right(confidence, overlap, iou))
    return np.concatenate(sure), np.concatenate(right)


def _right(
    confidence: NDArray[np.float64], overlap: NDArray[np.float64], iou: float
) -> NDArray[np.bool_]:
    """Return which detections of one image are right, the surest choosing first."""
    right = np.zeros(len(confidence), dtype=np.bool_)
    free = overlap.copy()
    for one in np.argsort(-confidence, kind="stable"):
        best = int(free[one].argmax()) if free.shape[1] else 0
        if free.shape[1] and free[one, best] >= iou:
            right[one] = True
            free[:, best] = -1
    return right


def _area(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], number: int
) -> float:
    """Return the area under the best precision at each recall or more."""
    in_order = right[np.argsort(-confidence, kind="stable")]
    precision = in_order.cumsum() / np.arange(1, len(in_order) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    return float(best[in_order].sum() / number)


def near_boundaries(labels: ArrayLike, width: int) -> NDArray[np.bool_]:
    r"""Return the pixels in a band round the boundaries of objects, (\*spatial).

    A boundary is made of the pixels that touch one of another label, on either side;
    the band holds what is at most `width` − 1 pixels from them.

    Parameters
    ----------
    labels : array_like of int
        (\*spatial), 0 is background.
    width : int
        1 or more.
    """
    if width < 1:
        raise ValueError(f"the width of a band must be 1 pixel or more, got {width}")
    borders = find_boundaries(as_labels("labels", labels), mode="thick")
    if not borders.any():
        return np.zeros(borders.shape, dtype=np.bool_)
    away = ndimage.distance_transform_edt(~borders)
    return np.asarray(away <= width - 1)


def class_ious(
    truth: ArrayLike,
    found: ArrayLike,
    classes: int,
    where: NDArray[np.bool_] | None = None,
) -> NDArray[np.float64]:
    r"""Return the intersection over union of each class, pixel by pixel.

    Parameters
    ----------
    truth, found : array_like of int
        (\*spatial), the number of the class of each pixel; 0 is background.
    classes : int
        The background is not one of them.
    where : ndarray of bool, optional
        (\*spatial), the pixels that count: those in a band, for example.

    Returns
    -------
    ndarray
        (classes + 1,), the background first; NaN where a class is in neither.
    """
    true, map_ = as_labels("truth", truth), as_labels("class map", found)
    check_one_shape("truth and class map", true, map_)
    at = np.ones(true.shape, dtype=np.bool_) if where is None else where
    width = classes + 1
    pairs = np.bincount(
        true[at].astype(np.int64) * width + map_[at], minlength=width**2
    )
    table = pairs.reshape(width, width)
    both = np.diag(table)
    union = table.sum(axis=0) + table.sum(axis=1) - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)
