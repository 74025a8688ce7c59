"""The network: its sizes, its period, where its output stands in the image."""

from __future__ import annotations

import weakref
from math import prod, sqrt

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from napari_shiftseg.geometry.network_shape import IllegalInputError
from napari_shiftseg.networks.unet import CONVOLUTIONS, UNet, build, new_model
from napari_shiftseg.networks.unet_config import ModelConfig

pytestmark = pytest.mark.usefixtures("one_thread")

EXACT = 1e-12  # relative, in float64
SEEN = 1e-3  # what a wrong shift moves the output by, at least


def predict(model: UNet, image: np.ndarray) -> np.ndarray:
    """Raw output of one image of one channel, in float64."""
    with torch.inference_mode():
        return model.double()(torch.from_numpy(image)[None, None])[0].numpy()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Largest difference relative to the largest value."""
    return float(np.abs(a - b).max() / np.abs(a).max())


NETS = [
    {"ndim": 1, "depth": 1},
    {"ndim": 1, "depth": 3, "upsampling": "nearest"},
    {"ndim": 1, "depth": 2, "pooling_factor": 3, "convolutions": 1},
    {"ndim": 1, "depth": 2, "kernel_size": 5, "padding": "same"},
    {"ndim": 2, "depth": 2},
    {"ndim": 2, "depth": (1, 2), "pooling_factor": (3, 2), "kernel_size": (1, 3)},
    {"ndim": 2, "depth": 2, "padding": "same", "upsampling": "nearest"},
    {"ndim": 2, "depth": (2, 1), "padding": "same", "normalization": "batch"},
    {"ndim": 2, "depth": 1, "convolutions": 3, "growth": 1, "foreground": True},
    {"ndim": 3, "depth": 1, "convolutions": 1},
    {"ndim": 3, "depth": (1, 2, 2), "convolutions": 1, "upsampling": "nearest"},
    {"ndim": 3, "depth": 2, "padding": "same", "pooling_factor": (2, 3, 2)},
]
IDS = ["-".join(str(v) for v in net.values()) for net in NETS]


def net(**options) -> UNet:
    return new_model(**{"features": 2, **options})


@pytest.mark.parametrize("options", NETS, ids=IDS)
def test_outputs_have_the_sizes_that_geometry_says(walk, options):
    model = net(**options)
    for number in range(2):
        size = tuple(axis.legal_inputs(2)[number] for axis in model.shape.axes)
        raw = predict(model, noise(*size))

        walked = tuple(walk(a, n) for a, n in zip(model.shape.axes, size, strict=True))
        assert raw.shape == (model.config.out_channels, *walked)
        assert model.shape.raw_output(size) == walked


@pytest.mark.parametrize("options", NETS, ids=IDS)
def test_an_illegal_input_is_refused_and_the_nearest_legal_ones_named(options):
    model = net(**options)
    last = model.shape.axes[-1]
    legal = last.legal_inputs(2)
    size = [axis.legal_inputs(1)[0] for axis in model.shape.axes]
    for wrong in range(legal[0] + 1, legal[1]):
        image = torch.zeros(1, 1, *size[:-1], wrong)
        named = f"axis {len(size) - 1}: .* {wrong} pixels.* {legal[0]} or {legal[1]}$"
        with pytest.raises(IllegalInputError, match=named):
            model(image)
    with pytest.raises(IllegalInputError, match=f"nearest legal inputs are {legal[0]}"):
        model(torch.zeros(1, 1, *size[:-1], legal[0] - last.period))


PERIODIC = [
    {"ndim": 1, "depth": 3},
    {"ndim": 1, "depth": 2, "pooling_factor": 3},
    {"ndim": 1, "depth": 2, "upsampling": "nearest", "kernel_size": 5},
    {"ndim": 1, "depth": 2, "normalization": "batch"},
    {"ndim": 2, "depth": 2},
    {"ndim": 2, "depth": (1, 2), "pooling_factor": (3, 2), "upsampling": "nearest"},
    {"ndim": 3, "depth": 1, "convolutions": 1},
]


@pytest.mark.parametrize(
    "options", PERIODIC, ids=["-".join(str(v) for v in o.values()) for o in PERIODIC]
)
def test_the_output_shifts_with_the_input_by_whole_periods_and_by_no_less(options):
    model = net(**{"features": 4, **options})
    shape = model.shape
    size = [axis.legal_inputs(3)[-1] for axis in shape.axes]
    image = noise(*(n + p for n, p in zip(size, shape.period, strict=True)))

    def at(axis: int, shift: int) -> np.ndarray:
        starts = [shift if a == axis else 0 for a in range(shape.ndim)]
        part = tuple(slice(s, s + n) for s, n in zip(starts, size, strict=True))
        return predict(model, np.ascontiguousarray(image[part]))

    for axis, period in enumerate(shape.period):
        for shift in range(1, period + 1):
            here = at(axis, 0).swapaxes(axis + 1, -1)[..., shift:]
            shifted = at(axis, shift).swapaxes(axis + 1, -1)[..., :-shift]
            if shift == period:
                assert difference(here, shifted) < EXACT
            else:
                assert difference(here, shifted) > SEEN


@pytest.mark.parametrize(
    "options",
    [
        {"ndim": 1, "depth": 2},
        {"ndim": 1, "depth": 3, "upsampling": "nearest"},
        {"ndim": 1, "depth": 2, "pooling_factor": 3, "kernel_size": 5},
        {"ndim": 2, "depth": 1},
        {"ndim": 2, "depth": 2, "convolutions": 1, "pooling_factor": (3, 2)},
    ],
)
def test_a_padded_net_is_exact_within_its_halo_and_not_much_beyond(options):
    model = net(**{"features": 4, "padding": "same", **options})
    shape = model.shape
    halo = [axis.halo for axis in shape.axes]
    keep = [2 * p for p in shape.period]
    sides = [
        2 * h + k + 2 * p for h, k, p in zip(halo, keep, shape.period, strict=True)
    ]
    image = noise(*sides)
    larger = predict(model, image)

    def off(kept_halo: list[int]) -> float:
        """Difference where a tile with this halo is cropped to what it keeps."""
        read = tuple(
            slice(h + p - o, h + p + k + o)
            for h, p, k, o in zip(halo, shape.period, keep, kept_halo, strict=True)
        )
        tile = predict(model, np.ascontiguousarray(image[read]))
        crop = [slice(o, o + k) for k, o in zip(keep, kept_halo, strict=True)]
        same = [
            slice(h + p, h + p + k)
            for h, p, k in zip(halo, shape.period, keep, strict=True)
        ]
        return difference(larger[(slice(None), *same)], tile[(slice(None), *crop)])

    assert off(halo) < EXACT
    assert off([h - 2 * p for h, p in zip(halo, shape.period, strict=True)]) > 1e-9
    assert off([0] * shape.ndim) > SEEN


def test_zeros_of_the_padding_reach_as_far_as_the_halo_says_or_one_period_less():
    model = net(ndim=1, depth=2, padding="same", features=8)
    (axis,) = model.shape.axes
    image = noise(400)
    here = predict(model, image)
    # the first half of the image is gone: how far beyond do outputs change?
    there = predict(model, np.ascontiguousarray(image[200:]))
    changed = np.abs(here[:, 200:] - there).max(axis=0) > 1e-12
    reach = int(np.flatnonzero(changed[:100]).max()) + 1

    assert axis.halo - axis.period < reach <= axis.halo


def transparent(model: UNet) -> UNet:
    """Weights that pass on the first channel of the finest skip connection only."""
    for module in model.modules():
        if hasattr(module, "running_var"):
            module.eps = 0.0
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, CONVOLUTIONS):
                layer.weight.zero_()
        for block in (model.down[0], model.up[0].block):
            for layer in block:
                if isinstance(layer, CONVOLUTIONS):
                    middle = tuple(n // 2 for n in layer.kernel_size)
                    layer.weight[(0, 0, *middle)] = 1
        model.head.weight[0, 0] = 1
    return model


@pytest.mark.parametrize("options", NETS, ids=IDS)
def test_the_raw_output_stands_in_the_middle_of_its_input(options):
    model = transparent(net(**options))
    size = [axis.legal_inputs(2)[-1] for axis in model.shape.axes]
    image = np.abs(noise(*size))
    raw = predict(model, image)[0]

    middle = tuple(
        slice(c // 2, n - c // 2)
        for c, n in zip(model.shape.context, size, strict=True)
    )
    np.testing.assert_array_equal(raw, image[middle])


def test_the_coarse_level_stands_where_its_pool_read():
    # one pooling by 3, one 3-wide valid convolution a block: eaten 2, context 10;
    # the pool's first cell holds the pixels 1, 2, 3
    model = net(ndim=1, depth=1, pooling_factor=3, convolutions=1, upsampling="nearest")
    with torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, CONVOLUTIONS):
                layer.weight.zero_()
        model.down[0][0].weight[0, 0, 1] = 1
        model.bottom[0].weight[0, 0, 1] = 1
        model.up[0].block[0].weight[0, 2, 1] = 1  # channels 0, 1 are the skip's
        model.head.weight[0, 0] = 1
    image = np.abs(noise(20))

    expected = [
        image[1 + 3 * cell : 4 + 3 * cell].max()
        for cell in ((x - 1) // 3 for x in range(5, 15))
    ]
    assert predict(model, image)[0].tolist() == expected


def test_weights_are_drawn_as_he_et_al_say():
    model = new_model(depth=2, features=32, in_channels=4)
    for layer in model.modules():
        if isinstance(layer, CONVOLUTIONS):
            seen = layer.in_channels * prod(layer.kernel_size)
            if layer.stride[0] > 1:
                seen = layer.in_channels  # each output pixel sees one weight a channel
            drawn = layer.weight.std().item()
            tolerance = 4 / sqrt(2 * layer.weight.numel())
            assert drawn == pytest.approx(sqrt(2 / seen), rel=tolerance)
            assert not layer.bias.any()


def test_the_variance_survives_the_depth():
    model = new_model(depth=4, features=8)
    raw = predict(model, noise(204, 204))
    assert 0.1 < raw.std() < 10


def weights(model: UNet) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def test_the_seed_alone_decides_the_weights():
    before = torch.random.get_rng_state()
    first = weights(new_model(depth=1, seed=3))
    assert torch.equal(torch.random.get_rng_state(), before)  # the user's own numbers

    torch.rand(5)
    assert torch.equal(weights(new_model(depth=1, seed=3)), first)
    assert not torch.equal(weights(new_model(depth=1, seed=4)), first)


def test_a_new_model_is_in_eval_mode_in_float32():
    model = new_model(depth=1, normalization="batch")
    assert not any(module.training for module in model.modules())
    assert {p.dtype for p in model.parameters()} == {torch.float32}


def test_parameters_counted_by_hand():
    # 1 → 2, 2 → 2; bottom 2 → 4, 4 → 4; up 4 → 2 by 2; join 4 → 2, 2 → 2; head 2 → 3
    widths = [
        (1, 2, 3),
        (2, 2, 3),
        (2, 4, 3),
        (4, 4, 3),
        (4, 2, 2),
        (4, 2, 3),
        (2, 2, 3),
    ]
    by_hand = sum(a * b * k + b for a, b, k in [*widths, (2, 3, 1)])
    assert new_model(ndim=1, depth=1, features=2).parameter_count == by_hand


def test_nearest_upsampling_has_no_weights_and_joins_the_coarse_channels():
    # no up 4 → 2; the join reads 2 + 4 channels
    widths = [(1, 2, 3), (2, 2, 3), (2, 4, 3), (4, 4, 3), (6, 2, 3), (2, 2, 3)]
    by_hand = sum(a * b * k + b for a, b, k in [*widths, (2, 3, 1)])
    model = new_model(ndim=1, depth=1, features=2, upsampling="nearest")
    assert model.parameter_count == by_hand


def test_options_without_meaning_are_refused():
    with pytest.raises(ValueError, match="nonsense"):
        new_model(nonsense=1)


def test_build_keeps_the_config():
    config = ModelConfig.new(depth=(1, 2), name="kept")
    model = build(config)
    assert model.config is config
    assert model.shape == config.shape


class Memory(TorchDispatchMode):
    """Counts the values of all tensors alive that were made under it."""

    def __init__(self) -> None:
        super().__init__()
        self.alive = self.peak = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                self._watch(tensor)
        return out

    def _watch(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        at, values = storage.data_ptr(), storage.nbytes() // tensor.element_size()
        if at not in self._known:
            self.alive += values
            self.peak = max(self.peak, self.alive)
        self._known[at] = self._known.get(at, 0) + 1
        weakref.finalize(tensor, self._gone, at, values)

    def _gone(self, at: int, values: int) -> None:
        self._known[at] -= 1
        if not self._known[at]:
            del self._known[at]
            self.alive -= values


def measured(model: UNet, size: tuple[int, ...]) -> int:
    image = torch.zeros(1, model.config.in_channels, *size)
    with torch.no_grad(), Memory() as memory:
        model(image)
    return memory.peak + image.numel()


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"ndim": 2, "depth": 4, "features": 4}, 2),
        ({"ndim": 2, "depth": 4, "features": 4}, 12),
        ({"ndim": 2, "depth": 2, "features": 8, "padding": "same"}, 20),
        ({"ndim": 2, "depth": 3, "features": 4, "upsampling": "nearest"}, 6),
        ({"ndim": 2, "depth": 3, "features": 4, "normalization": "batch"}, 6),
        ({"ndim": 2, "depth": 2, "features": 2, "in_channels": 5}, 20),
        ({"ndim": 3, "depth": 2, "features": 4}, 3),
        ({"ndim": 1, "depth": 3, "features": 4}, 50),
    ],
)
def test_peak_values_are_what_a_forward_pass_holds(options, number):
    model = new_model(**options)
    size = tuple(axis.legal_inputs(number)[-1] for axis in model.shape.axes)
    estimate, truth = model.shape.peak_values(size), measured(model, size)

    assert 0.75 * truth < estimate < 1.25 * truth
