"""Objects that stay keep their colours, whatever their numbers."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap, label_colormap

from napari_shiftseg.gui.mend import layers as module
from napari_shiftseg.gui.mend.layers import (
    SPARE,
    LayerColours,
    colour_table,
    kept_colours,
    usual_of,
)
from napari_shiftseg.gui.parts.result_layers import (
    IN_TURN,
    USUAL,
    WIDE,
    result_labels,
    usual_colours,
)

FORMER = np.array([[1, 1, 1, 1, 2, 2, 0, 3]])
PARTED = np.array([[2, 1, 1, 1, 3, 3, 0, 4]])  # 1 is parted, the others move on


def test_the_usual_ones_are_naparis() -> None:
    plain, ours = Labels(FORMER), Labels(FORMER, colormap=result_labels())
    numbers = np.arange(3 * WIDE)
    np.testing.assert_array_equal(
        plain.colormap.map(numbers), ours.colormap.map(numbers)
    )
    assert len(ours.colormap.colors) == WIDE + 1 > 255
    np.testing.assert_array_equal(usual_colours(1), plain.colormap.colors[:2])


def test_those_that_stay_keep_theirs() -> None:
    colours = usual_colours(3)[[0, 3, 1, 2]]
    kept = kept_colours(FORMER, colours, PARTED, np.arange(5))
    np.testing.assert_array_equal(kept[[1, 3, 4]], colours[[1, 2, 3]])
    np.testing.assert_array_equal(kept[2], USUAL[2])  # new: the one of its number
    np.testing.assert_array_equal(kept[0], USUAL[0])


def test_a_new_one_is_told_from_that_which_it_comes_from() -> None:
    colours = usual_colours(3)[[0, 2, 1, 3]]  # 1 has the colour of the number 2
    kept = kept_colours(FORMER, colours, PARTED, np.arange(5))
    np.testing.assert_array_equal(kept[1], USUAL[2])
    np.testing.assert_array_equal(kept[2], USUAL[3])


def test_numbers_of_a_stack_have_the_colours() -> None:
    numbers = np.array([0, 7, 3, 60])
    colours = usual_of(numbers)[[0, 2, 1, 3]]
    np.testing.assert_array_equal(usual_of(numbers)[3], USUAL[60 - IN_TURN])
    table = colour_table(colours, numbers)
    np.testing.assert_array_equal(table[[3, 7]], USUAL[[7, 3]])
    np.testing.assert_array_equal(table[5], USUAL[5])  # of another frame
    assert len(table) == 60 + SPARE + 1


def test_more_than_napari_takes(monkeypatch) -> None:
    monkeypatch.setattr(module, "MOST", 3)
    table = colour_table(usual_of(np.arange(5)), np.arange(5))
    np.testing.assert_array_equal(table, USUAL)


OTHERS = usual_colours(3 + SPARE)[::-1].copy()


def test_a_layer_shows_them() -> None:
    layer = Labels(FORMER, colormap=result_labels())
    kept = LayerColours(layer)
    assert kept._show(OTHERS)
    np.testing.assert_array_equal(layer.get_color(2), OTHERS[2])
    assert kept._show(usual_colours(3 + SPARE))  # it is ours now
    np.testing.assert_array_equal(layer.get_color(2), USUAL[2])


def test_another_texture_is_never_needed() -> None:
    layer = Labels(FORMER)
    kept = LayerColours(layer)
    assert kept._show(OTHERS)
    np.testing.assert_array_equal(layer.get_color(2), OTHERS[2])
    assert len(layer.colormap.colors) <= 255
    assert kept._show(usual_colours(300 + SPARE)[::-1].copy())  # too many
    np.testing.assert_array_equal(layer.colormap.colors, USUAL)


@pytest.mark.parametrize(
    "chosen",
    [CyclicLabelColormap(colors=[(0, 0, 0, 0), (1, 0, 0, 1)]), label_colormap(49, 0.3),
     {0: (0, 0, 0, 0), 2: (1, 0, 0, 1), None: (0, 0, 1, 1)}],
    ids=["two colours", "another seed", "direct"],
)  # fmt: skip
def test_what_the_user_chose_stays(chosen) -> None:
    layer = Labels(FORMER, colormap=result_labels())
    kept = LayerColours(layer)
    assert kept._show(OTHERS)
    layer.colormap = chosen
    before = layer.colormap
    assert not kept._show(OTHERS)
    assert layer.colormap is before


def test_colours_shuffled_by_the_user_stay() -> None:
    layer = Labels(FORMER, colormap=result_labels())
    kept = LayerColours(layer)
    assert kept._show(OTHERS)
    layer.new_colormap(seed=1)
    assert not kept._show(OTHERS)


def test_frames_have_their_own() -> None:
    layer = Labels(np.stack([FORMER, FORMER]), colormap=result_labels())
    kept = LayerColours(layer)
    own = SimpleNamespace(own=np.arange(len(OTHERS)))
    frame = SimpleNamespace(position=(1,), colours=OTHERS, numbers=own)
    kept.take(frame, is_shown=False)
    np.testing.assert_array_equal(layer.get_color(2), USUAL[2])
    kept.go_to((1,), frame)
    np.testing.assert_array_equal(layer.get_color(2), OTHERS[2])
    kept.go_to((0,), frame)
    np.testing.assert_array_equal(layer.get_color(2), USUAL[2])
