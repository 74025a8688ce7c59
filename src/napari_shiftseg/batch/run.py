"""Many images to files: one after the other, or several at once."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from napari_shiftseg.batch.again import left_over
from napari_shiftseg.batch.finding import JOURNAL, items_of
from napari_shiftseg.batch.image import Models, item_steps
from napari_shiftseg.batch.journal import BatchJournal
from napari_shiftseg.batch.order import BatchOutcome, BatchProgress, BatchRow
from napari_shiftseg.batch.tables import Written, written_steps
from napari_shiftseg.distributed.crew import crew_of
from napari_shiftseg.distributed.journal import Journal
from napari_shiftseg.distributed.passes import unless_left
from napari_shiftseg.distributed.workers import computing
from napari_shiftseg.progress import Returning, exhaust
from napari_shiftseg.stores.folders import kept_if_used

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from napari_shiftseg.batch.finding import Item
    from napari_shiftseg.batch.order import BatchOrder

    Step = BatchProgress | BatchRow


def batch_steps(
    order: BatchOrder, page: Callable[[BatchOutcome], str] | None = None
) -> Generator[Step, None, BatchOutcome]:
    """Segment many images; yields `BatchProgress`, and a row as soon as one ended.

    An image that fails is named in its row, and the rest goes on. Who closes the
    generator, or is killed, loses the image that is worked on: ``resume`` goes on. The
    tables of all images are written at the end; where the generator is closed, or
    Ctrl-C comes, those of what is done.

    Parameters
    ----------
    order : BatchOrder
    page : callable, optional
        Takes the outcome and gives a page, in HTML, that is written with the tables;
        see `batch_page`.

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no image, or no such model.
    BlockingIOError
        If another process works in the same output.
    OSError
        If the output cannot be written, or the disk is full.
    """
    began, journal = perf_counter(), BatchJournal(order.output)
    items = items_of(order.inputs, order.output, journal.names)
    work = Work(order, tuple(items), Models(order))
    _refuse_what_fails_all(work)
    with kept_if_used(order.output), held(order.output):
        written = Written(order)
        written.refuse_others(item.source for item in items)
        is_simple = order.workers == 1 and order.scheduler is None
        rows: dict[int, BatchRow] = {}
        working = _one_by_one if is_simple else _at_once
        try:
            yield from working(work, rows)
        except (GeneratorExit, KeyboardInterrupt):
            _write_what_is_done(work, rows, perf_counter() - began, page)
            raise
        done = BatchProgress(len(rows), len(rows), stage="writing tables")
        yield done
        outcome = _outcome(work, rows, perf_counter() - began)
        return (yield from written_steps(written, outcome, done, page))


def _outcome(work: Work, rows: dict[int, BatchRow], seconds: float) -> BatchOutcome:
    order = work.order
    lost = left_over(work.items, BatchJournal(order.output).rows())
    return BatchOutcome(order, tuple(rows[n] for n in sorted(rows)), {}, seconds, lost)


def _write_what_is_done(
    work: Work,
    rows: dict[int, BatchRow],
    seconds: float,
    page: Callable[[BatchOutcome], str] | None,
) -> None:
    """Write the tables of a batch that is left: of images done now, or before.

    What keeps them from being written is not said: the batch is left for another
    reason, and ``resume`` writes them.
    """
    journal = BatchJournal(work.order.output)
    for number, item in enumerate(work.items):
        known = None if number in rows else journal.there(item)
        if known is not None:
            rows[number] = replace(known, status="skipped")
    if rows:
        now = BatchProgress(len(rows), len(work.items), stage="writing tables")
        written, outcome = Written(work.order), _outcome(work, rows, seconds)
        with suppress(OSError, ValueError):
            exhaust(written_steps(written, outcome, now, page))


def _refuse_what_fails_all(work: Work) -> None:
    """Refuse a model that cannot be read, and settings that go with no image."""
    order = work.order
    if order.scheduler is None:
        computing(order.settings)
    if order.model:
        _, model, _ = work.models.of(work.items[0].source)
        order.settings.clustering(model.config)


@dataclass(frozen=True)
class Work:
    """What is worked on: a worker of a cluster gets it once."""

    order: BatchOrder
    items: tuple[Item, ...]
    models: Models

    def progress(self, number: int, **more: Any) -> BatchProgress:
        """Return how far a batch is whose images are worked on one by one."""
        return BatchProgress(
            number, len(self.items), name=self.items[number].key, **more
        )


def _one_by_one(work: Work, rows: dict[int, BatchRow]) -> Generator[Step, None, None]:
    """Work on one image after the other; their rows are put where they belong."""
    for number, item in enumerate(work.items):
        yield work.progress(number)
        steps = Returning(item_steps(item, work.order, work.models))
        for now in steps:
            yield work.progress(number, note=now.note, stage=now.stage, within=now)
        rows[number] = steps.value
        yield steps.value


def _at_once(work: Work, rows: dict[int, BatchRow]) -> Generator[Step, None, None]:
    """Work on several images at once; rows come in the order in which they end."""
    order, total = work.order, len(work.items)
    ended: list[tuple[int, BatchRow]] = []
    with crew_of(order.workers, order.scheduler) as crew:
        crew.computes(order.settings)  # refuses workers that differ by rounding
        function = partial(_work_on, watch=crew.watch) if crew.watch else _work_on
        sizes = dict.fromkeys(range(total), 1)
        steps = crew.steps(function, work, sizes, "segmenting", follow=ended.append)
        for now in steps:
            while ended:
                number, row = ended.pop(0)
                rows[number] = row
                yield row
            yield BatchProgress(now.done, total, now.note, now.stage)


def _work_on(
    work: Work, number: int, watch: Callable[[int, int], bool] | None = None
) -> tuple[int, BatchRow]:
    """Work on one image, as a worker does."""
    steps = item_steps(work.items[number], work.order, work.models)
    return number, unless_left(steps, number, watch)


@contextmanager
def held(output: Path) -> Iterator[None]:
    """Hold a folder of results against other processes.

    Parameters
    ----------
    output : Path

    Raises
    ------
    BlockingIOError
        If another one works in it.
    """
    try:
        with Journal(output / JOURNAL).held():
            yield
    except BlockingIOError:
        raise BlockingIOError(
            f"another batch is at work in {output}: wait until it has ended, or stop it"
        ) from None
