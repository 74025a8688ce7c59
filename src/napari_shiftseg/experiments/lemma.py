"""Figure 1: a U-Net built by hand that computes as many functions as Lemma 1 says."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.ticker import MaxNLocator

from napari_shiftseg.experiments.experiment import Experiment, Outcome
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.unet import CONVOLUTIONS, new_model
from napari_shiftseg.report.plots import LIGHT, object_colours

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

CASES = (  # axes, depth, pooling factor
    (1, 1, 2), (1, 2, 2), (1, 4, 2), (1, 1, 3), (1, 2, 3),
    (2, 1, 2), (2, 2, 2), (2, 3, 2), (2, 1, 3), (2, 2, 3),
    (3, 1, 2), (3, 2, 2), (3, 1, 3),
)  # fmt: skip
PERIODS = 3  # predicted along each axis
MARKERS = {1: "o", 2: "s", 3: "^"}  # by axes


def by_hand(ndim: int, depth: int, pooling_factor: int) -> UNet:
    """Build a U-Net of identity convolutions and nearest upsampling, without skips.

    Parameters
    ----------
    ndim, depth, pooling_factor : int
    """
    return passing_on(
        new_model(
            ndim=ndim, depth=depth, pooling_factor=pooling_factor, features=1,
            growth=1, embedding_channels=1, upsampling="nearest",
        )
    )  # fmt: skip


def passing_on(model: UNet) -> UNet:
    """Set the weights so that each convolution passes on its last input channel.

    The model has one feature a level. Of the width, it is the middle pixel. Where a
    skip connection joins, the last channel is the coarser level's: the skip is cut.
    """
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, CONVOLUTIONS):
                middle = tuple(width // 2 for width in layer.kernel_size)
                layer.weight.zero_()
                layer.weight[(0, -1, *middle)] = 1
    return model


def increasing(size: Sequence[int], period: Sequence[int]) -> NDArray[np.float64]:
    r"""Return an image of whole numbers from 1, which increase along every axis.

    A step along axis a is as large as the periods of the axes before it, multiplied:
    the difference of two pixels less than a period apart says which two.

    Parameters
    ----------
    size, period : sequence of int
        One value an axis.
    """
    image = np.ones(tuple(size))
    for axis, along in enumerate(np.indices(tuple(size))):
        image += along * prod(period[:axis])
    return image


def relative_functions(model: UNet) -> NDArray[np.float64]:
    r"""Return what each output pixel of an increasing image is above its own pixel.

    Equal values are equal functions of the receptive field.
    """
    size = tuple(a.input_for(PERIODS * a.period) for a in model.shape.axes)
    image = increasing(size, model.shape.period)
    predicted = _embedding(image, model)
    inside = tuple(
        slice(c // 2, c // 2 + n)
        for c, n in zip(model.shape.context, predicted.shape, strict=True)
    )
    above: NDArray[np.float64] = predicted - image[inside]
    return above


def equivariant_shift(model: UNet, axis: int) -> int | None:
    """Return the least shift along an axis that shifts the output of an image alike.

    None if there is none of up to two periods.

    Parameters
    ----------
    model : UNet
    axis : int
    """
    period = model.shape.period[axis]
    size = [a.input_for(a.period) for a in model.shape.axes]
    size[axis] = model.shape.axes[axis].input_for(PERIODS * period)
    image = increasing(size, model.shape.period)
    still = np.moveaxis(_embedding(image, model), axis, 0)
    for shift in range(1, 2 * period + 1):
        cut = np.moveaxis(np.moveaxis(image, axis, 0)[shift:], 0, axis)
        moved = np.moveaxis(_embedding(cut, model), axis, 0)
        both = min(len(moved), len(still) - shift)
        if np.array_equal(moved[:both], still[shift : shift + both]):
            return shift
    return None


def _embedding(image: NDArray[Any], model: UNet) -> NDArray[Any]:
    """Predict one channel in float64, in which whole numbers stay whole."""
    embedding: NDArray[Any] = embed(
        image, model, border="valid", device="cpu", precision="float64"
    )[0]
    return embedding


def case(model: UNet) -> dict[str, Any]:
    """Return the row of a network: its functions, and the shifts it follows."""
    shape = model.shape
    return {
        "ndim": shape.ndim,
        "depth": shape.axes[0].depth,
        "pooling_factor": shape.axes[0].factors[0],
        "functions": len(np.unique(relative_functions(model))),
        "expected": shape.axes[0].factors[0] ** (shape.ndim * shape.axes[0].depth),
        "equivariant_shift": [equivariant_shift(model, a) for a in range(shape.ndim)],
        "period": list(shape.period),
    }


def measure(networks: Mapping[str, UNet]) -> Outcome:
    """Count the functions of networks built by hand; there are none to load."""
    rows = [case(by_hand(*sizes)) for sizes in CASES]
    line, plane = by_hand(1, 2, 2), by_hand(2, 2, 2)
    arrays = {"above": relative_functions(line), "plane": relative_functions(plane)}
    as_said = sum(
        row["functions"] == row["expected"]
        and row["equivariant_shift"] == row["period"]
        for row in rows
    )
    numbers = {"networks_built": len(rows), "as_the_lemma_says": as_said, "table": rows}
    return Outcome(numbers, arrays)


def _draw(figure: Figure, outcome: Outcome) -> None:
    """Draw input and output of a line, the functions of a plane, and all counts."""
    line, plane, counts = figure.subplots(1, 3)
    _draw_line(line, outcome.arrays["above"])
    _draw_plane(plane, outcome.arrays["plane"])
    _draw_counts(counts, outcome.numbers["table"])


def _draw_line(axes: Axes, above: NDArray[Any]) -> None:
    pixels = np.arange(len(above))
    axes.plot(pixels, pixels, color=LIGHT.untiled, label="image")
    axes.step(pixels, pixels + above, where="mid", color=LIGHT.cropped, label="output")
    axes.set_title(f"d = 1, l = 2, f = 2: {_counted(above)}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("pixel")
    axes.set_ylabel("value")
    axes.legend(frameon=False)


def _draw_plane(axes: Axes, above: NDArray[Any]) -> None:
    axes.imshow(object_colours(above.astype(int) + 1), interpolation="nearest")
    for (row, column), value in np.ndenumerate(above.astype(int)):
        axes.text(column, row, str(value), ha="center", va="center", fontsize=6)
    axes.set_title(f"d = 2, l = 2, f = 2: {_counted(above)}")
    axes.set_xticks([])
    axes.set_yticks([])


def _counted(above: NDArray[Any]) -> str:
    return f"{len(np.unique(above))} functions"


def _draw_counts(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    ends = [min(row["expected"] for row in rows), max(row["expected"] for row in rows)]
    axes.plot(ends, ends, color=LIGHT.grid, zorder=1)
    for ndim, marker in MARKERS.items():
        of_axes = [row for row in rows if row["ndim"] == ndim]
        axes.scatter(
            [row["expected"] for row in of_axes],
            [row["functions"] for row in of_axes],
            marker=marker, facecolor="none", edgecolor=LIGHT.cropped,
            label=f"d = {ndim}", zorder=2,
        )  # fmt: skip
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.set_title("all networks")
    axes.set_xlabel("f^(d·l)")
    axes.set_ylabel("functions found")
    axes.legend(frameon=False)


FIGURE_1 = Experiment(
    "1",
    "Lemma 1: a U-Net computes f^(d·l) different functions",
    "A U-Net built by hand: each convolution passes on its middle pixel, upsampling is "
    "nearest, the skip connections are cut. It reads an image that increases along "
    "every axis, so that each pooling takes the last pixel of its cell. Left: image "
    "and output along a line; the output stands 1, 0, 3 and 2 pixels ahead of the "
    "image, four functions of the receptive field that repeat after the period. "
    "Middle: the same in a plane; a number, and a colour, is how far the output is "
    "above its own pixel: each of the 16 phases has one, and every 4 pixels they "
    "repeat. Right: functions counted against f^(d·l) for all networks built.",
    measure,
    _draw,
    size=(9.0, 3.2),
)
