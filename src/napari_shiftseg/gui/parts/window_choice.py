"""The tile size: the model's usual one, until the user chooses another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import LineEdit

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import parse_window, window_text

if TYPE_CHECKING:
    from napari_shiftseg.geometry.tiling import TilePlan

    Offer = list[tuple[str, tuple[int, ...]]]


class WindowChoice(LineEdit):
    """A line for the window; a size that the user gave outlasts a change of model."""

    value: str

    def __init__(self) -> None:
        super().__init__(
            label="Tile size (window)",
            tooltip="Size of the tile the network predicts (window), in pixels: 20, or "
            "one value an axis: 24x96x96",
        )
        self._usual = ""

    def follow(self, usual: tuple[int, ...]) -> None:
        """Take the usual window of another model, unless the user chose one."""
        is_untouched = self.value == self._usual
        self._usual = window_text(usual)
        if is_untouched:
            self.value = self._usual

    def use(self, window: tuple[int, ...]) -> None:
        """Take this window."""
        self.value = window_text(window)

    def window(self) -> int | tuple[int, ...]:
        """Return what is written.

        Raises
        ------
        ValueError
            If that is no window.
        """
        return parse_window(self.value)


def seam_maker(plan: TilePlan, usual: tuple[int, ...]) -> Offer:
    """Return caption and window of naive tiles that make seams, if one is at hand.

    Parameters
    ----------
    plan : TilePlan
        Of the present choice, which makes none.
    usual : tuple of int
        Window to begin with.
    """
    aside = tuple(p + max(1, p // 4) for p in plan.shape.period)
    for wanted in (usual, aside):  # the usual one may be a multiple of the period
        parting = tuple(  # more than one tile
            min(w, max(1, n // 2))
            for w, n in zip(wanted, plan.output_shape, strict=True)
        )
        if plan_tiles(
            plan.image_shape, plan.shape, parting, "naive", plan.border, plan.region
        ).makes_seams:
            return [(f"See seams: {window_text(parting)}", parting)]
    return []
