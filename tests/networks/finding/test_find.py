"""Period, context and padding of many networks, against brute force."""

from __future__ import annotations

import json

from torch import nn

from napari_shiftseg.networks.finding import find
from napari_shiftseg.networks.finding.found import AGREE, FITS


def test_both_ways_are_right(case, probed):
    found = find(probed(case.module, ndim=case.ndim))
    truth = [case.truth(axis) for axis in range(case.ndim)]
    assert [axis.period for axis in found.axes] == [t.period for t in truth]
    seen = [(axis.before, axis.after) for axis in found.axes]
    assert seen == [(t.before, t.after) for t in truth]
    assert {axis.padding for axis in found.axes} == {case.padding}
    assert {axis.scale for axis in found.axes} == {case.scale}
    # both: what is agreed on and right is what either says
    assert found.agreement == dict.fromkeys(
        ("period", "context", "padding", "sizes"), AGREE
    )
    assert found.sure
    assert found.tiling == ("impossible" if case.cause else "exact")
    worst = [cause.kind for cause in found.causes if cause.effect == "impossible"]
    assert worst == ([case.cause] if case.cause else [])
    assert json.loads(json.dumps(found.figures()))["tiling"] == found.tiling


def test_sizes_that_a_program_refuses_speak_against_nothing(probed):
    """As torch.export has it: exported for 6 pixels and more, though 3 would do."""
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.MaxPool2d(3))
    seen = probed(net.append(nn.Upsample(scale_factor=3)).eval())
    assert [axis.smallest for axis in find(seen).axes] == [3, 3]

    class Picky(type(seen)):
        def predict(self, x):
            if min(x.shape[2:]) < 6:
                raise ValueError("too small")
            return super().predict(x)

        def reinitialised(self, seed):
            return Picky(super().reinitialised(seed).module)

    found = find(Picky(seen.module))
    assert [axis.smallest for axis in found.axes] == [6, 6]
    assert found.agreement["sizes"] == f"{FITS}: sizes below 6 are refused"
    assert found.sure
