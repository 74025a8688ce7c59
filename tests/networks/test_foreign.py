"""Tiles of networks made elsewhere equal one pass, whatever these are like."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from napari_shiftseg.geometry.network_shape import FoundShape
from napari_shiftseg.inference.predict import embed
from napari_shiftseg.networks.finding.found import AxisFound
from napari_shiftseg.networks.loading.foreign import (
    ForeignConfig,
    ForeignNetwork,
    Output,
    tiled_axis,
)
from napari_shiftseg.networks.loading.stepped import Stepped
from napari_shiftseg.pipeline.comparison import compare

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("one_thread")


class Asymmetric(nn.Module):
    """Valid; eats more on one side: a kernel of 4 sees one pixel before, two after."""

    axes = (AxisFound(2, 5, 5, (4, 5), "valid", 2, 0, 10),) * 2

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 4)
        self.low = nn.Conv2d(3, 3, 3)
        self.last = nn.Conv2d(3, 2, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        low = torch.relu(self.low(torch.max_pool2d(torch.relu(self.first(x)), 2)))
        return self.last(nn.functional.interpolate(low, scale_factor=2))


class Coarser(nn.Module):
    """Padded; gives one pixel for `stride` by `stride` pixels."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        sees = 1 + 1 + stride  # of the three kernels
        scale = Fraction(1, stride)
        axis = AxisFound(stride, sees, sees, (0, 0), "zeros", stride, 0, stride, scale)
        self.axes, self.stride = (axis, axis), stride
        self.net = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(),
            nn.Conv2d(3, 3, 3, stride=stride, padding=1), nn.ReLU(),
            nn.Conv2d(3, 2, 3, padding=1),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if any(n % self.stride for n in x.shape[2:]):
            raise ValueError("pixels would be lost")
        return self.net(x)


class CoarserValid(nn.Module):
    """Valid; gives one pixel for two by two pixels."""

    axes = (AxisFound(2, 3, 4, (3, 3), "valid", 2, 0, 8, Fraction(1, 2)),) * 2

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 3, 4, stride=2), nn.Conv2d(3, 2, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if any(n % 2 for n in x.shape[2:]):
            raise ValueError("pixels would be lost")
        return self.last(torch.relu(self.first(x)))


class Wanting(nn.Module):
    """Padded, of period 2; reads multiples of 6 alone."""

    axes = (AxisFound(2, 5, 5, (0, 0), "zeros", 6, 0, 6),) * 2

    def __init__(self) -> None:
        super().__init__()
        self.first, self.low = (
            nn.Conv2d(1, 3, 3, padding=1),
            nn.Conv2d(3, 3, 3, padding=1),
        )
        self.last = nn.Conv2d(3, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if any(n % 6 for n in x.shape[2:]):
            raise ValueError("a multiple of 6 is wanted")
        low = torch.relu(self.low(torch.max_pool2d(torch.relu(self.first(x)), 2)))
        return self.last(nn.functional.interpolate(low, scale_factor=2))


class Volume(nn.Module):
    """Padded, in three dimensions; pools by 1, 2 and 4."""

    axes = tuple(
        AxisFound(p, sees, sees, (0, 0), "zeros", p, 0, p)
        for p, sees in ((1, 1), (2, 4), (4, 8))
    )

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv3d(1, 2, 3, padding=1)
        self.low = nn.Conv3d(2, 2, (1, 3, 3), padding=(0, 1, 1))
        self.up = nn.ConvTranspose3d(2, 2, (1, 2, 4), stride=(1, 2, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        first = torch.relu(self.first(x))
        return self.up(torch.relu(self.low(torch.max_pool3d(first, (1, 2, 4)))))


NETWORKS = {
    "asymmetric": Asymmetric,
    "a half": lambda: Coarser(2),
    "a quarter": lambda: Coarser(4),
    "a half, valid": CoarserValid,
    "wanting": Wanting,
    "volume": Volume,
}
SIZES = {2: (37, 50), 3: (7, 19, 26)}


def drawn(name: str) -> nn.Module:
    """A network with Kaiming weights, in double precision."""
    torch.manual_seed(0)
    net = NETWORKS[name]().double().eval()
    for weights in net.parameters():
        if weights.ndim > 1:
            nn.init.kaiming_normal_(weights, nonlinearity="relu")
    return net


class Fails(nn.Module):
    """Raises what it is told to."""

    def __init__(self, error: RuntimeError) -> None:
        super().__init__()
        self.error = error

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise self.error


def test_an_error_of_a_program_is_one_line() -> None:
    said = "The following operation failed in the TorchScript interpreter.\nTraceback"
    stepped = Stepped(Fails(RuntimeError(said)), (), ())
    with pytest.raises(ValueError, match=r"\(1, 1, 9, 9\) \(The .* Traceback.*: take"):
        stepped(torch.zeros(1, 1, 9, 9))
    full = Stepped(Fails(torch.OutOfMemoryError("out of memory")), (), ())
    with pytest.raises(torch.OutOfMemoryError):  # smaller tiles are tried
        full(torch.zeros(1, 1, 9, 9))


def as_network(net: nn.Module, axes: tuple[AxisFound, ...] = ()) -> ForeignNetwork:
    axes = axes or net.axes
    sizes, crop = zip(*map(tiled_axis, axes), strict=True)
    config = ForeignConfig(
        name="net", ndim=len(axes), embedding="outputs", embedding_channels=2,
        foreground=False, intensity="as-is", sizes=FoundShape(sizes, 1, 2), crop=crop,
        outputs=(Output(use="other"),) * 2,
        coarser=tuple(axis.scale.denominator for axis in axes),
    )  # fmt: skip
    return ForeignNetwork(config, net)


def embedded(image: Any, network: Any, window: Any, stitching: str) -> NDArray[Any]:
    return embed(
        image, network, window, stitching, device="cpu", precision="float64",
        engine="torch",
    )  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_on_the_grid_equal_one_pass(name, rng) -> None:
    net = drawn(name)
    network = as_network(net)
    image = rng.normal(size=SIZES[len(net.axes)])
    period = network.shape.period

    whole = embedded(image, network, None, "whole")

    largest = np.abs(whole).max()
    for times in (1, 3):
        window = tuple(times * p for p in period)
        tiled = embedded(image, network, window, "cropped")
        assert np.abs(tiled - whole).max() < 1e-12 * largest
    off = tuple(3 * p + 1 for p in period)
    misaligned = embedded(image, network, off, "naive")
    assert np.abs(misaligned - whole).max() > 1e-2 * largest


@pytest.mark.parametrize("name", NETWORKS)
def test_one_pass_is_that_of_the_network_itself(name, rng) -> None:
    """Every pixel has the output that stands at its place in the mirrored image."""
    net = drawn(name)
    size = SIZES[len(net.axes)]
    image = rng.normal(size=size)

    whole = embedded(image, as_network(net), None, "whole")

    pads, places = [], []
    for axis, n in zip(net.axes, size, strict=True):
        p = lcm(axis.period, axis.multiple)
        before = 24 // p * p + p  # the first pixel is at phase 0
        after = 24 + (axis.remainder - before - n - 24) % axis.multiple
        pads.append((before, after))
        x = np.arange(n) + before - axis.eaten[0]
        places.append(x * axis.scale.numerator // axis.scale.denominator)
    wide = np.pad(image, pads, mode="reflect")
    with torch.no_grad():
        made = net(torch.from_numpy(wide)[None, None])[0].numpy()
    expected = made[(slice(None), *np.ix_(*places))]
    assert np.abs(whole - expected).max() < 1e-12 * np.abs(expected).max()


def test_a_network_of_one_size_names_the_largest_tile(rng) -> None:
    net = drawn("a half")
    fixed = [replace(a, multiple=0, remainder=0, smallest=32) for a in net.axes]
    network = as_network(net, tuple(fixed))
    image = rng.normal(size=(50, 60))
    axis = network.shape.axes[0]
    most = 32 - 2 * axis.halo

    tiled = embedded(image, network, most, "cropped")

    whole = embedded(image, as_network(net), None, "whole")
    assert np.abs(tiled - whole).max() < 1e-12 * np.abs(whole).max()
    with pytest.raises(ValueError, match=f"32 pixels at most.* take at most {most}$"):
        embedded(image, network, most + axis.period, "cropped")
    with pytest.raises(ValueError, match=f"take at most {most}$"):
        embedded(image, network, None, "whole")


def test_a_network_of_one_size_is_compared_with_its_exact_tiles(rng) -> None:
    net = drawn("a half").float()
    fixed = [replace(a, multiple=0, remainder=0, smallest=32) for a in net.axes]
    image = rng.normal(size=(50, 60))

    found = compare(image, as_network(net, tuple(fixed)), window=16, also=["blended"])

    whole = compare(image, as_network(net), window=16).reference
    largest = float(np.abs(whole).max())
    assert np.abs(found.reference - whole).max() < 1e-5 * largest
    assert found.also["blended"].figures()["largest_difference"] > 1e-2 * largest


def test_the_usual_window_is_one_that_it_has() -> None:
    net = drawn("wanting")
    fixed = [replace(a, multiple=0, remainder=0, smallest=60) for a in net.axes]

    assert as_network(net).config.usual_window == (60, 60)  # 64 in periods of 6
    assert as_network(net, tuple(fixed)).config.usual_window == (48, 48)


def test_outputs_larger_than_the_image_are_refused() -> None:
    larger = replace(drawn("a half").axes[0], scale=Fraction(3, 2))
    with pytest.raises(ValueError, match="3/2 output pixels for one of the image"):
        tiled_axis(larger)


def test_one_size_that_is_all_halo_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing is left for a tile without a halo"):
        tiled_axis(AxisFound(8, 40, 40, (0, 0), "zeros", 0, 0, 64))


def test_a_halo_is_what_it_sees_beyond_what_it_eats() -> None:
    sizes, crop = tiled_axis(AxisFound(4, 9, 14, (2, 5), "zeros", 4, 3, 11))

    assert crop == (3, 0)  # as much on both sides
    assert sizes.context == 10
    assert sizes.halo == 12  # 14 − 5 = 9 pixels, in periods
    assert sizes.remainder == 3


def test_declared_halos_are_in_pixels_of_the_input() -> None:
    net = as_network(drawn("a half"))
    said = [{"name": name, "halo": 3, "scale": "1/2"} for name in "yx"]

    assert net.config.declared_halo is None
    assert net.config.model_copy(update={"declared": said}).declared_halo == (6, 6)
