"""Many images to files: one after the other, or several at once."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from napari_shiftseg.batch.finding import JOURNAL, items_of
from napari_shiftseg.batch.image import Models, item_steps
from napari_shiftseg.batch.journal import BatchJournal
from napari_shiftseg.batch.order import BatchOutcome, BatchProgress, BatchRow
from napari_shiftseg.batch.tables import Written, written_steps
from napari_shiftseg.distributed.crew import crew_of
from napari_shiftseg.distributed.journal import Journal
from napari_shiftseg.distributed.passes import unless_left
from napari_shiftseg.distributed.workers import computing
from napari_shiftseg.progress import Returning
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
    tables of all images are written at the end.

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
        rows = yield from (_one_by_one(work) if is_simple else _at_once(work))
        done = BatchProgress(len(rows), len(rows), stage="writing tables")
        yield done
        outcome = BatchOutcome(order, tuple(rows), {}, perf_counter() - began)
        return (yield from written_steps(written, outcome, done, page))


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


def _one_by_one(work: Work) -> Generator[Step, None, list[BatchRow]]:
    rows: list[BatchRow] = []
    for number, item in enumerate(work.items):
        yield work.progress(number)
        steps = Returning(item_steps(item, work.order, work.models))
        for now in steps:
            yield work.progress(number, note=now.note, stage=now.stage, within=now)
        rows.append(steps.value)
        yield steps.value
    return rows


def _at_once(work: Work) -> Generator[Step, None, list[BatchRow]]:
    """Work on several images at once; rows come in the order in which they end."""
    order, total = work.order, len(work.items)
    rows: dict[int, BatchRow] = {}
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
    return [rows[number] for number in range(total)]


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
