"""The words and buttons beside the embedding plot."""

from __future__ import annotations

from magicgui.widgets import CheckBox, Container, PushButton

from napari_shiftseg.gui.mend.standing_text import StandingText

NARROW = 32  # pixels of a button with one sign
LINES = 4  # of either text


class PlotControls(Container):
    """What is shown, what the plot says of it, and how it is shown.

    Attributes
    ----------
    about, said : StandingText
        What stands for what; what happened last.
    all, clear : PushButton
    in_view, background, modes : CheckBox
    """

    def __init__(self) -> None:
        self.about = StandingText(LINES)
        self.said = StandingText(LINES)
        self.all = PushButton(text="⤢", tooltip="Show all points")
        self.all.native.setMaximumWidth(NARROW)
        self.in_view = CheckBox(
            text="Only what is in view",
            tooltip="Plot the part of the image that the canvas shows, and follow it",
        )
        self.background = CheckBox(
            text="Background", tooltip="Plot pixels of no object, too, as one more"
        )
        self.modes = CheckBox(
            text="Modes",
            value=True,
            tooltip="Crosses: the modes nearest to these points. Circles: one "
            "bandwidth around them. All pixels within a bandwidth of a mode lie in its "
            "circle; others may seem to, being far in a direction that is not seen.",
        )
        self.clear = PushButton(text="Clear (Esc)", tooltip="Drop lasso and selection")
        rows = ([self.all, self.in_view, self.clear], [self.modes, self.background])
        lines = [
            Container(widgets=row, layout="horizontal", labels=False) for row in rows
        ]
        for line in lines:
            line.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self.about, *lines, self.said], labels=False)
        self.margins = (0, 0, 0, 0)
        self.native.layout().addStretch()

    def enable(self, enabled: bool) -> None:
        """Let the buttons be pressed, or not; the words stay as they are."""
        for control in (self.all, self.in_view, self.clear, self.modes,
                        self.background):  # fmt: skip
            control.enabled = enabled

    def say(self, text: str, kind: str = "") -> None:
        """Say what happened: plainly, or as a "warning"."""
        self.said.say(text, kind)
