"""What tiles of a chosen size mean, and buttons that choose a better size."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.geometry.advice import advise, cheaper, memory_warning, size_name
from napari_shiftseg.geometry.window import window_text
from napari_shiftseg.geometry.words import sentence
from napari_shiftseg.gui.note import Note

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.geometry.tiling import TilePlan

    Choices = Sequence[tuple[str, tuple[int, ...]]]


class SizeAdvice(Note):
    """Words on a plan, amber where they warn, and up to three buttons.

    The buttons set the nearest valid windows and the cheapest one:
    ``SizeAdvice(on_choose)`` hands the window of the one that was pressed, one value an
    axis, to `on_choose`.
    """

    def tell(
        self,
        plan: TilePlan,
        text: str = "",
        warnings: Sequence[str] = (),
        memory: int | None = None,
        first: Choices = (),
        beside: Sequence[TilePlan] = (),
    ) -> None:
        """Say what is to be known about a plan, and offer better windows.

        Parameters
        ----------
        plan : TilePlan
        text : str
            Said in any case, in grey.
        warnings : sequence of str
            Said first, as sentences, and all is amber; empty ones are left out.
        memory : int, optional
            Bytes a tile may take; a plan that takes more is warned of.
        first : sequence of (str, tuple of int)
            Captions and windows of buttons that stand before the others.
        beside : sequence of TilePlan
            Carried out too: the memory has to suffice for the largest tile.
        """
        largest = max(plan, *beside, key=lambda each: each.memory) if beside else plan
        warnings = list(filter(None, [*warnings, memory_warning(largest, memory)]))
        lines = filter(None, [*map(sentence, warnings), text])
        kind = "warning" if warnings else "note"
        self.say("\n".join(lines), kind, [*first, *self._choices(plan, memory)])

    def refuse(self, reason: str, kind: str = "error") -> None:
        """Say why there is no plan; there is nothing to choose then."""
        self.say(reason, kind, [])

    def _choices(
        self, plan: TilePlan, memory: int | None
    ) -> list[tuple[str, tuple[int, ...]]]:
        """Captions and windows of the buttons."""
        nearest = advise(plan).nearest
        choices = [(f"Use {window_text(window)}", window) for window in nearest]
        best = cheaper(plan, memory)
        if best is not None and best.window not in nearest:
            choices.append((f"Cheapest: {size_name(best)}", best.window))
        return choices
