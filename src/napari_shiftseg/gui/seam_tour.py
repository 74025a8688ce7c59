"""From seam to seam, the worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton

from napari_shiftseg.geometry.words import number_of
from napari_shiftseg.gui.note import wrapped_label

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_shiftseg.metrics.splits import Seam


NARROW = 32  # pixels of a button with one sign


class SeamTour(Container):
    """Buttons that go through the seams that cut an object.

    Parameters
    ----------
    visit : callable
        Takes the seam to be shown.
    show_all : callable
        Called when all is to be seen again.
    """

    def __init__(
        self, visit: Callable[[Seam], None], show_all: Callable[[], None]
    ) -> None:
        self._visit = visit
        self._seams: Sequence[Seam] = ()
        self._at = -1
        self.all = PushButton(text="⤢", tooltip="Show all")
        self.previous = PushButton(text="◂", tooltip="Previous seam")
        self.next = PushButton(
            text="Next worst seam ▸",
            tooltip="Go to the next tile border that cuts an object which the right "
            "side leaves whole, the most harmful first",
        )
        self.text = wrapped_label()
        super().__init__(
            widgets=[self.all, self.previous, self.next, self.text],
            layout="horizontal",
            labels=False,
        )
        self.margins = (0, 0, 0, 0)
        for small in (self.all, self.previous):
            small.native.setMaximumWidth(NARROW)
        self._show_all = show_all
        self.all.changed.connect(self._leave)
        self.previous.changed.connect(lambda: self._go(self._at - 1))
        self.next.changed.connect(lambda: self._go(self._at + 1))
        self.all.enabled = False
        self._enable()

    def begin(self, seams: Sequence[Seam]) -> None:
        """Take other seams, ranked; none is visited yet."""
        self._seams, self._at = seams, -1
        self.all.enabled = True
        self._count()
        self._enable()

    def _count(self) -> None:
        number = len(self._seams)
        self.text.value = (
            f"{number:,} tile borders cut objects" if number > 1
            else "1 tile border cuts objects" if number
            else "no object is cut by seams"
        )  # fmt: skip

    def _leave(self) -> None:
        """Show all again: there is no frame to speak of."""
        self._count()
        self._show_all()

    def _go(self, at: int) -> None:
        self._at = at
        seam = self._seams[at]
        cut = number_of(len(seam.cuts), "object")
        self.text.value = f"seam {at + 1} of {len(self._seams):,}: {cut} cut (green)"
        self._enable()
        self._visit(seam)

    def _enable(self) -> None:
        self.previous.enabled = self._at > 0
        self.next.enabled = self._at + 1 < len(self._seams)
