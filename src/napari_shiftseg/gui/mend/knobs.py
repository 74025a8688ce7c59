"""The knobs of the clustering: each turn re-labels."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Any

from magicgui.widgets import FloatSlider, PushButton
from psygnal import Signal

from napari_shiftseg.clustering.settings import KNOBS, Clustering, kernels_like
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.gui.parts.layout import (
    ControlForm,
    ControlRow,
    control_of,
    nearest,
)
from napari_shiftseg.pipeline.glossary import terms
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.text import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from napari_shiftseg.gui.mend.layers import RightMarks
    from napari_shiftseg.gui.mend.steering import Steering
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.progress import Progress
    from napari_shiftseg.relabelling.bandwidth import BestBandwidth
    from napari_shiftseg.relabelling.relabel import Kept


REACH = 4.0  # times the bandwidth that the slider reaches
FINEST = 100  # steps of the slider in a bandwidth
STEP = 0.01  # of a probability
LINE = 60  # characters of a tooltip; Qt breaks no plain text


class Knobs(ControlForm):
    """Bandwidth, foreground threshold, minimum size, kernel, split far parts.

    Where objects are parts of a foreground, of these those that say something to it,
    and the prominence.

    Attributes
    ----------
    turned : Signal
        Emitted when the user turned one; not by `take`.
    """

    turned = Signal()

    def __init__(self) -> None:
        self.bandwidth = FloatSlider(
            value=1, min=1 / FINEST, max=REACH, label="Bandwidth"
        )
        self.prominence = FloatSlider(
            value=1, min=1 / FINEST, max=REACH, label="Prominence"
        )
        known = terms(Settings)
        ends = known["foreground_threshold"].bounds
        self.foreground_threshold = FloatSlider(
            value=0.5, min=ends["gt"] + STEP, max=ends["lt"] - STEP, step=STEP,
            label="Foreground above",
        )  # fmt: skip
        self.min_size = control_of(known["min_size"])
        self.kernel = control_of(known["kernel"], label="Kernel")
        self.split_far_parts = control_of(
            known["split_far_parts"], text="Split far parts"
        )
        self._taken = Clustering()
        self._turned: dict[str, Any] = {}
        self._taking = False
        self._knobs = {
            "bandwidth": self.bandwidth,
            "prominence": self.prominence,
            "foreground_threshold": self.foreground_threshold,
            "min_size": self.min_size,
            "kernel": self.kernel,
            "split_far_parts": self.split_far_parts,
        }
        size = ControlRow(self.min_size, self.split_far_parts, label="Minimum size")
        super().__init__(
            self.bandwidth, self.prominence, self.foreground_threshold, size,
            self.kernel,
        )  # fmt: skip
        size.tooltip = fill(known["min_size"].meaning, LINE)
        for name, knob in self._knobs.items():
            knob.tooltip = fill(known[name].meaning, LINE)
            knob.native.setToolTip(knob.tooltip)  # also beside a slider
            knob.changed.connect(lambda value, name=name: self._turn(name, value))

    def take(self, clustering: Clustering, has_foreground: bool) -> None:
        """Show a clustering; the sliders reach as far as is of use for it.

        Parameters
        ----------
        clustering : Clustering
        has_foreground : bool
            Whether the model predicts one: else there is no threshold to turn.
        """
        self._taken, self._turned = clustering, {}
        self._taking = True
        try:
            _let_reach(self.bandwidth, clustering.bandwidth)
            _let_reach(self.prominence, clustering.prominence)
            self.kernel.choices = kernels_like(clustering.kernel)
            for name, knob in self._knobs.items():
                knob.value = nearest(knob, getattr(clustering, name))
            said = KNOBS[clustering.method]
            for name in ("bandwidth", "prominence", "kernel", "split_far_parts"):
                self._knobs[name].visible = name in said
            self.foreground_threshold.visible = has_foreground
        finally:
            self._taking = False

    def use(self, values: Mapping[str, Any]) -> None:
        """Turn several knobs at once, by the names of `Clustering`.

        A knob shows what it can of a value beyond its ends.
        """
        self._taking = True
        try:
            for name in self._knobs.keys() & values.keys():
                self._knobs[name].value = nearest(self._knobs[name], values[name])
        finally:
            self._taking = False
        self._turned |= values
        self.turned.emit()

    @property
    def clustering(self) -> Clustering:
        """What the knobs say; one that was not turned says what was taken, exactly."""
        return Clustering.model_validate(self._taken.model_dump() | self._turned)

    @property
    def has_bandwidth(self) -> bool:
        """Whether objects are made by one."""
        return "bandwidth" in KNOBS[self._taken.method]

    def _turn(self, name: str, value: Any) -> None:
        if not self._taking:
            self._turned[name] = value
            self.turned.emit()


def _let_reach(slider: FloatSlider, h: float) -> None:
    """Let a slider go from a hundredth to several times a value, and stand there."""
    slider.range = (min(h / FINEST, slider.min), max(REACH * h, slider.max))
    slider.value = h  # in both ranges
    slider.range = (h / FINEST, REACH * h)
    slider.step = h / FINEST


class BandwidthSearch(ControlRow):
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
        self.back = PushButton(text="Back", tooltip="Go back to the bandwidth before.")
        self.as_run = PushButton(
            text="As in the run",
            tooltip=fill(
                "Take the settings that the objects were first made with.", LINE
            ),
        )
        super().__init__(self.find, self.as_run, self.back)
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
        steering = self.steering
        self.find.visible = self._knobs.has_bandwidth
        self.as_run.enabled = steering is not None and self._differ_from(steering.kept)

    def _differ_from(self, run: Kept) -> bool:
        try:
            return bool(self._knobs.clustering != run.clustering)
        except ValueError:  # a value that no clustering has
            return True

    def seek(self, steering: Steering, position: Point, right: RightMarks) -> None:
        """Try bandwidths on a frame of the labels chosen, and take the best.

        Parameters
        ----------
        steering : Steering
        position : tuple of int
            Of the frame.
        right : RightMarks
            Objects that are right.
        """
        marked = right.frame(position)
        if marked is None:
            self._say("Mark objects as right in the plane that is shown.", "error")
            return

        def steps() -> Generator[Progress, None, BestBandwidth]:
            from napari_shiftseg.relabelling.bandwidth import best_bandwidth_steps

            frame = steering.clustered(position)
            return best_bandwidth_steps(frame.relabelling, frame.clustering, marked)

        def use(best: BestBandwidth) -> None:
            if steering is self.steering:  # else the knobs are those of other labels
                self._use(best)

        self._say("Trying bandwidths…", "note")
        steering.add(FrameTask(steps, use, frame=position))

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
            self._knobs.take(kept.clustering, kept.has_foreground)
            self._knobs.turned.emit()

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
        f"Bandwidth {best.bandwidth:.3g} stays, the best of those tried: the "
        f"marked objects agree by {percent(best.agreement)} (mean IoU)"
    )


def _changes(best: BestBandwidth) -> str:
    return (
        f"Bandwidth {best.bandwidth:.3g} (it was {best.present:.3g}): the "
        f"marked objects agree by {percent(best.agreement)} (mean IoU), before "
        f"{percent(best.before)}"
    )


def _as_good(best: BestBandwidth) -> str:
    """Say which bandwidths agree equally; none: only the best."""
    low, high = (f"{end:.3g}" for end in best.as_good)
    return "." if low == high else f"; anything from {low} to {high} is as good."
