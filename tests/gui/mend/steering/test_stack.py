"""Objects of a stack: numbers of all planes, whatever is turned or mended."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.gui.mend.ask import KnownEvidence
from napari_shiftseg.gui.parts.records import LayerSession
from napari_shiftseg.mending.edits import Merge, Split
from napari_shiftseg.mending.replay import mend
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment

BANDWIDTH, OTHER = 0.02, 0.01

pytestmark = pytest.mark.usefixtures("one_thread", "qapp")


def numbers(labels):
    return set(np.unique(labels).tolist()) - {0}


def largest(labels, plane, number=2):
    """A pixel of each of the largest objects of a plane."""
    sizes = np.bincount(labels[plane].ravel())[1:]
    found = 1 + sizes.argsort()[::-1][:number]
    return [tuple(np.argwhere(labels[plane] == n)[0].tolist()) for n in found]


def ends(labels, plane):
    """The first and the last pixel of the largest object of a plane."""
    number = 1 + np.bincount(labels[plane].ravel())[1:].argmax()
    pixels = np.argwhere(labels[plane] == number).tolist()
    return ((tuple(pixels[0]),), (tuple(pixels[-1]),))


def test_a_knob_gives_the_objects_of_a_run(
    stack, begun, settled, turned, fresh, planes
) -> None:
    layer, steering = begun(stack)
    np.testing.assert_array_equal(layer.data, fresh(BANDWIDTH, planes))
    assert steering.history.edits == ()
    assert len(numbers(layer.data[0]) & numbers(layer.data[1])) > 3
    steering.turn(turned(steering))
    settled(steering)
    expected = fresh(OTHER, planes)
    assert numbers(expected) != numbers(fresh(BANDWIDTH, planes))
    np.testing.assert_array_equal(layer.data, expected)
    steering.turn(turned(steering, BANDWIDTH))
    settled(steering)
    np.testing.assert_array_equal(layer.data, fresh(BANDWIDTH, planes))


def test_edits_are_those_of_the_command(
    stack, begun, settled, turned, planes, model_file
) -> None:
    """New numbers are of no other plane, and the same as without a viewer."""
    layer, steering = begun(stack)
    before = numbers(layer.data)
    edits = [Split(ends(layer.data, 1), (1,)), Split(ends(layer.data, 2), (2,))]
    edits.append(Merge(tuple(largest(layer.data, 0)), (0,)))
    for edit in edits:
        steering.do(edit)
        settled(steering)
    new = [numbers(layer.data[plane]) - before for plane in range(3)]
    assert [len(each) for each in new] == [0, 1, 1]
    assert not new[1] & new[2]
    model = load_unet(model_file)
    for bandwidth in (BANDWIDTH, OTHER):
        steering.turn(turned(steering, bandwidth))
        settled(steering)
        result = segment(planes, model, bandwidth=bandwidth, device="cpu")
        mended, _ = mend(result, model, edits)
        np.testing.assert_array_equal(layer.data, mended.labels)
    assert steering.history.edits == tuple(edits)


def test_an_edit_is_undone(stack, begun, settled) -> None:
    layer, steering = begun(stack)
    before = layer.data.copy()
    steering.do(Split(ends(layer.data, 2), (2,)))
    settled(steering)
    assert len(numbers(layer.data) - numbers(before)) == 1
    layer.undo()
    settled(steering)
    np.testing.assert_array_equal(layer.data, before)
    assert steering.history.edits == ()


def test_what_was_done_is_met_again(stack, begun, settled, turned, steer) -> None:
    """Numbers of the layer are known when it is steered again: nothing was painted."""
    layer, first = begun(stack)
    first.do(Split(ends(layer.data, 1), (1,)))
    first.turn(turned(first))
    settled(first)
    before = layer.data.copy()
    first.stop()
    again = steer(layer, first.kept)
    settled(again)
    assert len(again.history.edits) == 1
    np.testing.assert_array_equal(layer.data, before)
    assert LayerSession.of(layer).numbers.are_linked


def test_objects_of_a_plane_know_their_modes(stack, begun) -> None:
    """Also where their numbers are not those of the plane."""
    layer, steering = begun(stack)
    frame = steering.frame((2,))
    evidence = KnownEvidence().of(steering, (2,), ("y", "x")).evidence
    local = frame.objects
    assert max(numbers(layer.data[2])) > len(local.mode_of)
    for number in numbers(layer.data[2]):
        pixel = tuple(np.argwhere(layer.data[2] == number)[0])
        expected = local.mode_of[local.labels[pixel]]
        assert evidence.mode_index(number) == expected


def test_colours_of_a_linked_object_are_those_of_its_number(stack, begun) -> None:
    layer, steering = begun(stack)
    for plane in (0, 1):
        frame = steering.frame((plane,))
        own = frame.numbers.own
        expected = layer.colormap.map(own[1:])
        np.testing.assert_allclose(frame.colours[1:], expected, atol=1e-6)
