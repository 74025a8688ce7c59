"""Figure 2: disks on a lattice, of which a net can tell as many apart as phases."""

from __future__ import annotations

from functools import partial
from math import gcd, lcm
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.embeddings.losses import DiscriminativeLoss
from napari_shiftseg.experiments.every_pixel import find_disks
from napari_shiftseg.experiments.experiment import (
    Experiment,
    Outcome,
    embedding_colours,
    show,
)
from napari_shiftseg.experiments.inputs import Network, colour_config
from napari_shiftseg.report.plots import object_colours
from napari_shiftseg.samples.disks import disks
from napari_shiftseg.samples.sample import Sample
from napari_shiftseg.text import number_of
from napari_shiftseg.training.recipes import Recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.experiments.every_pixel import Centre
    from napari_shiftseg.geometry.unet_shape import UNetShape
    from napari_shiftseg.networks.unet import UNet

MEASURED = 12  # disks along a side


def lattice(shape: UNetShape, spacing: int, cells: int) -> Sample:
    """Make disks whose cells begin where the raw output does, so that none is cut.

    Parameters
    ----------
    shape : UNetShape
        Of the network that reads the image.
    spacing : int
        Of the disks, and the width of a cell, in pixels.
    cells : int
        In the raw output, along each side.

    Returns
    -------
    Sample
        As large as the legal input for so many cells.
    """
    inside = []
    for axis in shape.axes:
        first = (-(spacing // 2) - axis.context // 2) % spacing
        inside.append(slice(first, first + axis.input_for(spacing * cells)))
    made = disks([part.stop for part in inside], spacing)
    return Sample(made.image[tuple(inside)], made.labels[tuple(inside)], spacing)


def measure(networks: Mapping[str, UNet], spacing: int) -> Outcome:
    """Count the modes of disks, other than the background's.

    Of the disks that were predicted as a whole and have one mode each: one of several
    modes is no object.

    Parameters
    ----------
    networks : mapping of str to UNet
        One.
    spacing : int
        Of the disks, in pixels.
    """
    (model,) = networks.values()
    found = find_disks(lattice(model.shape, spacing, MEASURED), model, border="valid")
    result, period = found.result, model.shape.period[0]
    numbers = {
        "distinct_objects": found.distinct,
        "expected": (period // gcd(spacing, period)) ** model.shape.ndim,
        "spacing": spacing,
        "period": period,
        "upsampling": model.config.upsampling,
        "bandwidth": result.settings.clustering(model.config).bandwidth,
        "whole_disks": len(found.whole),
        "disks_of_one_mode": len(found.objects),
        "pull": pull(result.embeddings, found.truth),
        **far_pairs(found.whole, lcm(spacing, period)),
        "modes": len(result.modes),
        "background_modes": len(np.unique(found.modes[found.truth == 0])),
    }
    return Outcome(numbers, found.drawn)


def pull(embedding: NDArray[Any], truth: NDArray[Any]) -> float:
    r"""Return the mean over objects of the squared distance of pixels to their mean.

    The pull of `DiscriminativeLoss`; near 0 where each object has one embedding. The
    background is an object, too.

    Parameters
    ----------
    embedding : ndarray
        (channels, \\*spatial)
    truth : ndarray of int
        (\\*spatial)
    """
    pixels = torch.from_numpy(embedding).double()
    return float(DiscriminativeLoss().terms(pixels, torch.from_numpy(truth))[0])


def far_pairs(disks_modes: Mapping[Centre, set[int]], apart: int) -> dict[str, int]:
    """Count pairs of disks so far apart along an axis, and those of the same modes."""
    pairs = [
        (own, disks_modes[there])
        for centre, own in disks_modes.items()
        for axis in range(len(centre))
        if (there := _moved(centre, axis, apart)) in disks_modes
    ]
    alike = sum(own == other for own, other in pairs)
    return {"apart": apart, "pairs_apart": len(pairs), "pairs_alike": alike}


def _moved(centre: Centre, axis: int, distance: int) -> Centre:
    return (*centre[:axis], centre[axis] + distance, *centre[axis + 1 :])


def draw(figure: Figure, outcome: Outcome) -> None:
    """Draw the image, the embedding, and the modes in colours of their own."""
    numbers, arrays = outcome.numbers, outcome.arrays
    image, embedding, modes = figure.subplots(1, 3)
    show(image, arrays["image"], f"disks {numbers['spacing']} pixels apart")
    title = f"embedding, {numbers['upsampling']} upsampling"
    show(embedding, embedding_colours(arrays["embedding"]), title)
    found, apart = numbers["distinct_objects"], numbers["apart"]
    title = f"{number_of(found, 'mode')} beside the background's"
    lines = range(apart, len(arrays["image"]), apart) if found > 1 else ()
    show(modes, object_colours(arrays["modes"]), title, lines)


def _experiment(
    name: str,
    title: str,
    caption: str,
    spacing: int,
    cells: int,
    steps: int,
    **options: Any,
) -> Experiment:
    about = f"Disks {spacing} pixels apart; figure {name} of the paper."
    config = colour_config(name, about, depth=3, **options)
    # the cells of one window show all pairs of a phase and a place in the lattice
    recipe = Recipe(window=spacing * cells, steps=steps, learning_rate=4e-3)
    sample = partial(lattice, config.shape, spacing, cells)
    network = Network(name, sample, config, recipe)
    return Experiment(
        name, title, caption, partial(measure, spacing=spacing), draw, (network,)
    )


FIGURE_2A = _experiment(
    "2a",
    "Disks two periods apart: all look alike to the network",
    "The disks are 16 pixels apart, two periods of this network (l = 3, p = 8). "
    "It was trained to tell them apart. Left: the image; middle: the "
    "embedding as colours, red, green and blue for its three channels; right: one "
    "colour a mode, the background's black. All disks stand at the same phase, so the "
    "same function of the same receptive field is computed of each: one mode for all "
    "of them.",
    16,
    4,
    1_000,
    features=8,
)
FIGURE_2B = _experiment(
    "2b",
    "Disks at a spacing co-prime with the period: as many modes as phases",
    "As figure 2a, but the disks are 15 pixels apart, which has no divisor in common "
    "with p = 8: eight disks in a row stand at eight different phases. A network of "
    "the same depth, with twice the features, tells 8 × 8 = 64 = f^(d·l) of them "
    "apart, the most it can. White lines: after 120 pixels, the least common multiple "
    "of 15 and 8, phases and with them modes repeat.",
    15,
    8,
    3_000,
    features=16,
)
FIGURE_2C = _experiment(
    "2c",
    "The same with nearest upsampling: the image itself tells the phases apart",
    "As figure 2b, with nearest upsampling in place of a learnt one. Its phases share "
    "all weights, but pooling reads each disk on another grid, and so sees another "
    "shape: the 64 are told apart all the same. Where the image is constant, they are "
    "not (figure 5).",
    15,
    8,
    3_000,
    features=16,
    upsampling="nearest",
)
