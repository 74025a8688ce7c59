"""Networks of other libraries: what these libraries' own code gave for known weights.

The numbers come from funlib.learn.torch and pytorch-3dunet themselves, run in float64
with the weights of `fill` and the image of `wave`. Keys and outputs were equal to the
bit.
"""

from __future__ import annotations

from math import prod, sqrt
from typing import Any

import pytest
import torch
from monai.networks import nets

from napari_shiftseg.networks.opening import architectures as known
from napari_shiftseg.networks.opening.architectures import make
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError

TWO = [[3, 3], [3, 3]]


def wave(number: int, step: float, start: float = 0.0) -> Any:
    return torch.sin(start + step * torch.arange(number, dtype=torch.float64))


def fill(module: Any) -> None:
    for place, (name, weight) in enumerate(module.state_dict().items()):
        if not weight.is_floating_point():
            continue
        values = wave(weight.numel(), 0.7, 0.1 + place).reshape(weight.shape)
        if weight.ndim > 1:
            values *= sqrt(2 / prod(weight.shape[1:]))
        elif name.endswith(("weight", "running_var")):
            values = 1 + 0.1 * values
        else:
            values *= 0.1
        weight.copy_(values)


def predicted(module: Any, channels: int, size: tuple[int, ...]) -> Any:
    module = module.double().eval()
    fill(module)
    with torch.no_grad():
        return module(wave(channels * prod(size), 0.37).reshape(1, channels, *size))


CASES: list[Any] = [
    (
        "funlib.UNet",
        {"in_channels": 1, "num_fmaps": 2, "fmap_inc_factor": 2,
         "downsample_factors": [[2, 2], [2, 2]], "kernel_size_down": [TWO] * 3,
         "kernel_size_up": [TWO] * 2},
        (44, 48), (2, 4, 8),
        (0.115332025, 0.176698406, 0.682070145, 4.458101311),
    ),
    (
        "funlib.UNet",
        {"in_channels": 2, "num_fmaps": 2, "fmap_inc_factor": 2,
         "downsample_factors": [[2, 2], [3, 2]], "kernel_size_down": [TWO] * 3,
         "kernel_size_up": [TWO] * 2, "constant_upsample": True, "padding": "same",
         "num_fmaps_out": 3, "activation": "ELU"},
        (24, 24), (3, 24, 24),
        (13.30439405, 27.152354917, 217.433305986, 10339.705327503),
    ),
    (
        "funlib.UNet",
        {"in_channels": 1, "num_fmaps": 2, "fmap_inc_factor": 2,
         "downsample_factors": [[1, 2, 2]], "constant_upsample": True},
        (14, 20, 20), (2, 2, 4, 4),
        (1.202036604, 1.232468092, 3.169328851, 38.380791396),
    ),
    (
        "pytorch3dunet.UNet2D",
        {"in_channels": 1, "out_channels": 2, "f_maps": 4, "num_levels": 3,
         "layer_order": "bcr"},
        (13, 14), (2, 13, 14),
        (0.477766589, 0.181885426, 1.0, 94.512438785),
    ),
    (
        "pytorch3dunet.UNet3D",
        {"in_channels": 2, "out_channels": 2, "f_maps": 4, "num_levels": 2,
         "num_groups": 2, "final_sigmoid": False},
        (8, 9, 10), (2, 8, 9, 10),
        (0.5, 0.218070624, 0.999492513, 341.376896388),
    ),
    (
        "pytorch3dunet.UNet2D",
        {"in_channels": 1, "out_channels": 1, "f_maps": [4, 8], "layer_order": "cl",
         "is_segmentation": False, "upsample": "deconv", "conv_upscale": 1},
        (9, 8), (1, 9, 8),
        (17.856264291, 32.25013402, 121.015931175, 493.244492299),
    ),
    (
        "pytorch3dunet.ResidualUNet2D",
        {"in_channels": 1, "out_channels": 2, "f_maps": 4, "num_levels": 3,
         "num_groups": 2, "layer_order": "cge"},
        (13, 14), (2, 13, 14),
        (0.505476287, 0.390752788, 1.0, 83.707516804),
    ),
    (
        "pytorch3dunet.ResidualUNet3D",
        {"in_channels": 1, "out_channels": 1, "f_maps": 4, "num_levels": 2,
         "num_groups": 2, "layer_order": "gcl"},
        (8, 9, 10), (1, 8, 9, 10),
        (0.306811518, 0.342334038, 0.993035768, 114.401310931),
    ),
    (
        "pytorch3dunet.ResidualUNetSE3D",
        {"in_channels": 1, "out_channels": 1, "f_maps": 4, "num_levels": 2,
         "num_groups": 2, "layer_order": "gcr", "is_segmentation": False},
        (8, 9, 10), (1, 8, 9, 10),
        (-4.646896239, 6.429682344, -0.095187466, -1848.878844213),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "size", "made", "expected"), CASES)
def test_own_code_gives_what_the_library_gave(name, arguments, size, made, expected):
    y = predicted(make(name, arguments), arguments["in_channels"], size)
    flat = y.flatten()
    # the last depends on where each value lies
    found = (
        flat.mean(),
        flat.std(),
        flat.max(),
        (flat * torch.arange(len(flat))).mean(),
    )
    assert y.shape == (1, *made)
    assert [float(v) for v in found] == pytest.approx(expected, rel=1e-6, abs=2e-9)


def test_the_numbers_tell_architectures_apart():
    name, arguments, size, _, expected = CASES[1]
    other = predicted(make(name, {**arguments, "activation": "ReLU"}), 2, size)
    assert float(other.mean()) != pytest.approx(expected[0], rel=1e-3)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("UNet", {"spatial_dims": 2, "in_channels": 1, "out_channels": 2,
                  "channels": [4, 8, 16], "strides": [2, 2], "num_res_units": 2,
                  "norm": "batch"}),
        ("BasicUNet", {"spatial_dims": 3, "features": [4, 4, 8, 8, 16, 4]}),
    ],
)  # fmt: skip
def test_networks_of_monai_are_its_own(name, arguments):
    size = (32,) * arguments["spatial_dims"]
    theirs = getattr(nets, name)(**arguments)
    made = make(f"monai.{name}", arguments)
    assert list(made.state_dict()) == list(theirs.state_dict())
    assert torch.equal(predicted(made, 1, size), predicted(theirs, 1, size))


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("os.system", {"command": "true"}, "'os.system' is not known; known are monai"),
        ("monai.__class__", {}, "is not known; known are"),
        ("monai.UNet", {"channels": [2]}, "cannot be made with the arguments"),
        ("funlib.UNet", {"in_channels": 1, "num_fmaps": 2, "fmap_inc_factor": 2,
                         "downsample_factors": [[2, 2]], "activation": "Module"},
         "activation must be one of ReLU"),
        ("funlib.UNet", {"in_channels": 1, "num_fmaps": 2, "fmap_inc_factor": 2,
                         "downsample_factors": [[2, 2]], "num_heads": 2},
         "num_heads must be 1, got 2"),
        ("pytorch3dunet.UNet3D", {"in_channels": 1, "out_channels": 1,
                                  "layer_order": "rc"}, "begin with no activation"),
        ("pytorch3dunet.UNet3D", {"in_channels": 1, "out_channels": 1,
                                  "num_levels": 40}, "at most 16, got 40"),
        ("pytorch3dunet.UNet3D", {"in_channels": 1, "out_channels": 1, "f_maps": 8192},
         "weights, at most 1,000,000,000 are made"),
        ("monai.UNet", {"channels": [10**12]}, "numbers up to 8,192"),
        ("monai.UNet", {"channels": [1] * 65}, "lists of at most 64"),
        ("monai.UNet", {"channels": object()}, "arguments are numbers"),
    ],
)  # fmt: skip
def test_what_no_network_is_made_of(name, arguments, words):
    with pytest.raises(UnreadableNetworkError, match=words):
        make(name, arguments)


def test_a_library_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "monai.networks", None)
    with pytest.raises(
        UnreadableNetworkError, match=r"not installed: pip install monai"
    ):
        make("monai.UNet", {})
    assert "funlib.UNet" in known.NAMES
