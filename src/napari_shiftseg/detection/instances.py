"""Instances of classes: the map of classes, and its objects without an embedding."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Any

import numpy as np
from skimage.measure import label

from napari_shiftseg.metrics.label_image import as_labels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.pipeline.result import Prediction


def class_map(predicted: Prediction, threshold: float = 0.5) -> NDArray[np.int64]:
    r"""Return the number of the class of each pixel, from 1; 0 is background.

    Of the pixels that are foreground the most likely class, of equal ones the first:
    what is called semantic segmentation, which knows no objects.

    Parameters
    ----------
    predicted : Prediction
        Of a model that tells classes apart.
    threshold : float
        Probability above which a pixel is foreground.

    Returns
    -------
    ndarray
        (\*spatial)

    Raises
    ------
    ValueError
        If the model tells no classes apart.
    """
    if predicted.logit is None or predicted.class_logits is None:
        raise ValueError(
            "the model tells no classes apart: take one that was trained with classes"
        )
    inside = predicted.logit > log(threshold / (1 - threshold))
    return np.where(inside, predicted.class_logits.argmax(axis=0) + 1, 0)


def components_of_classes(classes: ArrayLike, min_size: int = 0) -> NDArray[np.int32]:
    r"""Return as objects the connected components of each class in a map of classes.

    What objects are without an embedding: two of one class that touch are one.

    Parameters
    ----------
    classes : array_like of int
        (\*spatial), see `class_map`.
    min_size : int
        Components of fewer pixels are background.

    Returns
    -------
    ndarray of int32
        (\*spatial), numbered from 1; connected by faces.
    """
    parts: NDArray[Any] = label(as_labels("class map", classes), connectivity=1)
    sizes = np.bincount(parts.ravel())
    small = sizes < min_size
    small[0] = False
    kept = np.where(small[parts], 0, parts)
    return np.unique(kept, return_inverse=True)[1].reshape(kept.shape).astype(np.int32)
