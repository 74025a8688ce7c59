"""Run, Cancel, progress and outcome: the lower end of a widget that does long work."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

from magicgui.widgets import ProgressBar, PushButton
from napari.utils import cancelable_progress
from napari.utils.notifications import show_error, show_info
from psygnal import Signal
from qtpy.QtCore import QElapsedTimer
from qtpy.QtWidgets import QApplication

from napari_shiftseg.geometry.cost import time_text
from napari_shiftseg.gui.parts.intensity_choice import for_widgets
from napari_shiftseg.gui.parts.jobs import Job
from napari_shiftseg.gui.parts.keys import RUN, on_key, with_key
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows, is_open
from napari_shiftseg.gui.parts.text_boxes import dress, plainly, wrapped_label
from napari_shiftseg.progress import Share
from napari_shiftseg.text import percent, said_by

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from magicgui.widgets import Widget
    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.progress import Progress

    Steps = Generator[Progress, None, Any]


LEAST = 1.0  # seconds measured before a guess is made
COUNTED = {  # by the stage's last word
    "predicting": "tile", "training": "step", "parting": "parting block",
    "grouping": "grouping block", "drawing": "drawing part",
}  # fmt: skip


class TimeLeft:
    """Estimate from the tiles or steps done how long the others will take."""

    def __init__(self) -> None:
        self._restart(0, 0, "predicting")

    def _restart(self, done: int, total: int, stage: str) -> None:
        self._stage = stage
        self._first = self._last = done
        self._total = total
        self._began = perf_counter()

    def text(self, progress: Progress) -> str:
        """Return ``tile 212 of 441 · 5 s left``, or ``reading grey values · 45 %``."""
        done, total = progress.done, progress.total
        text = self._count(progress)
        if not text:
            return f"{progress.stage} …"
        is_same = (progress.stage, total) == (self._stage, self._total)
        if not is_same or done < self._last:  # fewer: tiles have been shrunk
            self._restart(done, total, progress.stage)
        self._last = done
        elapsed, measured = perf_counter() - self._began, done - self._first
        if elapsed > LEAST and measured:
            rest = elapsed / measured * (total - done)
            text += f" · {time_text(rest, '.0f')} left"
        return text

    def _count(self, progress: Progress) -> str:
        """Return how much is done; empty where that is not known."""
        part, _, last = progress.stage.rpartition(" ")
        if last in COUNTED and progress.total:
            counted = f"{COUNTED[last]} {progress.done:,} of {progress.total:,}"
            return f"{part} {counted}".lstrip()
        if isinstance(progress, Share):
            return f"{progress.stage} · {percent(progress.done / progress.total)}"
        return ""


INTERVAL = 0.2  # seconds between two updates


class Activity:
    """A cancelable bar in the activity dock.

    napari processes Qt's events whenever its bar changes, so that the next progress
    arrives within the update of this one: it is left out, and updates are rare.
    """

    def __init__(self) -> None:
        self._bar: cancelable_progress | None = None
        self._busy = self._closed = False
        self._last = 0.0

    @property
    def is_cancelled(self) -> bool:
        """Whether the user pressed the bar's cancel button."""
        return self._bar is not None and self._bar.is_canceled

    def show(self, progress: Progress) -> None:
        """Show what a run has done."""
        if self._busy or self._closed or perf_counter() - self._last < INTERVAL:
            return
        self._busy = True
        try:
            self._update(progress)
        finally:
            self._busy, self._last = False, perf_counter()

    def _update(self, progress: Progress) -> None:
        if self._bar is None:
            bar = cancelable_progress(total=progress.total, desc="ShiftSeg")
            if self._closed:  # the run ended while the bar was made
                bar.close()
                return
            self._bar = bar
        self._bar.total = progress.total
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        """Take the bar away for good."""
        self._closed = True
        bar, self._bar = self._bar, None
        if bar is not None:
            bar.close()


FAILED = "The run failed"
# of the button, while a run can be ended and after it was pressed, and the tooltip
CANCEL = ("Cancel", "Cancelling…", "End the run; the layers stay as they are")
STOP = ("Stop and keep the best", "Stopping…", "End the run and keep the best so far")
LEAVE = ("Cancel", "Cancelling…", "End the run; what is done is kept on disk")


class RunPanel(ControlRows):
    """A button that runs steps in a thread and then is Cancel, and what it tells.

    A failed or cancelled run leaves the layers as they were.

    Parameters
    ----------
    start : callable
        Returns the steps to run; called in the GUI thread when Run is pressed.
    done : callable
        Takes the steps' value, in the GUI thread; returns the result line and its
        kind ("note" or "warning").
    changed : callable
        Called whenever a run has begun or has ended.
    progressed : callable, optional
        Takes every `Progress`, in the GUI thread.
    caption, cancelled, tooltip : str
        Of the button; said after a run was cancelled; of the button while nothing runs.
    stop : callable, optional
        Asks the steps to end early with a value; without it they are cancelled.
    ending : tuple of str
        Of the button while there is a run: see `CANCEL`; of those with `stop` `STOP`.
    beside : sequence of Widget
        What stands in one row with the button, before it.
    further : Widget, optional
        Stands beside the result line of a run that has succeeded: what can be done
        with its outcome.
    is_of_use : callable
        Whether there is an outcome that `further` can do something with.

    Attributes
    ----------
    cancelled : str
        Said after a run was cancelled.
    failed : Signal
        Emitted with what is said after a run has failed.
    was_cancelled : Signal
        Emitted after a run was cancelled.
    """

    failed = Signal(str)
    was_cancelled = Signal()

    def __init__(
        self,
        start: Callable[[], Steps],
        done: Callable[[Any], tuple[str, str]],
        changed: Callable[[], None],
        progressed: Callable[[Progress], None] | None = None,
        caption: str = "Run",
        cancelled: str = "Cancelled: no layer was changed.",
        stop: Callable[[], None] | None = None,
        ending: tuple[str, str, str] | None = None,
        beside: Sequence[Widget] = (),
        further: Widget | None = None,
        is_of_use: Callable[[], bool] = lambda: True,
        tooltip: str = "",
    ) -> None:
        self._start, self._done, self._changed = start, done, changed
        self._on_progress = progressed
        self._caption, self._tooltip, self.cancelled = caption, tooltip, cancelled
        self._stop, self._ending = stop, ending or (STOP if stop else CANCEL)
        self._job: Job | None = None
        self._since_change = QElapsedTimer()  # of what the button does
        self._activity = Activity()
        self.button = PushButton(text=caption, tooltip=tooltip)
        self.bar = ProgressBar(visible=False)
        self.text = wrapped_label(visible=False)
        self.result = wrapped_label(visible=False)
        self._further, self._is_of_use = further, is_of_use
        first = ControlRow(*beside, self.button) if beside else self.button
        last = self.result
        if further is not None:
            last = ControlRow(self.result, further)
            further.visible = False
        super().__init__(first, self.bar, self.text, last)
        self.button.changed.connect(self._run_or_cancel)
        self.native.destroyed.connect(self._abandon)

    @property
    def is_running(self) -> bool:
        """Whether a run is under way."""
        return self._job is not None

    def allow(self, allowed: bool) -> None:
        """Enable or disable Run; a run under way can be cancelled in any case."""
        if not self.is_running:
            self.button.enabled = allowed

    def bind_key(self, owner: QWidget) -> None:
        """Let Ctrl+Return begin a run while the focus is in a widget.

        Parameters
        ----------
        owner : QWidget
            Its parts count.
        """
        self._tooltip = with_key(self._tooltip, RUN)
        self.button.tooltip = self._tooltip
        on_key(owner, RUN, self._run_by_key)

    def _run_by_key(self) -> None:
        """Begin a run, where the button would; a second press cancels nothing."""
        if self.button.enabled and not self.is_running:
            self.run()

    def call(self, caption: str) -> None:
        """Name what the button begins."""
        self._caption = caption
        if not self.is_running:
            self.button.text = caption

    def run(self) -> None:
        """Begin a run, unless one is under way."""
        if self.is_running:
            return
        try:
            steps = self._start()
        except ValueError as error:
            self._finish(said_by(error), "error")
        else:
            self.begin(steps, self._done)

    def begin(
        self,
        steps: Steps,
        done: Callable[[Any], tuple[str, str]],
        cancelled: str = "",
        failed: str = FAILED,
    ) -> None:
        """Begin other steps than Run's, unless a run is under way.

        Parameters
        ----------
        steps, done
            See `RunPanel`.
        cancelled, failed : str
            Said where they end so; the reason follows the latter.
        """
        if self.is_running:
            return
        self._failure = failed
        self._since_change.start()
        self._take = done
        self.forget()
        self._left, self._activity = TimeLeft(), Activity()
        self._job = Job(
            steps,
            on_progress=self._progressed,
            on_done=self._succeeded,
            on_failed=self._failed,
            on_cancelled=lambda: self._end_early(cancelled or self.cancelled),
            stop=self._stop,
        )
        self.button.text, _, self.button.tooltip = self._ending
        self._changed()

    def say(self, text: str, kind: str = "note") -> None:
        """Show a result line.

        Parameters
        ----------
        text : str
        kind : str
            "note", "warning" or "error".
        """
        self.result.value = text
        dress(self.result, kind, is_result=True)
        self.result.visible = True

    def forget(self) -> None:
        """Take the result line away, and what can be done: it is of another image."""
        self.result.visible = False
        self.offer_further(False)

    def offer_further(self, offered: bool) -> None:
        """Show or hide what can be done with the outcome, if there is such a thing."""
        if self._further is not None:
            self._further.visible = offered and self._is_of_use()

    def cancel(self) -> None:
        """Stop the run after the present tile."""
        if self._job is not None:
            self._job.cancel()
            self.button.text = self._ending[1]
            self.button.enabled = False

    def _run_or_cancel(self) -> None:
        if self._is_late():
            return
        self.cancel() if self.is_running else self.run()

    def _is_late(self) -> bool:
        """Whether a press was meant for what the button did a moment ago.

        The second one of a double click on Run would cancel the run; one on Cancel when
        the run has just ended would begin another.
        """
        interval = QApplication.doubleClickInterval()
        changed = self._since_change.isValid()
        return bool(changed and self._since_change.elapsed() < interval)

    def _progressed(self, progress: Progress) -> None:
        if not is_open(self.native):
            self._abandon()
            return
        self.bar.visible = self.text.visible = True
        self.bar.max = max(progress.total, 1)
        self.bar.value = progress.done
        self.text.value = self._left.text(progress)
        if progress.note:
            show_info(plainly(progress.note))
        if self._on_progress is not None:
            self._on_progress(progress)
        self._activity.show(progress)
        if self._activity.is_cancelled and self.button.enabled:
            self.cancel()

    def _succeeded(self, value: Any) -> None:
        try:
            line = self._take(value)
        except Exception as error:
            self._failed(error)
            raise
        self._finish(*line)
        if is_open(self.native):
            self.offer_further(True)

    def _failed(self, error: BaseException) -> None:
        text = for_widgets(said_by(error))
        self._finish(f"{self._failure}: {text}", "error")
        show_error(plainly(f"ShiftSeg: {text}"))
        self.failed.emit(text)

    def _end_early(self, text: str) -> None:
        self._finish(text)
        self.was_cancelled.emit()

    def _finish(self, text: str, kind: str = "note") -> None:
        if self.is_running:
            self._since_change.start()
        self._job = None
        self._activity.close()
        if not is_open(self.native):
            return
        self.button.text, self.button.tooltip = self._caption, self._tooltip
        self.bar.visible = self.text.visible = False
        self.offer_further(False)
        self.say(text, kind)
        self._changed()

    def _abandon(self) -> None:
        """Stop the run and touch no widget: the window is gone."""
        self._activity.close()
        if self._job is not None:
            self._job.abandon()
