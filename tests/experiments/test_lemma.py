"""Lemma 1 on networks built by hand, and the counts that can tell them from others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_shiftseg.experiments.lemma import (
    CASES,
    by_hand,
    case,
    equivariant_shift,
    increasing,
    measure,
    relative_functions,
)
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.unet import new_model

if TYPE_CHECKING:
    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")


def test_the_image_increases_along_every_axis_and_tells_all_pixels_apart() -> None:
    image = increasing((4, 5), (4, 4))
    assert image.tolist()[:2] == [[1, 5, 9, 13, 17], [2, 6, 10, 14, 18]]
    block = image[:4, :4]
    differences = (block.reshape(-1, 1) - block.reshape(1, -1))[0]
    assert len(np.unique(differences)) == 16


def test_the_functions_of_a_line_are_counted_by_hand() -> None:
    # l = 1, f = 2: a pool takes the greater of two pixels, both outputs repeat it
    above = relative_functions(by_hand(1, 1, 2))
    assert above.tolist() == [1, 0] * 3


def test_functions_are_those_of_a_plain_loop() -> None:
    model = by_hand(2, 1, 3)
    size = [axis.input_for(9) for axis in model.shape.axes]
    image = increasing(size, (3, 3))
    half = model.shape.context[0] // 2
    first = (half - 2) // 3 * 3 + 2  # two convolutions of width 3 eat 2 pixels first

    above = relative_functions(model)
    for row in range(9):
        for column in range(9):
            cell = [first + (place + half - first) // 3 * 3 for place in (row, column)]
            largest = image[cell[0] : cell[0] + 3, cell[1] : cell[1] + 3].max()
            own = image[row + half, column + half]
            assert above[row, column] == largest - own


@pytest.fixture(scope="module")
def outcome():
    return measure({})


def test_there_are_as_many_functions_as_the_lemma_says(outcome) -> None:
    rows = outcome.numbers["table"]
    for (ndim, depth, factor), row in zip(CASES, rows, strict=True):
        assert row["functions"] == row["expected"] == factor ** (ndim * depth)
        assert row["equivariant_shift"] == row["period"] == [factor**depth] * ndim
    assert outcome.numbers["as_the_lemma_says"] == len(rows) == len(CASES)
    assert {row["ndim"] for row in rows} == {1, 2, 3}


@pytest.mark.parametrize("sizes", [(1, 2, 2), (2, 1, 3), (3, 1, 2)])
def test_an_untrained_network_computes_no_such_functions(sizes) -> None:
    ndim, depth, factor = sizes
    untrained = new_model(
        ndim=ndim, depth=depth, pooling_factor=factor, features=4,
        upsampling="nearest", intensity="as-is",
    )  # fmt: skip
    row = case(untrained)
    assert row["functions"] != row["expected"] == factor ** (ndim * depth)


def test_the_least_shift_is_measured_not_the_period() -> None:
    halved = by_hand(1, 2, 2)
    halved.pool[1] = halved.pool[0].__class__(1)  # no second pooling: p = 2 ...
    halved.up[1].resize.scale_factor = 1.0  # ... though its sizes say 4
    assert halved.shape.period == (4,)
    assert equivariant_shift(halved, 0) == 2


def passed_on(model: UNet, **tiles) -> tuple[np.ndarray, np.ndarray]:
    """Which pixel each output pixel passes on: where in the image, and how far from it.

    No two pixels of the image are alike, and no two differences along its axes.
    """
    side = model.shape.axes[0].input_for(3 * model.shape.period[0] + 2)
    size = (side,) * model.shape.ndim
    image = increasing(size, [2 * side] * model.shape.ndim)
    absolute = embed(
        image, model, border="valid", device="cpu", precision="float64", **tiles
    )[0]
    inside = tuple(
        slice(context // 2, context // 2 + n)
        for context, n in zip(model.shape.context, absolute.shape, strict=True)
    )
    return absolute, absolute - image[inside]


SIZES = [(1, 1, 2), (1, 2, 2), (2, 1, 2), (2, 1, 3), (2, 2, 2)]  # axes, depth, factor


@pytest.mark.parametrize("sizes", SIZES)
class TestSupplement1:
    """The three examples of the ICCV paper's supplement, section 1.

    Two functions are absolute-equal if they say the same of the whole input, and
    relative-equal if they say the same of what lies around their own pixel.
    """

    def test_one_bottleneck_pixel_absolute_equal_relative_distinct(self, sizes) -> None:
        # identity convolutions, cut skips, fixed upsampling
        ndim, depth, factor = sizes
        functions = factor ** (ndim * depth)
        absolute, relative = passed_on(by_hand(*sizes))
        values, users = np.unique(absolute, return_counts=True)
        assert users.max() == functions  # the others are cut by the border
        assert (users == functions).sum() >= 2**ndim
        for value in values[users == functions]:
            assert len(np.unique(relative[absolute == value])) == functions
        assert len(np.unique(relative)) == functions

    def test_output_of_width_1_relative_equal_absolute_distinct(self, sizes) -> None:
        absolute, relative = passed_on(by_hand(*sizes), window=1, stitching="naive")
        assert len(np.unique(relative)) == 1
        assert len(np.unique(absolute)) == absolute.size > 1

    def test_pooling_factor_1_relative_equal_absolute_distinct(self, sizes) -> None:
        ndim, depth, _ = sizes
        model = by_hand(ndim, depth, 1)
        assert model.shape.max_same_looking == 1
        absolute, relative = passed_on(model)
        assert len(np.unique(relative)) == 1
        assert len(np.unique(absolute)) == absolute.size > 1
