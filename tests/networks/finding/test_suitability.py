"""Indicators of normalisation, the halo, and the size rule, by hand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from napari_shiftseg.networks.finding import (
    AxisFound,
    halo_of,
    tile_mismatch,
    train_eval_disparity,
)
from napari_shiftseg.networks.finding.legal_sizes import SizeStep, size_rule
from napari_shiftseg.networks.finding.sight import Sight
from napari_shiftseg.networks.finding.steps import Window


def axis(**how):
    values = {
        "period": 8, "before": 57, "after": 51, "eaten": (0, 0), "padding": "zeros",
        "multiple": 8, "remainder": 0, "smallest": 8,
    }  # fmt: skip
    return AxisFound(**{**values, **how})


@pytest.mark.parametrize(
    ("how", "halo"),
    [({}, 64), ({"before": 56}, 56), ({"padding": "valid", "eaten": (44, 44)}, 0)],
)
def test_the_halo_is_the_context_up_to_the_grid(how, halo):
    assert halo_of([axis(**how)]) == (halo,)
    assert halo_of([axis(), axis(before=None)]) is None


class TestTileMismatch:
    def test_by_hand(self):
        one = np.array([[[0.0, 2.0, 0.0, 2.0]]])  # spread of the means 1, shift 0.5
        assert tile_mismatch(one, one) == 0
        assert tile_mismatch(one + 0.5, one) == pytest.approx(0.5)
        assert tile_mismatch(3 * one + 1.5, 3 * one) == pytest.approx(0.5)

    def test_channels_are_a_vector(self):
        one = np.zeros((2, 4))
        one[:, 2:] = 2.0
        off = np.array([[0.3], [0.4]])
        assert tile_mismatch(one, one + off) == pytest.approx(0.5 / np.sqrt(2))

    def test_flat_predictions_that_differ_have_no_scale(self):
        assert tile_mismatch(np.ones((1, 3)), np.zeros((1, 3))) == np.inf

    def test_tells_instance_norm_from_none(self):
        torch.manual_seed(0)
        image = torch.randn(1, 1, 16, 64) * torch.linspace(0.2, 3, 64)
        layers = [nn.Conv2d(1, 2, 3), nn.InstanceNorm2d(2)]
        for number, bad in ((1, False), (2, True)):
            net = nn.Sequential(*layers[:number])
            with torch.no_grad():
                left, right = net(image[..., :40]), net(image[..., 24:])
            mismatch = tile_mismatch(left[0, ..., 24:38], right[0, ..., 0:14])
            assert (mismatch > 0.1) == bad
            assert bad or mismatch < 1e-6

    def test_other_shapes_are_refused(self):
        with pytest.raises(ValueError, match="crop both to their overlap"):
            tile_mismatch(np.zeros((1, 3)), np.zeros((1, 4)))


def test_disparity_of_batch_norm():
    torch.manual_seed(0)
    net, image = nn.BatchNorm2d(1), torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        evaluated = net.eval()(image)[0]
        assert train_eval_disparity(evaluated, net.train()(image)[0]) < 0.1
        dark = net.eval()(0.1 * image + 4)[0]
        trained = net.train()(0.1 * image + 4)[0]
    assert train_eval_disparity(dark, trained) > 10


def test_a_sight_by_hand():
    """Pool by two, convolve, bring back: both phases see three pairs."""
    back = Sight().window(2, 2, 1, 0).window(3, 1, 1, 1).spread(2, 2, 1, 0)
    assert back.phases == ((-2, 3), (-2, 3))
    assert back.at(1) == (-2, 3)
    assert back.at(3) == (0, 5)
    assert (back.period, back.rate, back.middle) == (2, 1, 0)
    assert Sight().resized(Fraction(3, 2), "nearest", False).phases == (
        (0, 0), (0, 0), (1, 1),
    )  # fmt: skip


def test_sizes_that_lose_pixels_are_not_legal():
    """Two valid convolutions, pooling by three, and back: n = 4 + 3k."""
    steps = [
        SizeStep("window", ("x",), "a", Window(width=5)),
        SizeStep("window", ("a",), "b", Window(width=3, stride=3)),
        SizeStep("spread", ("b",), "y", Window(width=3, stride=3)),
    ]
    rule = size_rule(steps, "x", "y", 3, Fraction(1), 40)
    assert (rule.multiple, rule.remainder, rule.smallest, rule.lost) == (3, 1, 7, 4)
