"""What makes an object sure, learnt on images with truth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from napari_shiftseg.clustering.settings import Clustering, Effort
from napari_shiftseg.geometry.tiling import slices
from napari_shiftseg.metrics.label_image import UNKNOWN, contingency, with_axes_of
from napari_shiftseg.metrics.objects import IOU, matches, partial_labels
from napari_shiftseg.networks.confidence_rule import FEATURES, ConfidenceRule
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.pipeline.settings import OfOneRun, Settings, spelled
from napari_shiftseg.pipeline.tuning import MOST
from napari_shiftseg.progress import Progress, exhaust, numbered
from napari_shiftseg.results.confidence import STAGE, features_steps
from napari_shiftseg.results.features import as_learnt
from napari_shiftseg.stores.image import as_read

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.networks.unet_config import ModelConfig
    from napari_shiftseg.samples import Sample


FEWEST = 10  # right objects, and wrong ones, to learn from
DIGITS = 6  # of what is learnt


NOT_KNOWN = "{}; until then the confidence of its objects is the usual one"


class TooFewObjects(ValueError):
    """There are too few right or wrong objects to learn from."""


@spelled(OfOneRun)
def learn_object_confidence(
    samples: Sequence[Sample], model: TiledNetwork, **settings: Unpack[OfOneRun]
) -> ConfidenceRule:
    """Learn how sure the objects of a model are, on images with truth.

    A logistic regression of the `object_features`. An object is wrong if its
    intersection over union with every true object is 0.5 or less; where −1 in a truth
    says that a pixel is not known, objects which lie there by half are left out.

    Parameters
    ----------
    samples : sequence of Sample
        Images with their true labels.
    model : TiledNetwork
    **settings
        Of `Settings`: window, device, views, ...

    Returns
    -------
    ConfidenceRule
        ``model.config.model_copy(update={"confidence": rule})`` is a config with it,
        which `save_model` writes.

    Raises
    ------
    ValueError
        If an image or a truth cannot be read, or fewer than 10 objects are right, or
        wrong.
    """
    return exhaust(learn_steps(samples, model, Settings(**settings)))


def learn_steps(
    samples: Sequence[Sample],
    model: TiledNetwork,
    settings: Settings,
    regions: Sequence[Region | None] = (),
) -> Generator[Progress, None, ConfidenceRule]:
    """Learn how sure objects are, yielding `Progress` on the way.

    Parameters
    ----------
    samples, model, settings
        See `learn_object_confidence`.
    regions : sequence of Region, optional
        Of each image, what is looked at; None: all.
    """
    tables: list[Table] = []
    for number, sample in enumerate(samples):
        chosen = settings
        if regions:
            chosen = Settings(**{**vars(settings), "region": regions[number]})
        steps = judged_steps(sample, model, chosen)
        tables += yield from numbered(len(samples), number, steps, "image")
    return learnt(tables)


def config_steps(
    samples: Sequence[Sample],
    model: UNet,
    settings: Settings,
    regions: Sequence[Region | None] = (),
) -> Generator[Progress, None, ModelConfig]:
    """Return a model's config with what is learnt; objects are made as it says.

    Where there are too few objects to learn from, nothing is known, and a note says so.

    Parameters
    ----------
    samples, settings, regions
        See `learn_steps`.
    model : UNet
    """
    own = dict.fromkeys(Clustering.model_fields.keys() & vars(settings).keys())
    chosen = Settings(**{**vars(settings), **own})
    rule = None
    try:
        rule = yield from learn_steps(samples, model, chosen, regions)
    except TooFewObjects as error:
        total = len(samples)
        yield Progress(total, total, NOT_KNOWN.format(error), stage=STAGE)
    return model.config.model_copy(update={"confidence": rule})


def judged_steps(
    sample: Sample, model: TiledNetwork, settings: Settings
) -> Generator[Progress, None, list[Table]]:
    """Find the features of an image's objects, and whether they are wrong.

    One table a frame, as a rule takes them, with a column ``wrong``. None of an image
    whose clustering is cut short: what it finds is not what users would get.

    Parameters
    ----------
    sample, model, settings
        See `learn_object_confidence`.
    """
    truth = _truth_of(sample, model)
    effort = Effort(MOST * truth.size)
    result = yield from segment_steps(
        sample.image, model, settings, effort=effort, scale=sample.scale
    )
    if effort.is_spent:
        return []
    at_region: tuple[Any, ...] = (..., *slices(result.region))
    there = truth[at_region]
    tables = yield from features_steps(result, model)
    return [
        _known(as_learnt(table), there[at], objects.labels)
        for table, at, objects in zip(
            tables, result.positions, result.frames, strict=True
        )
        if len(table["label"])
    ]


def _truth_of(sample: Sample, model: TiledNetwork) -> NDArray[Any]:
    r"""Return the truth of an image, ([leading,] \*spatial)."""
    config = model.config
    shape = as_read(sample.image, config.ndim, config.in_channels).shape
    leading = config.leading_axes(len(shape))
    expected = (*shape[:leading], *shape[-config.ndim :])
    truth = with_axes_of(partial_labels("truth", sample.labels), expected)
    if truth.shape != expected:
        raise ValueError(
            f"truth and image must have one shape, got {truth.shape} and {expected}"
        )
    return truth


def _known(table: Table, truth: NDArray[Any], labels: NDArray[np.integer]) -> Table:
    """Add what is wrong; leave out objects of which half is not known, or more."""
    is_known = truth != UNKNOWN
    sizes = np.bincount(labels[is_known], minlength=len(table["label"]) + 1)[1:]
    seen = np.where(is_known, labels, 0)
    table = table | {"wrong": is_wrong(np.where(is_known, truth, 0), seen, len(sizes))}
    kept = 2 * sizes > table["area"]
    return {name: values[kept] for name, values in table.items()}


def is_wrong(
    truth: NDArray[np.integer], labels: NDArray[np.integer], objects: int
) -> NDArray[np.bool_]:
    r"""Return which objects fit no true one, (objects,): those of an IoU up to 0.5.

    Parameters
    ----------
    truth, labels : ndarray of int
        (\*spatial), 0 is background; objects are numbered from 1.
    objects : int
        How many there are; some may have no pixel.
    """
    table = contingency(truth, labels)
    there = np.unique(labels[labels > 0])
    wrong = np.ones(objects, dtype=bool)
    wrong[there[matches(table, IOU).tocoo().col] - 1] = False
    return wrong


def learnt(tables: Sequence[Table]) -> ConfidenceRule:
    """Fit the rule to the objects of tables of features, see `judged_steps`.

    Features that are the same everywhere, or not known, are left out.

    Raises
    ------
    TooFewObjects
        If fewer than 10 objects are right, or wrong.
    """
    every = {
        name: np.concatenate([np.zeros(0), *(table[name] for table in tables)])
        for name in (*FEATURES, "wrong")
    }
    right = every["wrong"] == 0
    if min(right.sum(), (~right).sum()) < FEWEST:
        raise TooFewObjects(
            f"how sure objects are is learnt from {FEWEST} right and {FEWEST} wrong "
            f"ones or more, got {right.sum()} and {(~right).sum()}: give more images "
            f"with labels"
        )
    names = [n for n in FEATURES if np.ptp(every[n]) > 0]  # NaN is not
    rows = np.stack([every[name] for name in names], axis=1)
    from sklearn.linear_model import LogisticRegression  # takes a second to load

    usual, widths = rows.mean(axis=0), rows.std(axis=0)
    found = LogisticRegression(max_iter=1000).fit((rows - usual) / widths, right)
    weights = found.coef_[0] / widths
    return ConfidenceRule(
        intercept=round(float(found.intercept_[0]), DIGITS),
        weights=dict(zip(names, weights.round(DIGITS).tolist(), strict=True)),
        usual=dict(zip(names, usual.round(DIGITS).tolist(), strict=True)),
        objects=len(right),
        wrong=int((~right).sum()),
    )
