"""The tile size: its row, what it means, and buttons that take a better one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from magicgui.widgets import LineEdit, PushButton

from napari_shiftseg.geometry.advice import cheaper, memory_warning, size_name
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import parse_window, window_text
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows
from napari_shiftseg.gui.parts.text_boxes import dress, plainly, wrapped_label
from napari_shiftseg.inference.views import check_turns, check_views
from napari_shiftseg.text import number_of, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari.layers import Image, Layer

    from napari_shiftseg.geometry.advice import Advice
    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.pipeline.settings import Settings

    Choices = Sequence[tuple[str, tuple[int, ...]]]  # captions and windows of buttons


WINDOW_TIP = (
    "Size of the tile that the network predicts, in pixels: 20, or one value per axis: "
    "24x96x96"
)


class WindowChoice(LineEdit):
    """A line for the window; a size that the user gave outlasts a change of model.

    Attributes
    ----------
    is_own : bool
        Whether the user gave what is written.
    """

    value: str

    def __init__(
        self, label: str = "Tile size (window)", tooltip: str = WINDOW_TIP
    ) -> None:
        super().__init__(label=label, tooltip=tooltip)
        self._usual, self.is_own, self._holds_cheapest = "", False, False
        self.changed.connect(self._keep)

    @property
    def is_cheapest(self) -> bool:
        """Whether what is written is there because it is the cheapest."""
        return self._holds_cheapest and not self.is_own

    def follow(self, usual: tuple[int, ...], is_cheapest: bool = False) -> None:
        """Take the usual window of another model, unless the user chose one.

        Parameters
        ----------
        usual : tuple of int
            Empty: none.
        is_cheapest : bool
            Whether it is usual because it is the cheapest.
        """
        self._usual, self._holds_cheapest = window_text(usual), is_cheapest
        if not self.is_own and self.value != self._usual:
            self.value = self._usual
            self.is_own = False

    def release(self) -> None:
        """Let what is written be the user's own no longer."""
        self.is_own = False

    def _keep(self) -> None:
        self.is_own = self._holds_cheapest or self.value != self._usual

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


def seam_maker(plan: TilePlan, usual: tuple[int, ...]) -> Choices:
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
        sizes = zip(wanted, plan.output_shape, strict=True)
        parting = tuple(min(w, max(1, n // 2)) for w, n in sizes)  # more than one tile
        size, shape = plan.image_shape, plan.shape
        tried = plan_tiles(size, shape, parting, "naive", plan.border, plan.region)
        if tried.makes_seams:
            return [(f"See seams: {window_text(parting)}", parting)]
    return []


MOST_BUTTONS = 4


class Note(ControlRows):
    """Text in a coloured frame, with up to four buttons that set a window.

    Parameters
    ----------
    on_choose : callable
        Takes the window of the button that was pressed.
    holds_buttons : bool
        Whether the buttons stand below the text; else `row` is placed elsewhere.
    """

    def __init__(
        self, on_choose: Callable[[tuple[int, ...]], None], holds_buttons: bool = True
    ) -> None:
        self.text = wrapped_label()
        self.buttons = [PushButton(text="") for _ in range(MOST_BUTTONS)]
        self._windows: list[tuple[int, ...]] = []
        for button in self.buttons:
            button.tooltip = "Use this tile size"
        self.row = ControlRow(*self.buttons)
        super().__init__(self.text, *([self.row] if holds_buttons else []))
        for number, button in enumerate(self.buttons):
            button.changed.connect(
                lambda _=None, number=number: on_choose(self._windows[number])
            )

    def say(self, text: str, kind: str, choices: Choices = (), more: str = "") -> None:
        """Show a text and buttons.

        Parameters
        ----------
        text : str
            Empty: only the buttons are shown.
        kind : str
            "note", "warning" or "error".
        choices : sequence of (str, tuple of int)
            Captions and windows of the buttons.
        more : str
            Less important; shown as the tooltip of the text.
        """
        self.text.value, self.text.tooltip = text, plainly(more)
        dress(self.text, kind)
        self.text.visible = bool(text)
        self._windows = [window for _, window in choices]
        for number, button in enumerate(self.buttons):
            button.visible = number < len(choices)
            if number < len(choices):
                button.text = choices[number][0]
        self.row.visible = bool(choices)


TIME = ("t", "time")  # names of an axis


def images_text(layer: Layer, number: int) -> str:
    """Say how many images a stack holds: frames of time, or else planes.

    Parameters
    ----------
    layer : Layer
    number : int
    """
    names = {name.strip().lower() for name in layer.axis_labels}
    return number_of(number, "frame" if names & set(TIME) else "plane")


def views_note(views: int) -> str:
    """Say that all of it is done in several views; empty where there is one."""
    return f"; {views} views" if views > 1 else ""


class SizeAdvice(Note):
    """What a plan means, amber where it warns, and buttons that take a better window.

    Up to three buttons set the nearest valid windows and the cheapest one.
    """

    def tell(
        self,
        plan: TilePlan,
        advice: Advice,
        notes: Sequence[str] = (),
        warnings: Sequence[str] = (),
        memory: int | None = None,
        first: Choices = (),
        beside: Sequence[TilePlan] = (),
    ) -> None:
        """Say what is to be known about a plan, and offer better windows.

        Parameters
        ----------
        plan : TilePlan
        advice : Advice
            On this plan; see `advise`.
        notes : sequence of str
            Said in any case, in grey; empty ones are left out, as of the warnings.
        warnings : sequence of str
            Said first, as sentences, and all is amber.
        memory : int, optional
            Bytes a tile may take; a plan that takes more is warned of.
        first : sequence of (str, tuple of int)
            Captions and windows of buttons that stand before the others.
        beside : sequence of TilePlan
            Carried out too: the memory has to suffice for the largest tile.
        """
        largest = max([plan, *beside], key=lambda each: each.memory)
        warnings = list(filter(None, [*warnings, memory_warning(largest, memory)]))
        lines = [*map(sentence, warnings), *filter(None, notes)]
        kind = "warning" if warnings else "note"
        choices = _choices(plan, advice.nearest, memory)
        self.say("\n".join(lines), kind, [*first, *choices])


def _choices(
    plan: TilePlan, nearest: Sequence[tuple[int, ...]], memory: int | None
) -> Choices:
    choices = [(f"Use {window_text(window)}", window) for window in nearest]
    best = cheaper(plan, memory)
    if best is not None and best.window not in nearest:
        choices.append((f"Cheapest: {size_name(best)}", best.window))
    return choices


def check_views_of(layer: Image, settings: Settings, config: NetworkConfig) -> None:
    """Refuse views that a model, or the pixels of a layer, do not allow.

    Parameters
    ----------
    layer : Image
    settings : Settings
    config : NetworkConfig
        Of the model.

    Raises
    ------
    ValueError
        See `check_views` and `check_turns`.
    """
    check_views(settings.views, config, settings.border)
    check_turns(settings.views, np.abs(layer.scale))
