"""Period, context and padding of many networks, against brute force."""

from __future__ import annotations

import json

from napari_shiftseg.networks.finding import find
from napari_shiftseg.networks.finding.found import AGREE


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
