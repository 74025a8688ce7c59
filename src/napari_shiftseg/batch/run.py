"""Many images to files: one after the other, whatever becomes of each."""

from __future__ import annotations

import errno
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from napari_shiftseg.batch.finding import items_of
from napari_shiftseg.batch.image import Models, image_steps
from napari_shiftseg.batch.journal import BatchJournal, state_of_image
from napari_shiftseg.batch.order import BatchOutcome, BatchProgress, BatchRow
from napari_shiftseg.batch.tables import write_failures, write_summary
from napari_shiftseg.progress import Returning
from napari_shiftseg.stores.folders import writable_folder
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.text import in_words

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_shiftseg.batch.finding import Item
    from napari_shiftseg.batch.order import BatchOrder
    from napari_shiftseg.progress import Progress

FULL = (errno.ENOSPC, errno.EDQUOT)  # no other image would fit either


def batch_steps(
    order: BatchOrder,
) -> Generator[BatchProgress | BatchRow, None, BatchOutcome]:
    """Segment many images; yields `BatchProgress`, and a row as soon as one ended.

    An image that fails is named in its row, and the rest goes on. Who closes the
    generator, or is killed, loses the image that is worked on: ``resume`` goes on.

    Parameters
    ----------
    order : BatchOrder

    Raises
    ------
    FileNotFoundError, ValueError
        If there is no image, or no such model.
    OSError
        If the output cannot be written, or the disk is full.
    """
    began, journal = perf_counter(), BatchJournal(order.output)
    models = Models(order)
    items = items_of(order.inputs, order.output, journal.names)
    if order.model:
        models.of(items[0].source)  # a model that cannot be read fails all of them
    writable_folder(order.output)
    rows: list[BatchRow] = []
    for number, item in enumerate(items):
        row = yield from _item_steps(item, number, len(items), order, models)
        rows.append(row)
        yield row
    files = _write_tables(order.output, rows)
    return BatchOutcome(tuple(rows), files, perf_counter() - began)


def _item_steps(
    item: Item, number: int, total: int, order: BatchOrder, models: Models
) -> Generator[BatchProgress, None, BatchRow]:
    """Work on one image, unless it is done; what goes wrong is said in its row."""
    journal = BatchJournal(order.output)
    yield BatchProgress(number, total, name=item.key)
    try:
        if order.resume:
            _, _, own_hash = models.of(item.source)
            known = journal.done(item, own_hash)
            if known is not None:
                return replace(known, status="skipped")
        state = state_of_image(item.source)
        steps: Returning[Progress, BatchRow]
        steps = Returning(image_steps(item, order, models))
        for progress in steps:
            yield BatchProgress(
                number, total, progress.note, progress.stage, item.key, progress
            )
        journal.record(item, steps.value, state)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise
        said = in_words(error)
        return BatchRow(item.source, item.key, "failed", item.condition, said)
    return steps.value


def _write_tables(output: Path, rows: list[BatchRow]) -> dict[str, Path]:
    names = {"summary": "summary.csv", "failures": "failures.csv"}
    files = {kind: output / name for kind, name in names.items()}
    with all_or_none(list(files.values())) as (summary, failures):
        write_summary(summary, rows)
        write_failures(failures, rows)
    return files
