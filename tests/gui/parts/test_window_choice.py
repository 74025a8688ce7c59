"""Tile sizes on offer where the chosen one makes no seams."""

import pytest

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.unet_shape import AxisShape, UNetShape
from napari_shiftseg.gui.parts.window_advice import seam_maker

SHAPE = UNetShape((AxisShape((2, 2, 2, 2)),) * 2, (2, 4, 8, 16, 32))  # p = 16


@pytest.mark.parametrize(
    ("usual", "offered"),
    [((24, 24), (24, 24)), ((16, 16), (20, 20)), ((200, 200), (100, 50))],
)
def test_tiles_that_make_seams(usual, offered):
    plan = plan_tiles((200, 100), SHAPE, 16, "naive")
    assert not plan.makes_seams
    (choice,) = seam_maker(plan, usual)
    assert choice[1] == offered
    assert plan_tiles((200, 100), SHAPE, offered, "naive").makes_seams


def test_a_net_that_pools_nothing_makes_none():
    shape = UNetShape((AxisShape(()),) * 2, (2,))
    assert seam_maker(plan_tiles((20, 30), shape, 8, "naive"), (8, 8)) == []
