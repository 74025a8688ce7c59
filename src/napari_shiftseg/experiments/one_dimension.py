"""Figure KF13: numbers that learn through loops of mean shift, in one dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_shiftseg.experiments.experiment import Experiment, Outcome
from napari_shiftseg.report.plots import LIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_shiftseg.networks.unet import UNet

GAUSSIANS = ((3.0, 0.2), (4.0, 0.3), (5.0, 0.1))  # mean and standard deviation
TARGETS = (1.0, 2.0, 2.0)  # of each
EACH = 200  # points of each
BANDWIDTH = 0.2
UPDATES, STEP = 30, 0.1
LOOPS = 5
TOGETHER = 0.1  # points nearer than this to the next are one group
TRACED = 20  # points of each Gaussian whose way is drawn


@dataclass(frozen=True)
class Training:
    """Which of the loops the loss sees: the points after each of them, 0 is none."""

    name: str
    key: str
    loops: tuple[int, ...]


TRAININGS = (
    Training("no grouping", "none", (0,)),
    Training(f"one loss, after {LOOPS} loops", "single", (LOOPS,)),
    Training(f"a loss on all of {LOOPS} loops", "every", tuple(range(LOOPS + 1))),
)


def made_points() -> tuple[Tensor, Tensor]:
    """Draw the points of three Gaussians; return them and their targets, (points,)."""
    dice = np.random.default_rng(0)
    drawn = [dice.normal(mean, spread, EACH) for mean, spread in GAUSSIANS]
    return torch.from_numpy(np.concatenate(drawn)), torch.tensor(
        np.repeat(TARGETS, EACH)
    )


def blurred(points: Tensor, loops: int) -> list[Tensor]:
    r"""Return points, (points,), after each loop of mean shift, the input first.

    All move at once to the mean of those around them, weighted by
    :math:`\exp(-d^2 / 2h^2)`.

    Parameters
    ----------
    points : Tensor
    loops : int
    """
    found = [points]
    for _ in range(loops):
        here = found[-1]
        weights = torch.exp(-((here[:, None] - here) ** 2) / (2 * BANDWIDTH**2))
        found.append(weights @ here / weights.sum(1))
    return found


def loss(points: Tensor, targets: Tensor) -> Tensor:
    """Return the squared errors of a fixed reading, 0.5 x − 0.5, summed.

    Parameters
    ----------
    points, targets : Tensor
        (points,)
    """
    return (0.5 * points - 0.5 - targets).square().sum()


def trained(points: Tensor, targets: Tensor, loops: Sequence[int]) -> Tensor:
    """Return points before and after each update: (updates + 1, points).

    Parameters
    ----------
    points, targets : Tensor
        (points,)
    loops : sequence of int
        After which the loss sees the points; its values are summed.
    """
    way = [points]
    for _ in range(UPDATES):
        here = way[-1].clone().requires_grad_()
        moved = blurred(here, max(loops))
        total = torch.stack([loss(moved[n], targets) for n in loops]).sum()
        (gradient,) = torch.autograd.grad(total, here)
        way.append((here - STEP * gradient).detach())
    return torch.stack(way)


def groups_of(points: Tensor) -> int:
    """Return how many groups points, (points,), stand in, with gaps between them."""
    return int((points.sort().values.diff() > TOGETHER).sum()) + 1


def row(points: Tensor, targets: Tensor) -> dict[str, Any]:
    """Return how near points are to where they should be, as they are and grouped.

    Parameters
    ----------
    points, targets : Tensor
        (points,); the reading is right at 2 · target + 1.
    """
    grouped, ideal = blurred(points, LOOPS)[-1], 2 * targets + 1
    spreads = [float(part.std()) for part in points.reshape(-1, EACH)]
    return {
        "mean_distance": round(float((points - ideal).abs().mean()), 4),
        "spread": [round(spread, 3) for spread in spreads],
        "groups_after_loops": groups_of(grouped),
        "distance_after_loops": round(float((grouped - ideal).abs().mean()), 4),
        "loss_after_loops": round(float(loss(grouped, targets)) / len(points), 5),
    }


def measure(networks: Mapping[str, UNet]) -> Outcome:
    """Update the points by each kind of loss; there is no network to load."""
    points, targets = made_points()
    table = [{"loss": "before", **row(points, targets)}]
    arrays, numbers = {}, {}
    for training in TRAININGS:
        way = trained(points, targets, training.loops)
        arrays[training.key] = way.numpy()
        table.append({"loss": training.name, **row(way[-1], targets)})
        numbers[f"mean_distance_{training.key}"] = table[-1]["mean_distance"]
        numbers[f"distance_after_loops_{training.key}"] = table[-1][
            "distance_after_loops"
        ]
    about = {"points": len(points), "updates": UPDATES, "step": STEP}
    return Outcome({**about, "bandwidth": BANDWIDTH, **numbers, "table": table}, arrays)


COLOURS = (LIGHT.cropped, LIGHT.untiled, LIGHT.naive)  # of the Gaussians


def _draw(figure: Figure, outcome: Outcome) -> None:
    """Draw the points before, the ways of some, and all of them after the updates."""
    grid = figure.subplots(2, 4, sharex=True)
    start, *_ = outcome.arrays["none"]
    _draw_counts(grid[1, 0], start)
    _draw_way(grid[0, 0], outcome.arrays["none"][:1], "before")
    for (above, below), training in zip(grid.T[1:], TRAININGS, strict=True):
        way = outcome.arrays[training.key]
        _draw_way(above, way, training.name)
        _draw_counts(below, way[-1])
    grid[0, 0].set_ylabel("update")
    grid[1, 0].set_ylabel("points")
    for panel in grid.flat:
        panel.spines[["top", "right"]].set_visible(False)
    for panel in grid[1]:
        panel.set_xlabel("x")


def _draw_way(axes: Axes, way: NDArray[Any], title: str) -> None:
    """Draw where some of the points, (updates + 1, points), are after each update."""
    for number, colour in enumerate(COLOURS):
        some = way[:, number * EACH : number * EACH + TRACED]
        axes.plot(some, range(len(some)), color=colour, lw=0.7)
        axes.plot(some[-1], [len(some) - 1] * TRACED, ".", color=colour, ms=4)
    for ideal in sorted({2 * target + 1 for target in TARGETS}):
        axes.axvline(ideal, color=LIGHT.grid, lw=1, zorder=0)
    axes.set_ylim(-1, UPDATES + 1)
    axes.set_title(title, color=LIGHT.text)


def _draw_counts(axes: Axes, points: NDArray[Any]) -> None:
    """Draw a histogram of the points, each Gaussian in its colour."""
    axes.hist(
        points.reshape(len(GAUSSIANS), EACH).T,
        np.linspace(2, 6, 81).tolist(),
        color=COLOURS,
        stacked=True,
    )


FIGURE_KF13 = Experiment(
    "kf13",
    "A loss on all loops of mean shift brings points where they belong",
    f"Points of three Gaussians along a line are read as 0.5 x − 0.5, which should be "
    f"1 for the left ones and 2 for the others, so that they belong at 3 and 5 (grey "
    f"lines). {UPDATES} updates of step {STEP} move the points themselves against the "
    f"gradient of the squared error. Above: the ways of some, upwards; below: all of "
    f"them in the end. Without grouping the points approach slowly. A single loss "
    f"behind {LOOPS} loops of mean shift (bandwidth {BANDWIDTH}) leaves them "
    f"scattered, since the loops gather them anyway. A loss on all loops brings them "
    f"together at the right places in the same time.",
    measure,
    _draw,
    size=(11.0, 4.2),
)
