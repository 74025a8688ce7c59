"""The command ``segment`` where its output is a zarr store."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_shiftseg.cli.terminal import note, read_source, with_progress
from napari_shiftseg.distributed.crew import crew_of
from napari_shiftseg.distributed.journal import Journal, unfinished
from napari_shiftseg.distributed.order import StoreOrder
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.distributed.table import table_beside
from napari_shiftseg.geometry.advice import summary
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_shiftseg.cli.options import Order, Storing


OPTIONS = {  # what errors name as Python does, as this command does
    "the same again with resume=True": "the same command again with --resume",
    "resume=True": "--resume",
    "overwrite=True": "--overwrite",
    "another name": "another name with -o",
    'device="cpu" and engine="torch"': "--device cpu --engine torch",
}
KEPT = "stopped; what was done is kept: give the same command again with --resume"
NOTHING_KEPT = (
    "stopped before the first block was done, so the work begins anew: give the same "
    "command again with --resume"
)


def run_segment_to_store(
    image: Path, output: Path, order: Order, kinds: tuple[str, ...], storing: Storing
) -> None:
    """Segment an image into a zarr store, block by block, and print figures.

    Parameters
    ----------
    image, output, order, storing
        See ``shiftseg segment --help``.
    kinds : tuple of str
        Of labels, embedding, gradient.
    """
    model = load_model(order.model)
    source = read_source(model.config, image, order.asked, lazily=True)
    given = {"save": ",".join(kinds), "chunk": storing.chunk}
    given |= {**order.given["given"], "float16": storing.float16}
    wanted = StoreOrder(
        source, model, order.settings, output.resolve(), storing.chunk, kinds,
        storing.float16, given=given,
    )  # fmt: skip
    with _in_options(wanted), crew_of(storing.workers or 1, storing.scheduler) as crew:
        report = with_progress(
            segment_to_store_steps(wanted, crew, storing.resume, order.asked.overwrite),
            "step",
        )
    if order.asked.json:
        print(json.dumps(report))
        return
    said = [text for text in report["notes"] if text not in source.notes]
    print(summary(wanted.plan), *said, sep="\n")
    print(f"a table of the objects is in {table_beside(output)}")
    print(
        f"{number_of(report['objects'], 'object')} in {report['seconds']:.1f} s, "
        f"written to {output}"
    )


@contextmanager
def _in_options(order: StoreOrder) -> Iterator[None]:
    """Let errors name options; say how to go on where the run is interrupted."""
    try:
        yield
    except (ValueError, OSError) as error:
        if len(error.args) != 1 or not isinstance(error.args[0], str):
            raise
        said = error.args[0]
        for python, option in OPTIONS.items():
            said = said.replace(python, option)
        raise type(error)(said) from None
    except KeyboardInterrupt:
        journal = Journal(unfinished(order.target))
        if journal.is_there:
            note(KEPT if journal.keeps else NOTHING_KEPT)
        raise
