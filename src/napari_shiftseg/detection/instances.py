"""Instances of classes: how sure each is; what they are without an embedding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Unpack

import numpy as np

from napari_shiftseg.clustering.components import connected, without_small
from napari_shiftseg.detection.confidence import fit_confidence
from napari_shiftseg.detection.features import features_of, joined
from napari_shiftseg.metrics.classes import ClassedObjects, best_of_class
from napari_shiftseg.metrics.label_image import as_labels
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import OfOneRun, spelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.detection.confidence import Confidence
    from napari_shiftseg.detection.features import Features
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.classes import ObjectClasses
    from napari_shiftseg.pipeline.result import Prediction, Segmentation
    from napari_shiftseg.samples import Sample


PROBABILITY = "class_probability"


def judged_classes(
    result: Segmentation, model: TiledNetwork, judge: Confidence
) -> ObjectClasses:
    """Return the classes of the objects of one image, their confidence by a regressor.

    It says how well each object is likely to fit a true one of its class, from its
    shape, from how consistent the embedding is in it, and from the probability of the
    class; see `features_of`.

    Parameters
    ----------
    result : Segmentation
    model : TiledNetwork
        That made it, and tells classes apart.
    judge : Confidence
        See `learn_class_confidence`.

    Raises
    ------
    ValueError
        If the result is of several planes or without classes, or the regressor takes
        other features.

    References
    ----------
    Kong & Fowlkes, CVPR 2018, section 4.3.
    """
    votes = _votes(result)
    return replace(votes, confidence=judge.predict(_features(result, model)))


@spelled(OfOneRun)
def learn_class_confidence(
    samples: Sequence[Sample], model: TiledNetwork, **settings: Unpack[OfOneRun]
) -> Confidence:
    """Learn how well objects are likely to fit true ones of the class they are given.

    Parameters
    ----------
    samples : sequence of Sample
        Images with labels and classes; best those that the model was not trained on.
    model : TiledNetwork
        That tells classes apart.
    **settings
        Of `Settings`.

    Raises
    ------
    ValueError
        If there is no image, one has no classes, or fewer than 50 objects come up.
    """
    if not samples:
        raise ValueError("a confidence is learnt from one image with classes, or more")
    features, fits = [], []
    for number, sample in enumerate(samples, start=1):
        if sample.classes is None:
            raise ValueError(
                f"image {number} of {len(samples)} has no classes: say which object "
                f"is of which class"
            )
        result = segment(sample.image, model, **settings)
        found = ClassedObjects(result.labels, _votes(result).by_id)
        fits.append(best_of_class(ClassedObjects(sample.labels, sample.classes), found))
        features.append(_features(result, model))
    return fit_confidence(joined(features), np.concatenate(fits), model.config.name)


def _votes(result: Segmentation) -> ObjectClasses:
    images = len(result.frames) if result.classes else 0
    if images != 1:
        raise ValueError(
            f"objects of classes are judged in one image, got "
            f"{images} with classes: take one plane, and a model that "
            f"tells classes apart"
        )
    return result.classes[0]


def _features(result: Segmentation, model: TiledNetwork) -> Features:
    clustering = result.settings.clustering(model.config, result.rescaling)
    known = features_of(result.labels, result.prediction(), clustering)
    return known.beside(PROBABILITY, _votes(result).confidence)


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
    inside = predicted.foreground(threshold)
    if inside is None or predicted.class_logits is None:
        raise ValueError(
            "the model tells no classes apart: take one that was trained with classes"
        )
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
    return without_small(connected(as_labels("class map", classes)), min_size)[0]
