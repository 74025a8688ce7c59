"""The bandwidth that agrees with the marked objects, and a way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton

from napari_shiftseg.gui.mend.steering.one_job import Task

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.steering.knobs import Knobs
    from napari_shiftseg.gui.mend.steering.steering import Steering
    from napari_shiftseg.inference.progress import Progress
    from napari_shiftseg.interaction.editing.positions import Point
    from napari_shiftseg.interaction.steering.best_bandwidth import BestBandwidth


class BandwidthSearch(Container):
    """A button that finds the bandwidth, and one that goes back to the former.

    Parameters
    ----------
    knobs : Knobs
        That are turned.
    say : callable
        Takes what the user should read, and its kind.

    Attributes
    ----------
    find, back : PushButton
    steering : Steering or None
        Of the labels that are chosen.
    """

    def __init__(self, knobs: Knobs, say: Callable[[str, str], None]) -> None:
        self._knobs, self._say = knobs, say
        self.steering: Steering | None = None
        self._former: float | None = None
        self._turning = False
        self.find = PushButton(
            text="Find the bandwidth",
            tooltip="Try bandwidths, and take the one whose objects agree best with "
            "those marked as right.",
        )
        self.back = PushButton(text="Back", tooltip="Take the former bandwidth again.")
        super().__init__(
            widgets=[self.find, self.back], layout="horizontal", labels=False
        )
        self.margins = (0, 0, 0, 0)
        self.back.visible = False
        self.back.changed.connect(self._go_back)
        knobs.turned.connect(self._turned)

    def choose(self, steering: Steering | None) -> None:
        """Search on other labels: there is no way back to those before."""
        self.steering = steering
        self._offer(None)

    def seek(self, position: Point, marked: NDArray[np.integer]) -> None:
        """Try bandwidths on a frame, and take the best."""
        steering = self.steering

        def steps() -> Generator[Progress, None, BestBandwidth]:
            from napari_shiftseg.interaction.steering.best_bandwidth import (
                best_bandwidth_steps,
            )

            frame = steering.clustered(position)
            return best_bandwidth_steps(frame.relabelling, frame.clustering, marked)

        def use(best: BestBandwidth) -> None:
            if steering is self.steering:  # else the knobs are those of other labels
                self._use(best)

        self._say("Trying bandwidths…", "note")
        steering.add(Task(steps, use, frame=position))

    def _use(self, best: BestBandwidth) -> None:
        self._turn(best.bandwidth)
        if best.bandwidth == best.present:
            self._offer(None)
            self._say(
                f"Bandwidth {best.bandwidth:.3g} stays, the best of those tried: the "
                f"objects marked agree by {_percent(best.agreement)} (mean IoU).",
                "note",
            )
            return
        self._offer(best.present)
        self._say(
            f"Bandwidth {best.bandwidth:.3g} (it was {best.present:.3g}): the objects "
            f"marked agree by {_percent(best.agreement)} (mean IoU), before "
            f"{_percent(best.before)}.",
            "note",
        )

    def _go_back(self) -> None:
        former = self._former
        if former is not None:
            self._turn(former)
            self._offer(None)
            self._say(f"Bandwidth {former:.3g}, as before.", "note")

    def _turn(self, bandwidth: float) -> None:
        self._turning = True
        try:
            self._knobs.use({"bandwidth": bandwidth})
        finally:
            self._turning = False

    def _turned(self) -> None:
        if not self._turning:
            self._offer(None)

    def _offer(self, former: float | None) -> None:
        self._former = former
        self.back.visible = former is not None
        if former is not None:
            self.back.text = f"Back to {former:.3g}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
