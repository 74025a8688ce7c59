"""Figures 5 and S2: a constant image, of which every pixel is to be told apart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.experiments.experiment import (
    Experiment,
    Outcome,
    embedding_colours,
    show_row,
)
from napari_shiftseg.experiments.inputs import FigureNetwork, colour_config
from napari_shiftseg.metrics.objects import false_splits
from napari_shiftseg.metrics.seams import seam_scores
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.report.plots import object_colours
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import constant
from napari_shiftseg.text import number_of
from napari_shiftseg.training.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.result import Segmentation


Centre = tuple[float, ...]


@dataclass(frozen=True)
class FoundDisks:
    """Disks as a network tells them apart, over what was predicted."""

    result: Segmentation
    image: NDArray[Any]  # (*predicted)
    # (*predicted), the true disks and the modes; 0 is background
    truth: NDArray[Any]
    modes: NDArray[Any]
    # modes of every disk that was predicted as a whole, by its centre
    whole: dict[Centre, set[int]]

    @property
    def objects(self) -> list[set[int]]:
        """Modes of the whole disks that have one, other than the background's."""
        return [own for own in self.whole.values() if len(own) == 1 and 0 not in own]

    def figures(self, *names: str, **more: Any) -> dict[str, Any]:
        """Return these figures, of those below and more that are known, for JSON."""
        scores = seam_scores(self.result.embeddings, self.result.plan, self.truth)
        known = {
            "window": list(self.result.plan.window),
            "modes": len(self.result.modes),
            "distinct_objects": len(set().union(*self.objects)),
            "whole_disks": len(self.whole),
            "true_objects": len(self.whole),
            "disks_of_one_mode": len(self.objects),
            "seam_ratio": scores.ratio,
            "seam_ratio_within": scores.ratio_within,
            "false_splits": false_splits(self.truth, self.modes),
            **more,
        }
        return {name: known[name] for name in names}

    @property
    def drawn(self) -> dict[str, NDArray[Any]]:
        """What a figure shows of them."""
        return {
            "image": self.image,
            "embedding": self.result.embeddings,
            "modes": self.modes,
        }


def _modes_of(image: NDArray[Any], model: UNet, **tiles: Any) -> Segmentation:
    """Segment an image so that each of its labels is a mode."""
    return segment(
        image, model, **tiles, device="cpu", min_size=0, split_far_parts=False
    )


def find_disks(sample: Sample, model: UNet, **tiles: Any) -> FoundDisks:
    """Segment an image of disks into modes.

    Parameters
    ----------
    sample : Sample
    model : UNet
    **tiles
        Of `Settings`: window, stitching, border.
    """
    result = _modes_of(sample.image, model, **tiles)
    inside = result.plan.slices
    truth = sample.labels[inside]
    modes = foreground_modes(result.labels, truth)
    whole = modes_of_whole_disks(modes, truth, sample.labels)
    return FoundDisks(result, sample.image[inside], truth, modes, whole)


def foreground_modes(modes: NDArray[Any], truth: NDArray[Any]) -> NDArray[Any]:
    r"""Return the modes numbered from 1, the one of most background pixels 0.

    Parameters
    ----------
    modes, truth : ndarray of int
        (\*spatial)
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
        (\*predicted); the mode and the true disk of every pixel.
    everywhere : ndarray of int
        (\*spatial), the true disks of the whole image.
    """
    sizes, predicted = np.bincount(everywhere.flat), np.bincount(truth.flat)
    found = {}
    for disk in np.flatnonzero(predicted)[1:]:
        if predicted[disk] == sizes[disk]:
            pixels = np.nonzero(truth == disk)
            centre = tuple(float(along.mean()) for along in pixels)
            found[centre] = set(modes[pixels].tolist())
    return found


DEPTH, PERIOD = 4, 16
SEEN = 4 * PERIOD  # pixels along a side of the image of figure 5
NEAR, FAR = 16, 32  # pixels along a side of the images of figure S2


def pixel_ids(shape: UNetShape, side: int) -> Sample:
    """Make a constant image, every pixel of a window an object; ids repeat after it.

    Parameters
    ----------
    shape : UNetShape
        Of the network that reads the image.
    side : int
        Of the window, in pixels.
    """
    reads = [axis.input_for(side) for axis in shape.axes]
    number = np.zeros(reads, dtype=np.int32)
    for along in np.indices(reads):
        number = number * side + along % side
    return Sample(constant(reads).image, number + 1)  # none is background


def told_apart(model: UNet, side: int, **tiles: Any) -> Segmentation:
    """Segment a constant image into modes.

    Parameters
    ----------
    model : UNet
    side : int
        Of the image, in pixels.
    **tiles
        Of `Settings`.
    """
    return _modes_of(constant((side,) * model.shape.ndim).image, model, **tiles)


def repeats_after(ids: NDArray[Any]) -> list[int]:
    r"""Return the smallest shift along each axis after which ids are the same.

    Parameters
    ----------
    ids : ndarray of int
        (\*spatial); where nothing repeats, the size of the axis is returned.
    """
    smallest = []
    for axis, size in enumerate(ids.shape):
        along = np.moveaxis(ids, axis, 0)
        same = (s for s in range(1, size) if np.array_equal(along[s:], along[:-s]))
        smallest.append(next(same, size))
    return smallest


def measure_periodic(networks: Mapping[str, UNet]) -> Outcome:
    """Count the modes of a constant image: learnt against nearest upsampling."""
    learnt, nearest = (networks[name] for name in ("5", "5-nearest"))
    found, one = told_apart(learnt, SEEN), told_apart(nearest, SEEN)
    (period, *_) = periods = repeats_after(found.labels)
    numbers = {
        "unique_ids": len(found.modes),
        "expected": learnt.shape.max_same_looking,
        "period": period if len(set(periods)) == 1 else periods,
        "nearest_unique_ids": len(one.modes),
        "side": SEEN,
        "least_distance": least_distance(found.modes),
        "bandwidth": found.settings.clustering(learnt.config).bandwidth,
    }
    arrays = {"ids": found.labels, "embedding": found.embeddings, "nearest": one.labels}
    return Outcome(numbers, arrays)


def least_distance(modes: NDArray[Any]) -> float | None:
    """Return the least distance between two modes; None where there are not two."""
    gaps = np.linalg.norm(modes[:, None] - modes[None], axis=-1)
    apart = gaps[~np.eye(len(modes), dtype=bool)]
    return round(float(apart.min()), 3) if len(apart) else None


def _draw_periodic(figure: Figure, outcome: Outcome) -> None:
    """Draw embedding and ids of learnt upsampling, and ids of nearest upsampling."""
    arrays, numbers = outcome.arrays, outcome.numbers
    learnt = number_of(numbers["unique_ids"], "id")
    nearest = number_of(numbers["nearest_unique_ids"], "id")
    pictures: dict[str, NDArray[Any]] = {
        "embedding, learnt": embedding_colours(arrays["embedding"]),
        f"learnt upsampling: {learnt}": object_colours(arrays["ids"]),
        f"nearest upsampling: {nearest}": object_colours(arrays["nearest"]),
    }
    show_row(figure, pictures, range(PERIOD, SEEN, PERIOD))


def measure_padded(networks: Mapping[str, UNet]) -> Outcome:
    """Count the modes of constant images that zeros surround."""
    rows, arrays = [], {}
    for side in (NEAR, FAR):
        model = networks[f"s2-{side}"]
        # one tile as large as the image: zeros stand where the image ends
        found = told_apart(model, side, window=side, stitching="naive")
        arrays[str(side)] = found.labels
        reach = model.shape.axes[0].halo
        inside = found.labels[(slice(reach, side - reach),) * model.shape.ndim]
        rows.append(
            {
                "side": side,
                "pixels": found.labels.size,
                "distinct": len(found.modes),
                "pixels_that_see_no_border": inside.size,
                "distinct_of_these": len(np.unique(inside)),
            }
        )
    near, far = rows
    numbers = {
        "distinct": near["distinct"],
        "pixels": near["pixels"],
        "larger_distinct": far["distinct"],
        "larger_pixels": far["pixels"],
        "functions_without_border": networks[f"s2-{NEAR}"].shape.max_same_looking,
        "table": rows,
    }
    return Outcome(numbers, arrays)


def _draw_padded(figure: Figure, outcome: Outcome) -> None:
    """Draw the ids of both images."""
    found = {row["side"]: row["distinct"] for row in outcome.numbers["table"]}
    pictures = {
        f"{side} × {side} pixels: {number_of(ids, 'id')}": object_colours(
            outcome.arrays[str(side)]
        )
        for side, ids in found.items()
    }
    show_row(figure, pictures)


def _network(name: str, side: int, **options: Any) -> FigureNetwork:
    config = colour_config(name, **options)
    recipe = Recipe(window=side, steps=600, learning_rate=1e-3)
    figure = name.partition("-")[0]
    return FigureNetwork(figure, partial(pixel_ids, config.shape, side), config, recipe)


FIGURE_5 = Experiment(
    "5",
    "A constant image: as many ids as phases, with learnt upsampling only",
    f"Every pixel of the image is the same, and the network was trained to tell all of "
    f"them apart. Left: its embedding as colours; middle: one colour a mode. Within a "
    f"square of {PERIOD} pixels, the period, no two pixels have the same id; beyond it "
    f"the same ids come again, since pixels a period apart see the same image with the "
    f"same weights. Right: nearest upsampling has no weights of its own a phase, and "
    f"trained alike it gives the whole image one id.",
    measure_periodic,
    _draw_periodic,
    (
        _network("5", PERIOD, depth=DEPTH, features=4),
        _network("5-nearest", PERIOD, depth=DEPTH, features=4, upsampling="nearest"),
    ),
)
FIGURE_S2 = Experiment(
    "s2",
    "Zero padding: the border of the image tells pixels apart",
    f"A constant image, a network with zero padding and nearest upsampling, which "
    f"without a border would give all pixels one id. Left: at {NEAR} × {NEAR} pixels "
    f"every receptive field reaches the zeros beyond the image, and all pixels can be "
    f"told apart, though the period is only 2. Right: at {FAR} × {FAR} pixels the "
    f"receptive fields in the middle see no border, and all of these pixels share one "
    f"id. The location that zero padding gives away is that in the tile, not in the "
    f"image: tiles stitched without a halo disagree at their borders.",
    measure_padded,
    _draw_padded,
    tuple(
        _network(
            f"s2-{side}", side, depth=1, features=8, padding="same",
            upsampling="nearest",
        )
        for side in (NEAR, FAR)
    ),
    (6.0, 3.2),
)  # fmt: skip
