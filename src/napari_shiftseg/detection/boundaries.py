"""Boundaries of objects, read out of several levels of a prediction."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from scipy import ndimage
from scipy.special import expit

from napari_shiftseg.detection.levels import first_level, level_steps
from napari_shiftseg.detection.prediction import prediction_steps
from napari_shiftseg.metrics.boundaries import true_boundaries
from napari_shiftseg.metrics.label_image import check_one_shape
from napari_shiftseg.pipeline.comparison import checked_truth
from napari_shiftseg.pipeline.settings import OfOneRun, Settings, spelled
from napari_shiftseg.progress import Progress, exhaust, numbered
from napari_shiftseg.stores.whole_file import whole_or_not_at_all

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import ArrayLike, NDArray

    from napari_shiftseg.detection.levels import Levels
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Prediction
    from napari_shiftseg.samples import Sample

KIND = "napari-shiftseg boundary read-out"
BESIDE = 1.0  # pixels from a true boundary, within which a pixel is one
MOST_PIXELS = 20_000  # of an image that are learnt from
SEED = 0


@dataclass(frozen=True)
class BoundaryReadout:
    r"""How likely a boundary is, by the levels of a prediction.

    .. math::

        p = \frac1{1 + \exp(-b - \sum_k w_k \ln(1 + g_k / s_k))}

    with the levels g, see `level_steps`.

    Attributes
    ----------
    levels : tuple of str
        Names.
    weights, scales : tuple of float
        w and s, one for each level.
    intercept : float
        b
    model : str
        Name of that on whose predictions it was fitted.
    images : int
        On how many.
    """

    levels: tuple[str, ...]
    weights: tuple[float, ...]
    scales: tuple[float, ...]
    intercept: float
    model: str = ""
    images: int = 0

    def probability(self, levels: Levels) -> NDArray[np.float32]:
        r"""Return the probability of a boundary at every pixel, (\*spatial).

        Raises
        ------
        ValueError
            If a level is missing.
        """
        missing = [name for name in self.levels if name not in levels]
        if missing:
            raise ValueError(
                f"the read-out needs levels that this model does not have "
                f"({', '.join(missing)}): fit one on this model"
            )
        total = np.float32(self.intercept)
        for name, w, s in zip(self.levels, self.weights, self.scales, strict=True):
            total = total + np.float32(w) * np.log1p(levels[name] / np.float32(s))
        found: NDArray[np.float32] = expit(total)
        return found

    def write(self, path: Path) -> None:
        """Write it as JSON, whole or not at all."""
        text = json.dumps({"kind": KIND, **asdict(self)}, indent=2)
        with whole_or_not_at_all(path) as unfinished:
            unfinished.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> BoundaryReadout:
        """Read what `write` wrote.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it holds no read-out.
        """
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            if known.pop("kind") != KIND:
                raise ValueError
            lists: dict[str, Any] = {n: tuple(known.pop(n)) for n in LISTS}
            read = cls(**lists, **known)
            read._check()
        except (ValueError, TypeError, KeyError, AttributeError):
            raise ValueError(
                f"{path.name} holds no read-out of boundaries: give a file that "
                f"shiftseg readout wrote"
            ) from None
        return read

    def _check(self) -> None:
        numbers = np.array([*self.weights, *self.scales, self.intercept], dtype=float)
        lengths = {len(getattr(self, name)) for name in LISTS}
        if len(lengths) != 1 or not np.isfinite(numbers).all() or min(self.scales) <= 0:
            raise ValueError


LISTS = ("levels", "weights", "scales")


@spelled(OfOneRun)
def boundaries(
    image: ArrayLike | Any,
    model: TiledNetwork,
    readout: BoundaryReadout | str | Path | None = None,
    **settings: Unpack[OfOneRun],
) -> NDArray[np.float32]:
    r"""Return evidence of boundaries at every pixel of an image.

    Without a read-out that is the gradient of the embedding, smoothed by a Gaussian of
    one pixel, in bandwidths a pixel; of a model with a foreground all background counts
    as one point. With a read-out it is a probability, of several such gradients.

    Parameters
    ----------
    image : array_like
        One image, (\*spatial) or (channels, \*spatial), as the model reads it.
    model : TiledNetwork
    readout : BoundaryReadout or path, optional
        As `fit_boundaries` gives it for this model, or the file that it was written to.
    **settings
        Of `Settings`: window, stitching, bandwidth, device, ...

    Returns
    -------
    ndarray of float32
        (\*spatial), 0 or above. `boundary_scores` scores it.

    Raises
    ------
    ValueError
        If a setting is out of range, the image cannot be read, or the read-out needs
        levels that the model does not have.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping", section 5.1.
    """
    if isinstance(readout, str | Path):
        readout = BoundaryReadout.read(Path(readout))
    return exhaust(boundary_steps(image, model, Settings(**settings), readout)).evidence


@dataclass(frozen=True)
class Boundaries:
    """Evidence of boundaries, and the prediction that it was read of."""

    evidence: NDArray[np.float32]  # (*spatial)
    prediction: Prediction


def boundary_steps(
    image: ArrayLike | Any,
    model: TiledNetwork,
    settings: Settings,
    readout: BoundaryReadout | None = None,
) -> Generator[Progress, None, Boundaries]:
    """Find boundaries, yielding `Progress` after every tile.

    Parameters
    ----------
    image, model
        See `boundaries`.
    settings : Settings
    readout : BoundaryReadout, optional
    """
    clustering = settings.clustering(model.config)
    prediction = yield from prediction_steps(image, model, settings)
    if readout is None:
        return Boundaries(first_level(prediction, clustering), prediction)
    levels = yield from level_steps(prediction, clustering)
    return Boundaries(readout.probability(levels), prediction)


@spelled(OfOneRun)
def fit_boundaries(
    samples: Sequence[Sample], model: TiledNetwork, **settings: Unpack[OfOneRun]
) -> BoundaryReadout:
    """Fit a read-out of boundaries to images with true labels.

    Logistic regression over pixels, up to 20,000 an image drawn at random (the same
    ones each time): a pixel within one pixel of a true boundary is to have the
    probability 1, any other 0.

    Parameters
    ----------
    samples : sequence of Sample
        Images the model was not trained on, with their true labels, (y, x).
    model : TiledNetwork
    **settings
        Of `Settings`: those that boundaries are to be found with.

    Raises
    ------
    ValueError
        If there is no image, it has no boundary or nothing else, or an image or a
        truth cannot be read.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping", section
    5.1: gradients of several layers, fused by logistic regression.
    """
    return exhaust(fit_steps(samples, model, Settings(**settings)))


def fit_steps(
    samples: Sequence[Sample], model: TiledNetwork, settings: Settings
) -> Generator[Progress, None, BoundaryReadout]:
    """Fit a read-out, yielding `Progress` after every tile of every image.

    Parameters
    ----------
    samples, model
        See `fit_boundaries`.
    settings : Settings
    """
    if not samples:
        raise ValueError("a read-out is fitted to one image with true labels, or more")
    seen = []
    for number, sample in enumerate(samples):
        steps = _learnt_steps(sample, model, settings, SEED + number)
        seen.append((yield from numbered(len(samples), number, steps, "image")))
    yield Progress(0, 0, stage="fitting")
    return fitted(seen, model.config.name)


Learnt = tuple["Levels", "NDArray[np.bool_]"]


def _learnt_steps(
    sample: Sample, model: TiledNetwork, settings: Settings, seed: int
) -> Generator[Progress, None, Learnt]:
    """Give the levels at drawn pixels, (pixels,) each, and which are boundaries."""
    checked_truth(sample.image, model, sample.labels)
    lines = true_boundaries(sample.labels)
    steps = prediction_steps(sample.image, model, settings, sample.scale)
    prediction = yield from steps
    lines = lines[prediction.plan.slices]
    levels = yield from level_steps(prediction, settings.clustering(model.config))
    check_one_shape("truth and prediction", lines, next(iter(levels.values())))
    return drawn(levels, lines, seed)


def drawn(levels: Levels, lines: NDArray[np.bool_], seed: int) -> Learnt:
    r"""Draw pixels to learn from: the levels there, and which are boundaries.

    Parameters
    ----------
    levels : dict of ndarray
        (\*spatial) each.
    lines : ndarray of bool
        (\*spatial), true boundaries.
    seed : int
    """
    is_line = np.zeros(lines.shape, dtype=bool)
    if lines.any():
        is_line = ndimage.distance_transform_edt(~lines) <= BESIDE
    rng = np.random.default_rng(seed)
    at = rng.choice(lines.size, min(lines.size, MOST_PIXELS), replace=False)
    return {name: of.ravel()[at] for name, of in levels.items()}, is_line.ravel()[at]


def fitted(seen: Sequence[Learnt], model: str = "") -> BoundaryReadout:
    """Fit a read-out to the pixels that were drawn of images.

    Parameters
    ----------
    seen : sequence of (dict of ndarray, ndarray of bool)
        As `drawn` gives them, of one image or more, all with the same levels.
    model : str
        Name of that which predicted them.

    Raises
    ------
    ValueError
        If all pixels are boundaries, or none is.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    names = tuple(seen[0][0])
    values = np.stack(
        [np.concatenate([levels[name] for levels, _ in seen]) for name in names], 1
    ).astype(np.float64)
    is_line = np.concatenate([lines for _, lines in seen])
    if is_line.all() or not is_line.any():
        raise ValueError(
            "a read-out needs pixels at boundaries and others, but the true labels "
            "have only one kind: give images with objects and the ground about them"
        )
    scales = np.maximum(values.mean(0), np.finfo(np.float32).tiny)
    scaler = StandardScaler()
    rows = scaler.fit_transform(np.log1p(values / scales))
    found = LogisticRegression(max_iter=1_000).fit(rows, is_line)
    weights = found.coef_[0] / scaler.scale_
    intercept = found.intercept_[0] - weights @ scaler.mean_
    return BoundaryReadout(
        names, tuple(weights.tolist()), tuple(scales.tolist()), float(intercept),
        model, len(seen),
    )  # fmt: skip
