"""Figures KF4, KF5 and KF12: an embedding on the sphere, and loops of grouping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.clustering.kernels import on_sphere
from napari_shiftseg.embeddings.recurrent import RecurrentMeanShift
from napari_shiftseg.embeddings.spherical import (
    CosineMarginLoss,
    calibrated_similarity,
    sum_of_cosines,
)
from napari_shiftseg.experiments.digits import (
    SIZE,
    all_pairs,
    digits,
    embedding_steps,
    owners,
)
from napari_shiftseg.experiments.experiment import (
    Experiment,
    Measuring,
    Outcome,
    as_grey,
    show,
)
from napari_shiftseg.progress import Progress
from napari_shiftseg.report.plots import LIGHT, object_colours
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.samples import Sample

MARGIN, LOOPS = 0.5, 10
TRAINED = 250  # steps, of figure KF4
ON_THE_WAY = (20, 40, 60, 80, 160)  # steps, of figure KF5
EARLY = 60  # steps, of what is drawn in figures KF5 and KF12
TABLE = (0, 1, 2, 3, 5, 10)  # loops
BINS = 50
FAINT = 1e-4  # gradients from which on they are drawn


def similarity_figures(points: Tensor, sample: Sample) -> dict[str, float]:
    """Return how alike pixels within objects and of different objects are.

    Parameters
    ----------
    points : Tensor
        (pixels, channels), of every pixel of the sample.
    sample : Sample
        Its background is an object.
    """
    owner, similarity = owners(sample), calibrated_similarity(points)
    same = owner[:, None] == owner
    seen = all_pairs(points, sample, MARGIN)
    loss = CosineMarginLoss(MARGIN)
    found = {
        "within_least": similarity[same].min(),
        "between_largest": similarity[~same].max(),
        "mean_similarity": (1 + sum_of_cosines(points) / len(points) ** 2) / 2,
        "loss": loss.total(*loss.terms_of(points, seen)),
    }
    return {name: round(float(value), 5) for name, value in found.items()}


def measure_grouped(networks: Mapping[str, UNet]) -> Measuring:
    """Group the pixels of the trained embedding; there is no network to load."""
    sample = digits()
    (points,) = yield from embedding_steps(sample, [TRAINED])
    yield Progress(0, 1, stage="grouping")
    loops = RecurrentMeanShift(MARGIN, steps=LOOPS)(points)
    table = [{"loop": n, **similarity_figures(loops[n], sample)} for n in TABLE]
    before, after = table[0], table[-1]
    numbers = {
        "objects": len(np.unique(sample.labels)),
        "pixels": sample.labels.size,
        "margin": MARGIN,
        "within_least_before": before["within_least"],
        "within_least_after": after["within_least"],
        "between_largest_before": before["between_largest"],
        "between_largest_after": after["between_largest"],
        "training_steps": TRAINED,
        "table": table,
    }
    return Outcome(numbers, _drawn(sample, before=loops[0], after=loops[-1]))


def _drawn(sample: Sample, **points: Tensor) -> dict[str, NDArray[Any]]:
    """Return what figures show of a sample and of its pixels on the sphere."""
    on = {name: on_sphere(each).numpy() for name, each in points.items()}
    return {"image": sample.image, "labels": sample.labels, **on}


def sphere_colours(points: NDArray[Any]) -> NDArray[Any]:
    """Paint points of the sphere, (pixels, 3): a channel from −1 (0) to 1 (1)."""
    colours: NDArray[Any] = ((points + 1) / 2).clip(0, 1).reshape(*SIZE, 3)
    return colours


def _draw_grouped(figure: Figure, outcome: Outcome) -> None:
    """Draw two rows: before and after the loops."""
    arrays = outcome.arrays
    labels = arrays["labels"]
    pictures = as_grey(arrays["image"]), object_colours(labels)
    names = "image", number_of(outcome.numbers["objects"] - 1, "digit")
    states = {"before": "before the loops", "after": f"after {LOOPS} loops"}
    for row, (state, title) in enumerate(states.items()):
        points = arrays[state]
        show(figure.add_subplot(2, 3, 3 * row + 1), pictures[row], names[row])
        show(figure.add_subplot(2, 3, 3 * row + 2), sphere_colours(points), title)
        globe = figure.add_subplot(2, 3, 3 * row + 3, projection="mollweide")
        _draw_globe(globe, points, labels)


def _draw_globe(axes: Axes, points: NDArray[Any], labels: NDArray[Any]) -> None:
    """Draw points of the sphere as places on a map, each in its object's colour."""
    x, y, z = points.T
    axes.scatter(
        np.arctan2(y, x), np.arcsin(z.clip(-1, 1)), s=6, linewidth=0,
        c=object_colours(labels).reshape(-1, 3) / 255,
    )  # fmt: skip
    axes.grid(color=LIGHT.grid, lw=0.5)
    axes.set(xticklabels=[], yticklabels=[])


def is_lost(points: Tensor, owner: Tensor) -> Tensor:
    """Return which pixels all loops bring to another object, a bool for each.

    There the direction of another object's mean is nearer than that of its own.

    Parameters
    ----------
    points : Tensor
        (pixels, channels)
    owner : Tensor of int
        (pixels,), ids from 0 without a gap.
    """
    ends = RecurrentMeanShift(MARGIN, steps=LOOPS)(points)[-1]
    sums = ends.new_zeros(int(owner.max()) + 1, ends.shape[1]).index_add(0, owner, ends)
    lost: Tensor = (ends @ on_sphere(sums).T).argmax(1) != owner
    return lost


def pulls(points: Tensor, sample: Sample, loops: int) -> Tensor:
    """Return how hard the loss after so many loops pulls at each pixel, (pixels,).

    That is the length of its gradient, divided by what the pixel weighs in the loss.

    Parameters
    ----------
    points : Tensor
        (pixels, channels), of unit length; the gradient is that for them.
    sample : Sample
    loops : int
        0: the loss sees the points as they are.
    """
    start = points.clone().requires_grad_()
    end = RecurrentMeanShift(MARGIN, steps=loops)(start)[-1] if loops else start
    loss = CosineMarginLoss(MARGIN)
    seen = all_pairs(points, sample, MARGIN)
    total = loss.total(*loss.terms_of(end, seen))
    (gradient,) = torch.autograd.grad(total, start)
    length: Tensor = gradient.norm(dim=1)
    return length / seen.weights


def measure_gradients(networks: Mapping[str, UNet]) -> Measuring:
    """Compare gradients with and without a loop, at several steps of a training."""
    sample = digits()
    found = yield from embedding_steps(sample, ON_THE_WAY)
    table: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    for number, (steps, points) in enumerate(zip(ON_THE_WAY, found, strict=True)):
        yield Progress(number, len(found), stage="gradients")
        unit = on_sphere(points)
        without, with_loop = (pulls(unit, sample, n) for n in (0, 1))
        lost = is_lost(unit, owners(sample))
        table.append(
            {
                "training_steps": steps,
                "lost": int(lost.sum()),
                "lost_without": _mean(without[lost]),
                "lost_with": _mean(with_loop[lost]),
                "resolved_without": _mean(without[~lost]),
                "resolved_with": _mean(with_loop[~lost]),
            }
        )
        if steps == EARLY:
            arrays = _drawn(sample, points=unit) | {"lost": lost.numpy()}
            arrays |= {"without": without.numpy(), "with": with_loop.numpy()}
    early = table[ON_THE_WAY.index(EARLY)]
    return Outcome({"pixels": sample.labels.size, **early, "table": table}, arrays)


def _mean(values: Tensor) -> float | None:
    """Return the mean; None where there are no values."""
    return round(float(values.mean()), 4) if len(values) else None


def _draw_gradients(figure: Figure, outcome: Outcome) -> None:
    """Draw the embedding, both maps on one scale, and one against the other."""
    arrays, panels = outcome.arrays, figure.subplots(1, 4)
    show(panels[0], sphere_colours(arrays["points"]), "embedding")
    names = {"without": "gradient without a loop", "with": "gradient with a loop"}
    white = max(float(np.percentile(arrays[key], 99)) for key in names)
    for panel, (key, title) in zip(panels[1:3], names.items(), strict=True):
        grey = (arrays[key] / white).clip(0, 1).reshape(SIZE)
        show(panel, grey, title)
    lost = {"lost": LIGHT.naive, "resolved": LIGHT.cropped}
    for (name, colour), of in zip(
        lost.items(), (arrays["lost"], ~arrays["lost"]), strict=True
    ):
        x, y = (np.maximum(arrays[key][of], FAINT) for key in names)
        size = 14 if name == "lost" else 3
        panels[3].scatter(
            x, y, s=size, color=colour, linewidth=0, label=name,
            zorder=3 if name == "lost" else 2,
        )  # fmt: skip
    panels[3].plot([FAINT, 1], [FAINT, 1], color=LIGHT.grid, zorder=1)
    panels[3].set(xscale="log", yscale="log", xlabel="without", ylabel="with")
    panels[3].legend(frameon=False, loc="upper left")


def histograms(
    points: Tensor, owner: Tensor, weights: Tensor
) -> dict[str, NDArray[np.float64]]:
    """Return the share of pairs in each bin of similarity, within and between objects.

    Parameters
    ----------
    points : Tensor
        (pixels, channels)
    owner : Tensor of int
        (pixels,)
    weights : Tensor
        (pixels,); a pair counts as much as both together.

    Returns
    -------
    dict of ndarray
        ``within`` and ``between``, (bins,), each of sum 1.
    """
    similarity = calibrated_similarity(points).clamp(0, 1).numpy()
    same = (owner[:, None] == owner).numpy()
    weight = (weights[:, None] * weights).numpy()
    found = {}
    for name, of in (("within", same), ("between", ~same)):
        counts, _ = np.histogram(similarity[of], BINS, (0, 1), weights=weight[of])
        found[name] = counts / counts.sum()
    return found


def measure_histograms(networks: Mapping[str, UNet]) -> Measuring:
    """Count the similarities of pairs of pixels, loop after loop."""
    sample = digits()
    (points,) = yield from embedding_steps(sample, [EARLY])
    loss = CosineMarginLoss(MARGIN, most_pixels=1_000)
    seen = loss.pixels(points.T, owners(sample))
    table: list[dict[str, Any]] = []
    arrays: dict[str, NDArray[Any]] = {}
    loops = RecurrentMeanShift(MARGIN, steps=LOOPS)(seen.points)
    for number, moved in enumerate(loops):
        yield Progress(number, LOOPS, stage="counting")
        counted = histograms(moved, seen.owner, seen.weights)
        table.append({"loop": number, **_read(counted)})
        arrays |= {f"{name} {number}": shares for name, shares in counted.items()}
    numbers = {"pixels": len(seen.owner), "margin": MARGIN, "training_steps": EARLY}
    for name in ("within_alike", "between_apart"):
        numbers |= {f"{name}_before": table[0][name], f"{name}_after": table[-1][name]}
    return Outcome({**numbers, "table": table}, arrays)


def _read(counted: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Return which share of pairs is where the loss wants it, to one bin."""
    last = counted["within"][-1]
    apart = counted["between"][: round(BINS * MARGIN) + 1].sum()
    return {
        "within_alike": round(float(last), 4),
        "between_apart": round(float(apart), 4),
    }


def _draw_histograms(figure: Figure, outcome: Outcome) -> None:
    """Draw a panel for some of the loops."""
    panels = figure.subplots(2, 3, sharex=True, sharey=True)
    colours = {"within": LIGHT.cropped, "between": LIGHT.naive}
    edges = np.linspace(0, 1, BINS + 1)
    for panel, loop in zip(panels.flat, TABLE, strict=True):
        for name, colour in colours.items():
            shares = outcome.arrays[f"{name} {loop}"]
            panel.stairs(shares, edges, color=colour, fill=True, alpha=0.6, label=name)
        panel.axvline(MARGIN, color=LIGHT.text, lw=1, ls="--")
        panel.set_yscale("log")
        panel.set_title(number_of(loop, "loop"), color=LIGHT.text)
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[1]:
        panel.set_xlabel("similarity")
    for panel in panels[:, 0]:
        panel.set_ylabel("share of pairs")
    panels[0, 0].legend(frameon=False, loc="upper left")


FIGURE_KF4 = Experiment(
    "kf4",
    "Ten loops of mean shift turn an embedding into objects",
    f"Four digits and the background, five objects, embedded on the sphere of three "
    f"channels by a small network that was trained on this image for {TRAINED} steps, "
    f"while the figure was made. Above: the image, the embedding as colours, and its "
    f"pixels on a map of the sphere in the colours of their objects. Below: the true "
    f"objects, and the same after {LOOPS} loops of mean shift on the sphere (margin "
    f"{MARGIN}): every object is one point, and any two are about a right angle apart.",
    measure_grouped,
    _draw_grouped,
    size=(9.6, 4.6),
)
FIGURE_KF5 = Experiment(
    "kf5",
    "What a loop of grouping does to the gradient",
    f"The embedding of the digits in the course of its training, after {EARLY} steps, "
    f"and how hard the loss pulls at each pixel (its gradient, divided by the weight "
    f"of the pixel), on one scale: first for the embedding as it is, then for what one "
    f"loop of mean shift makes of it, back through that loop. Right: one against the "
    f"other, a dot a pixel. Most that {LOOPS} loops bring to their own object anyway "
    f"(blue) are pulled less through the loop; those that are lost to another object "
    f"(orange) are not.",
    measure_gradients,
    _draw_gradients,
    size=(12.0, 2.7),
)
FIGURE_KF12 = Experiment(
    "kf12",
    "Similarities of pairs, loop after loop",
    f"How alike pairs of pixels are, from 0 (opposite) to 1 (one direction), for pairs "
    f"within an object (blue) and of different objects (orange), each object counting "
    f"alike, after so many loops of mean shift. The embedding is that of the digits "
    f"after {EARLY} steps of training. The dashed line is the margin: the loss wants "
    f"all of orange to its left and all of blue at 1. The scale is logarithmic, so "
    f"that the few pixels that come to stand with a wrong object are seen, too.",
    measure_histograms,
    _draw_histograms,
    size=(9.6, 4.4),
)
