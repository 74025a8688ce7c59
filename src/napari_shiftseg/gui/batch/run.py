"""A batch as a widget follows it: rows as they come, the image under way, all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from magicgui.widgets import ProgressBar

from napari_shiftseg.geometry.cost import time_text
from napari_shiftseg.gui.parts.layout import ControlRows
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.progress import Progress, Returning
from napari_shiftseg.text import number_of, visible

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from napari_shiftseg.batch.order import (
        BatchOrder,
        BatchOutcome,
        BatchProgress,
        BatchRow,
    )

    Step = BatchProgress | BatchRow


OVERWRITE = "choose another folder, or add --overwrite to replace it"
ELSEWHERE = "choose another folder for the results"
ANEW = "overwrite (--overwrite) segments anew"
ELSEWHERE_ANEW = "with another folder for the results it is segmented anew"
BY_OPTION = "choose one by number or name (channel, --channel)"
IN_SEGMENT = (
    "open one image in Segment, show its channel, and press “Use these settings for a "
    "folder…” there"
)
IN_WORDS = {OVERWRITE: ELSEWHERE, ANEW: ELSEWHERE_ANEW, BY_OPTION: IN_SEGMENT}
OFTEN = 0.05  # seconds from one step of an image that is told to the next


@dataclass(frozen=True, slots=True)
class ImageProgress(Progress):
    """Progress of one image, and how many of the batch have ended."""

    name: str = ""
    ended: int = 0
    of: int = 0


@dataclass(frozen=True, slots=True)
class RowEnded(Progress):
    """An image has ended: its row."""

    row: BatchRow | None = None


def followed(
    order: BatchOrder,
) -> Generator[Progress, None, BatchOutcome]:
    """Pass on what a batch does, a few times a second; every row, in any case.

    Parameters
    ----------
    order : BatchOrder
    """
    yield Progress(0, 0, stage="beginning")
    from napari_shiftseg.batch.order import BatchRow
    from napari_shiftseg.batch.run import batch_steps
    from napari_shiftseg.report.batch_page import batch_page

    returning, name, told = Returning(batch_steps(order, batch_page)), "", 0.0
    for step in _in_words(returning):
        if isinstance(step, BatchRow):
            row = replace(step, error=in_widget_words(step.error))
            yield RowEnded(1, 1, stage=f"{visible(step.name)}: done", row=row)
            continue
        now = perf_counter()
        if step.name == name and now - told < OFTEN:
            continue
        name, told, within = step.name, now, step.within
        stage = f"{visible(name)}: {within.stage if within else 'reading'}"
        done, total = (within.done, within.total) if within else (0, 0)
        yield ImageProgress(done, total, "", stage, name, step.done, step.total)
    return returning.value


def _in_words(steps: Iterable[Step]) -> Iterator[Step]:
    """Pass steps on; an error says what to do in the widget, not in a command."""
    try:
        yield from steps
    except FileExistsError as error:
        raise FileExistsError(in_widget_words(str(error))) from None


def in_widget_words(error: str) -> str:
    """Say what to do in the widget, where an error names options of the command.

    Parameters
    ----------
    error : str
    """
    for said, here in IN_WORDS.items():
        error = error.replace(said, here)
    return error


class FilesBar(ControlRows):
    """How many images of a batch have ended, and how long the others will take."""

    def __init__(self) -> None:
        self.bar = ProgressBar()
        self.text = wrapped_label()
        super().__init__(self.bar, self.text)
        self.visible = False
        self._began, self._computed = 0.0, 0

    def begin(self) -> None:
        """Count from now on."""
        self._began, self._computed = perf_counter(), 0

    def ended(self, row: BatchRow) -> None:
        """Count an image; one that was done before took no time."""
        self._computed += row.status != "skipped"

    def show_progress(self, progress: ImageProgress) -> None:
        """Show how many have ended.

        Parameters
        ----------
        progress : ImageProgress
        """
        self.visible = True
        self.bar.max, self.bar.value = max(progress.of, 1), progress.ended
        text = f"image {progress.ended + 1:,} of {progress.of:,}"
        if self._computed:
            each = (perf_counter() - self._began) / self._computed
            text += f" · {time_text(each * (progress.of - progress.ended), '.0f')} left"
        self.text.value = text


def outcome_text(rows: list[BatchRow]) -> str:
    """Say what became of all images, in a line.

    Parameters
    ----------
    rows : list of BatchRow
    """
    counted = [row for row in rows if row.status != "failed"]
    failed, before = len(rows) - len(counted), _number(rows, "skipped")
    objects = number_of(sum(row.objects for row in counted), "object")
    said = [f"{objects} in {number_of(len(counted), 'image')}"]
    if before:
        said.append(f"{before:,} of them done before")
    if failed:
        said.append(f"{failed:,} failed: select one to read why")
    if counted and not any(row.objects for row in counted):
        said.append("no image has objects: try one in Segment")
    return " · ".join(said)


def _number(rows: list[BatchRow], status: str) -> int:
    return sum(row.status == status for row in rows)
