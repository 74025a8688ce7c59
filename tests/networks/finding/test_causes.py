"""What breaks tiles is named with its layer; odd networks are said to be odd."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from torch import nn

from napari_shiftseg.networks.finding import NotFound, find, halo_of
from napari_shiftseg.networks.finding.found import AGREE, FITS
from napari_shiftseg.networks.finding.suitability import remedies
from napari_shiftseg.progress import SAYER


class Halved(nn.Module):
    """Pools by two, even sizes alone."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(2, 2, 2, stride=2)

    def forward(self, x):
        if x.shape[2] % 2 or x.shape[3] % 2:
            raise RuntimeError("an odd size")
        return nn.functional.interpolate(self.layer(x), scale_factor=2)


def conv(read=1, made=2):
    return nn.Conv2d(read, made, 3, padding=1)


class Scaled(nn.Module):
    """Scales each tile by its own mean and spread."""

    def __init__(self):
        super().__init__()
        self.layer = conv()

    def forward(self, x):
        return self.layer((x - x.mean()) / x.std())


class Placed(nn.Module):
    """Adds a number of its own to every place of a tile of 16."""

    def __init__(self):
        super().__init__()
        self.layer, self.places = conv(), nn.Parameter(torch.randn(1, 2, 16, 16))

    def forward(self, x):
        return self.layer(x) + self.places


class Folded(nn.Module):
    """Does what no rule knows: rolls the image."""

    def __init__(self):
        super().__init__()
        self.layer = conv()

    def forward(self, x):
        return torch.roll(self.layer(x), 1, dims=2)


def kinds(found, effect="impossible"):
    return {cause.kind: cause.layer for cause in found.causes if cause.effect == effect}


def test_the_layer_is_named(probed, nets):
    module = nets["unet"]((2, 2), norm=nn.InstanceNorm2d)().eval()
    found = find(probed(module))
    assert kinds(found) == {"instance norm": "down.0.1 and 5 more"}
    assert found.axes[0].context is None
    assert halo_of(found.axes) is None
    _, later = remedies(found.causes)
    assert "batch norm (or batch renorm)" in later[0]


def test_batch_norm_is_harmless_in_eval_mode_alone(probed):
    module = nn.Sequential(conv(), nn.BatchNorm2d(2), nn.ReLU())
    assert find(probed(module.eval())).tiling == "exact"
    found = find(probed(module.train()))
    assert kinds(found) == {"batch norm in training mode": "1"}


def test_dropout_left_on_is_named(probed):
    module = nn.Sequential(conv(), nn.Dropout(0.5)).train()
    found = find(probed(module))
    assert kinds(found) == {"dropout": "1"}
    assert "probed with its dropout off" in found.notes
    assert found.axes[0].period == 1


def test_dropout_is_named_where_there_is_no_graph_either(probed):
    module = nn.Sequential(conv(), nn.Dropout(0.5)).train()
    blind = probed(module, readable=False)
    blind.reinitialised = lambda seed: None
    with pytest.raises(NotFound, match="answers differently each time"):
        find(blind)


def test_grey_values_scaled_tile_by_tile(probed):
    found = find(probed(Scaled().eval()))
    assert found.tiling == "impossible"
    assert set(kinds(found)) == {"per-tile intensity"}
    now, _ = remedies(found.causes)
    assert "scale the whole image once" in now[-1]


def test_align_corners_has_no_period_but_a_name(probed, nets):
    module = nets["unet"]((2, 2), up="bilinear", align=True)().eval()
    found = find(probed(module))
    assert kinds(found, "nearly") == {"align_corners": "up.0"}
    assert found.tiling == "nearly"
    assert not found.sure
    assert found.agreement["period"] == "graph alone"


def test_numbers_of_places_are_named(probed):
    found = find(probed(Placed().eval(), fixed_size=(16, 16)))
    assert set(kinds(found)) == {"positional encoding"}
    assert found.tiling == "impossible"


def test_an_unknown_step_is_named_and_probing_goes_on(probed):
    found = find(probed(Folded().eval()))
    assert found.agreement == dict.fromkeys(found.agreement, "probe alone")
    assert any("(roll) is not known" in note for note in found.notes)
    assert not found.sure


def test_control_flow_is_probed_alone(probed, nets):
    found = find(probed(nets["branching"]().eval()))
    axis = found.axes[0]
    assert (axis.period, axis.before, axis.after, axis.padding) == (1, 2, 2, "zeros")
    assert found.agreement == dict.fromkeys(found.agreement, "probe alone")
    assert any("cannot export it" in note for note in found.notes)


def test_no_graph_and_other_sizes(probed, nets):
    """A network that crashes at sizes it does not like, and shows no graph."""
    found = find(probed(nets["valid"]((2, 2), (2, 2))().eval(), readable=False))
    axis = found.axes[0]
    assert (axis.period, axis.eaten, axis.padding) == (4, (20, 20), "valid")
    assert (axis.multiple, axis.remainder, axis.smallest) == (4, 0, 44)
    assert "it has no graph to read: probing alone" in found.notes


def test_a_fixed_size_is_taken_as_it_is(probed, nets):
    module = nets["unet"]((2, 2), features=4)().eval()
    found = find(probed(module, fixed_size=(128, 128)))
    for axis in found.axes:
        assert (axis.period, axis.before, axis.after) == (2, 9, 9)
        assert (axis.multiple, axis.smallest) == (0, 128)
        assert axis.padding == "zeros"
    assert found.agreement["period"] == found.agreement["context"] == AGREE


def test_shape_arithmetic_is_seen(probed, nets):
    found = find(probed(nets["monai"](nets["basic"], norm="batch").eval()))
    assert kinds(found, "halo")["shape arithmetic"] == "upcat_4 and 3 more"


def test_what_repeats_by_no_shift_is_refused(probed):
    class Random(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = conv()

        def forward(self, x):
            places = torch.linspace(0, 1, x.shape[2]).to(x)[:, None] ** 2
            return torch.roll(self.layer(x * places), 1, dims=3)

    with pytest.raises(NotFound, match="shift equivariant by some period"):
        find(probed(Random().eval()))


def test_what_reads_nothing_is_refused(probed, nets):
    module = nn.Sequential(nn.Conv2d(3, 2, 3))
    with pytest.raises(ValueError, match="refuses every size up to 512"):
        find(probed(module))


def test_trained_weights_may_hide_a_period(probed, nets):
    """The bottom says little: at 1e-4 the period looks like half of it."""
    module = nets["kaiming"](nets["unet"]((2, 2), (2, 2), features=8)(), 2).float()
    with torch.no_grad():
        module.up[1].weight *= 2e-5
    trained = probed(module.eval(), readable=False)
    trained.reinitialised = lambda seed: None
    found = find(trained)
    assert [axis.period for axis in found.axes] == [4, 4]
    assert not found.sure
    assert "shifts were told apart by less than a factor of ten" in found.notes


class Blunt:
    """A network whose weights cannot be drawn anew, with some graph."""

    def __init__(self, network, graph):
        self.network, self._graph = network, graph

    def __getattr__(self, name):
        return getattr(self.network, name)

    def graph(self):
        return self._graph

    def reinitialised(self, seed):
        return None


def test_trained_weights_that_show_less_fit_the_graph(probed, nets):
    module = nets["kaiming"](nets["unet"]((2, 2), (2, 2), features=8)(), 2).float()
    with torch.no_grad():
        module.up[1].weight *= 1e-9
    network = probed(module.eval())
    found = find(Blunt(network, module))
    assert [axis.period for axis in found.axes] == [4, 4]
    said = found.agreement["period"]
    assert said == f"{FITS}, which says 4: its trained weights show 2 at most"
    assert found.agreement["context"].startswith(FITS)
    assert found.sure
    fresh = find(network)  # drawn anew, they show all
    assert fresh.axes == found.axes
    assert fresh.agreement == dict.fromkeys(fresh.agreement, AGREE)


def test_trained_weights_that_show_more_speak_against_the_graph(probed, nets):
    levels = ((2, 2), (2, 2)), ((2, 2),)
    deep, flat = (nets["unet"](*each, features=8)().eval() for each in levels)
    found = find(Blunt(probed(nets["kaiming"](deep, 2).float()), flat))
    assert found.agreement["period"] == "graph says 2, probe 4"
    assert [axis.period for axis in found.axes] == [4, 4]
    assert not found.sure


def test_stages_are_said(probed):
    heard = []
    listening = SAYER.set(heard.append)
    find(probed(conv()))
    SAYER.reset(listening)
    assert heard == ["probing axis 1 of 2", "probing axis 2 of 2"]
    find(probed(conv()))
    assert len(heard) == 2  # nobody listens


def test_out_of_time_the_graph_says_it_alone(probed, nets):
    module = nets["unet"]((2, 2), features=4)().eval()
    slow = probed(module)
    copied = probed(nets["kaiming"](module, 0))
    slow.reinitialised = lambda seed: copied
    quick, passes = copied.predict, []

    def predict(x):
        passes.append(x.shape)
        if len(passes) > 5:
            time.sleep(0.3)
        return quick(x)

    copied.predict = predict
    found = find(slow, seconds=0.4)
    assert found.axes[0].before == 9
    assert found.agreement == dict.fromkeys(found.agreement, "graph alone")
    assert "probing was stopped after 0.4 s" in found.notes
    assert not found.sure


def test_a_known_size_is_taken(probed):
    """One axis pools by two, the other loses one pixel first: no square is legal."""
    layers = nn.Sequential(nn.Conv2d(1, 2, (1, 2)), Halved())
    with pytest.raises(ValueError, match="refuses every size"):
        find(probed(layers))
    found = find(probed(layers), size=(16, 17))
    assert [axis.period for axis in found.axes] == [2, 2]
    assert [axis.remainder for axis in found.axes] == [0, 1]


def test_little_memory_is_enough_for_short_images(probed, nets):
    module = nets["unet"]((2, 2), features=4)().eval()
    wide, narrow = find(probed(module)), find(probed(module), memory=1 << 20)
    assert [a.period for a in narrow.axes] == [a.period for a in wide.axes]
    largest = []

    class Watched(type(probed(module))):
        def predict(self, x):
            largest.append(np.prod(x.shape[2:]))
            return super().predict(x)

    watched = Watched(module)
    watched.reinitialised = lambda seed: Watched(nets["kaiming"](module, seed))
    find(watched, memory=1 << 20)
    assert max(largest) * 8 * 4 * 4 <= 1 << 20


def test_an_even_kernel_sees_one_pixel_more_on_one_side(probed):
    """Place and context are compared alike, wherever either way puts the middle."""
    layers = nn.Sequential(nn.Conv2d(1, 4, 2), nn.ReLU(), nn.Conv2d(4, 2, (3, 2)))
    found = find(probed(layers))
    assert [sum(axis.eaten) for axis in found.axes] == [3, 2]
    assert [axis.before + axis.after for axis in found.axes] == [3, 2]
    assert found.sure


def test_a_network_that_always_loses_a_pixel_has_legal_sizes(probed):
    layers = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(1, 2, 3, stride=2))
    found = find(probed(layers))
    assert found.agreement["period"] == found.agreement["context"] == AGREE
    assert [(axis.period, axis.multiple) for axis in found.axes] == [(1, 1), (1, 1)]
