"""The commands ``proposals`` and ``confidence``: likely objects, to files."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.terminal import (
    check_model_file,
    note,
    print_table,
    read_frame,
    with_progress,
)
from napari_shiftseg.detection.confidence import read_confidence, save_confidence
from napari_shiftseg.detection.proposals import (
    learning_steps,
    proposal_steps,
    stacked,
    table_of,
)
from napari_shiftseg.inference.views import check_turns
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.report.figures_of_merit import Table, cell, write_csv
from napari_shiftseg.stores.axes import result_axes
from napari_shiftseg.stores.folders import (
    Run,
    kept_if_used,
    refuse_to_overwrite,
    sums_of,
    written_by,
)
from napari_shiftseg.stores.pixel_files import label_dtype, write_pixels
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.stores.writing import inputs_of
from napari_shiftseg.text import number_of
from napari_shiftseg.training.pairs import name_of, read_pairs

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.cli.options import Order
    from napari_shiftseg.detection.proposals import Proposal
    from napari_shiftseg.detection.settings import Pooling
    from napari_shiftseg.stores.reading import Source


SHOWN = 10  # rows on the terminal
STACK = "T"  # axis of the images that keep overlapping proposals apart
ABOUT = "The label of a proposal is its rank; images keep apart those that overlap."


def run_proposals(
    image: Path,
    output: Path,
    number: int,
    pooling: Pooling,
    confidence: Path | None,
    viewer: bool,
    order: Order,
) -> None:
    """Propose objects of an image, write the outcome and print it.

    Parameters
    ----------
    image, output, number, pooling, confidence, viewer, order
        See ``shiftseg proposals --help``.
    """
    judge = read_confidence(confidence) if confidence else read_confidence()
    network, asked = load_model(order.model), order.asked
    with kept_if_used(output) as folder:
        source = read_frame(network.config, image, asked)
        check_turns(order.settings.views, source.pixel)
        files = _Files(folder, source, asked.overwrite)
        files.refuse_others()
        proposals = with_progress(
            proposal_steps(
                source.data, network, order.settings, number, pooling, judge
            ),
            unit="step",
        )  # fmt: skip
        shape = source.data.shape[-network.config.ndim :]
        report = files.write(
            proposals,
            shape,
            {
                "model": network.config.name,
                "image": source.name,
                "confidence": str(confidence) if confidence else judge.model,
                "settings": asdict(order.settings),
                "pooling": asdict(pooling),
                "number": number,
                **order.given,
            },
        )
    if network.config.name != judge.model:
        note(
            f"the confidence was learnt of objects of the model {judge.model}, not of "
            f"{network.config.name}, so it need not hold: learn one with shiftseg "
            f"confidence, and give it with --confidence"
        )
    if asked.json:
        print(json.dumps(report, allow_nan=False))
    else:
        _print_proposals(proposals, folder)
    if viewer:
        _show(source, proposals, shape)


class _Files:
    """A stack of labels, a table and a record, none of which may be lost."""

    def __init__(self, folder: Path, source: Source, overwrite: bool) -> None:
        self._source, self._overwrite = source, overwrite
        self._run = Run("proposals", inputs_of(source))
        begin = f"{source.name}_proposals"
        self.record, self.stack, self.table = (
            folder / f"{begin}{suffix}" for suffix in (".json", ".tif", ".csv")
        )

    @property
    def _all(self) -> tuple[Path, ...]:
        return self.record, self.stack, self.table

    def refuse_others(self) -> None:
        """Refuse to replace what this very run did not write."""
        own = written_by(self._run, self.record)
        refuse_to_overwrite(self._all, own, self._overwrite)

    def write(
        self,
        proposals: list[Proposal],
        shape: tuple[int, ...],
        about: dict[str, Any],
    ) -> dict[str, Any]:
        """Write all of them together; return what the record says."""
        self.refuse_others()  # again: the run may have taken long
        source, table = self._source, table_of(proposals, len(shape))
        own = result_axes(source.axes, len(shape), len(shape))
        axes = STACK + own.replace(STACK, "Z")  # time read as a third axis of space
        with all_or_none(self._all) as (record, stack, rows):
            pixels = label_dtype(stacked(proposals, shape))
            write_pixels(stack, pixels, axes, source.calibration, ABOUT)
            lines = tuple(zip(*table.values(), strict=True))
            write_csv(rows, Table(tuple(table), lines))
            written = {self.stack.name: stack, self.table.name: rows}
            report = {
                **about,
                **self._run.about(),
                "proposals": len(proposals),
                "table": table,
                "files": {"labels": str(self.stack), "table": str(self.table)},
                **sums_of(self._run, self.record, written),
            }
            text = json.dumps(report, indent=2, allow_nan=False)
            record.write_text(text, encoding="utf-8")
        return report


def _print_proposals(proposals: list[Proposal], folder: Path) -> None:
    if not proposals:
        print(f"no object is proposed: no grouping found one. Files are in {folder}")
        return
    print_table(
        ["rank", "score", "area", "bandwidth", "agreement"],
        [
            [str(rank), *map(cell, (p.score, p.area, p.bandwidth, p.agreement))]
            for rank, p in enumerate(proposals[:SHOWN], start=1)
        ],
    )
    print(f"{number_of(len(proposals), 'proposal')}, written to {folder}")


def _show(source: Source, proposals: list[Proposal], shape: tuple[int, ...]) -> None:
    """Open napari with the image and its proposals, where napari is installed."""
    if find_spec("napari") is None:
        note("napari is not installed: pip install 'napari-shiftseg[all]' to look")
        return
    from napari_shiftseg.gui.proposals import show_proposals

    show_proposals(source.data, proposals, shape)


def run_confidence(
    images: Path, truth: Path | None, output: Path, pooling: Pooling, order: Order
) -> None:
    """Learn a confidence of a model's objects, write it and print what it is.

    Parameters
    ----------
    images, truth, output, pooling, order
        See ``shiftseg confidence --help``.
    """
    asked = order.asked
    check_model_file(output, asked.overwrite)
    network = load_model(order.model)
    samples = read_pairs(images, truth, asked.channel, note)
    steps = learning_steps(samples, network, order.settings, pooling)
    learnt = with_progress(steps, unit="step")
    save_confidence(learnt, output)
    report = {
        "file": str(output),
        "model": learnt.model,
        "of": name_of(images),
        "images": len(samples),
        "objects": learnt.objects,
        "features": list(learnt.names),
        "settings": asdict(order.settings),
        **order.given,
    }
    if asked.json:
        print(json.dumps(report, allow_nan=False))
        return
    objects = number_of(learnt.objects, "object")
    print(f"learnt from {objects} of {number_of(len(samples), 'image')}: {output}")
