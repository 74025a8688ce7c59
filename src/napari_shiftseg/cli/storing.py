"""The command ``segment`` where its output is a zarr store."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from napari_shiftseg.cli.terminal import read_source, with_progress
from napari_shiftseg.distributed.crew import crew_of
from napari_shiftseg.distributed.order import StoreOrder
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.geometry.advice import summary
from napari_shiftseg.networks.unet import load_model
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.cli.options import Order, Storing


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
    wanted = StoreOrder(
        source, model, order.settings, output.resolve(), storing.chunk, kinds,
        storing.float16,
    )  # fmt: skip
    with crew_of(storing.workers or 1, storing.scheduler) as crew:
        report = with_progress(
            segment_to_store_steps(wanted, crew, storing.resume, order.asked.overwrite),
            "step",
        )
    if order.asked.json:
        print(json.dumps(report))
        return
    print(summary(wanted.plan), *report["notes"], sep="\n")
    print(
        f"{number_of(report['objects'], 'object')} in {report['seconds']:.1f} s, "
        f"written to {output}"
    )
