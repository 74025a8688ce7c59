"""Which class an object is of: the vote of its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax

from napari_shiftseg.metrics.label_image import as_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class ObjectClasses:
    """The class of every object of one image, and how sure that is.

    Attributes
    ----------
    names : tuple of str
        Of all classes.
    ids : ndarray of int
        (objects,), the objects by their labels, upward.
    probabilities : ndarray
        (objects, classes), see `class_vote`.
    confidence : ndarray
        (objects,), that of the class, unless something else has judged the objects.
    """

    names: tuple[str, ...]
    ids: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    confidence: NDArray[np.float64]

    @property
    def of(self) -> tuple[str, ...]:
        """The class of each object; of equal ones the first."""
        return tuple(self.names[best] for best in self._best)

    @property
    def by_id(self) -> dict[int, str]:
        """The class of each object, by its label."""
        return dict(zip(self.ids.tolist(), self.of, strict=True))

    @property
    def confidence_by_id(self) -> dict[int, float]:
        """The confidence of each object, by its label."""
        return dict(zip(self.ids.tolist(), self.confidence.tolist(), strict=True))

    @property
    def counts(self) -> dict[str, int]:
        """How many objects there are of each class."""
        found = np.bincount(self._best, minlength=len(self.names))
        return dict(zip(self.names, found.tolist(), strict=True))

    @property
    def _best(self) -> NDArray[np.int64]:
        best: NDArray[np.int64] = self.probabilities.argmax(axis=1)
        return best


def class_vote(
    labels: ArrayLike, logits: NDArray[Any], names: Sequence[str]
) -> ObjectClasses:
    r"""Let the pixels of each object vote for its class.

    Every pixel gives each class its probability, the softmax of its logits z; an object
    O takes the class of the largest mean, which is also its confidence:

    .. math::

        P(c \mid O) = \frac1{|O|} \sum_{i \in O}
            \frac{\exp z_{ic}}{\sum_k \exp z_{ik}}

    So a pixel that is sure counts for more than one that hardly is, which a plain count
    of votes does not tell apart.

    Parameters
    ----------
    labels : array_like of int
        (\*spatial), 0 is background.
    logits : ndarray
        (classes, \*spatial)
    names : sequence of str
        Of the classes.

    Raises
    ------
    ValueError
        If labels and logits are of different shapes, or there is not one name a class.

    References
    ----------
    Kong & Fowlkes, CVPR 2018, section 4.3: instances take the class that their pixels
    vote for.
    """
    objects = as_labels("labels", labels)
    if logits.shape != (len(names), *objects.shape):
        raise ValueError(
            f"labels of {objects.shape} and {len(names)} classes need logits of "
            f"{(len(names), *objects.shape)}, got {logits.shape}"
        )
    inside = objects > 0
    ids, owner = np.unique(objects[inside], return_inverse=True)
    likely = softmax(logits[:, inside].astype(np.float64), axis=0)
    sums = [np.bincount(owner, weights=of, minlength=len(ids)) for of in likely]
    sizes = np.bincount(owner, minlength=len(ids))
    mean = np.stack(sums, axis=1) / sizes[:, None]
    sure = mean.max(axis=1) if len(ids) else np.zeros(0)
    return ObjectClasses(tuple(names), ids.astype(np.int64), mean, sure)
