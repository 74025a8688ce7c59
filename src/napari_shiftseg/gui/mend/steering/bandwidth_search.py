"""The bandwidth that agrees with the marked objects, and ways back."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from magicgui.widgets import Container, PushButton

from napari_shiftseg.geometry.words import percent
from napari_shiftseg.gui.mend.steering.knobs import LINE
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
    """Buttons that find the bandwidth, and go back to the former or to the run's.

    Parameters
    ----------
    knobs : Knobs
        That are turned.
    say : callable
        Takes what the user should read, and its kind.
    unsay : callable
        Takes what was said and is no longer so.

    Attributes
    ----------
    find, back, as_run : PushButton
    steering : Steering or None
        Of the labels that are chosen.
    """

    def __init__(
        self,
        knobs: Knobs,
        say: Callable[[str, str], None],
        unsay: Callable[[str], None],
    ) -> None:
        self._knobs, self._say, self._unsay = knobs, say, unsay
        self.steering: Steering | None = None
        self._former: float | None = None
        self._turning = False
        self._found = ""  # what was said of the bandwidth
        self.find = PushButton(
            text="Find the bandwidth",
            tooltip=fill(
                "Try bandwidths, and take the one whose objects agree best with those "
                "marked as right.", LINE,
            ),
        )  # fmt: skip
        self.back = PushButton(text="Back", tooltip="Take the former bandwidth again.")
        self.as_run = PushButton(
            text="As in the run",
            tooltip=fill(
                "Take the settings that the objects were first made with.", LINE
            ),
        )
        super().__init__(
            widgets=[self.find, self.as_run, self.back],
            layout="horizontal", labels=False,
        )  # fmt: skip
        self.margins = (0, 0, 0, 0)
        self.back.visible = False
        self.back.changed.connect(self._go_back)
        self.as_run.changed.connect(self._go_to_run)
        knobs.turned.connect(self._turned)

    def choose(self, steering: Steering | None) -> None:
        """Search on other labels: there is no way back to those before."""
        self.steering = steering
        self._found = ""
        self._offer(None)
        self.follow()

    def follow(self) -> None:
        """Let the user go back to the run's settings where the knobs differ from it."""
        self.as_run.enabled = self.steering is not None and self._differs_from_run()

    def _differs_from_run(self) -> bool:
        try:
            return self._knobs.clustering != self.steering.kept.clustering
        except ValueError:  # a value that no clustering has
            return True

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
        stays = best.bandwidth == best.present
        self._offer(None if stays else best.present)
        self._tell(f"{_stays(best) if stays else _changes(best)}{_as_good(best)}")

    def _go_back(self) -> None:
        former = self._former
        if former is not None:
            self._turn(former)
            self._offer(None)
            self._tell(f"Bandwidth {former:.3g}, as before.")

    def _go_to_run(self) -> None:
        steering = self.steering
        if steering is not None:
            kept = steering.kept
            self._knobs.go_to(kept.clustering, kept.has_foreground)

    def _tell(self, text: str) -> None:
        """Say what holds until a knob is turned."""
        self._found = text
        self._say(text, "note")

    def _turn(self, bandwidth: float) -> None:
        self._turning = True
        try:
            self._knobs.use({"bandwidth": bandwidth})
        finally:
            self._turning = False

    def _turned(self) -> None:
        if not self._turning:
            self._offer(None)
            self._unsay(self._found)
            self._found = ""
        self.follow()

    def _offer(self, former: float | None) -> None:
        self._former = former
        self.back.visible = former is not None
        if former is not None:
            self.back.text = f"Back to {former:.3g}"


def _stays(best: BestBandwidth) -> str:
    return (
        f"Bandwidth {best.bandwidth:.3g} stays, the best of those tried: the objects "
        f"marked agree by {percent(best.agreement)} (mean IoU)"
    )


def _changes(best: BestBandwidth) -> str:
    return (
        f"Bandwidth {best.bandwidth:.3g} (it was {best.present:.3g}): the objects "
        f"marked agree by {percent(best.agreement)} (mean IoU), before "
        f"{percent(best.before)}"
    )


def _as_good(best: BestBandwidth) -> str:
    """Say which bandwidths agree equally; none: only the best."""
    low, high = (f"{end:.3g}" for end in best.as_good)
    return "." if low == high else f"; anything from {low} to {high} is as good."
