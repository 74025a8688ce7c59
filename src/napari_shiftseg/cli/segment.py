"""The command ``segment``: one image, or a series, to files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.sources import read_source
from napari_shiftseg.cli.terminal import note, report_segmentation, with_progress
from napari_shiftseg.files.writing import KINDS, outputs_of, write_segmentation
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.report.folder import kept_if_used

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.files.reading import Source
    from napari_shiftseg.files.writing import Outputs
    from napari_shiftseg.pipeline.segmentation import Segmentation
    from napari_shiftseg.pipeline.settings import Settings


@dataclass(frozen=True)
class Taken:
    """What is taken of a file, and what is saved.

    Attributes
    ----------
    channel : str or None
        Number, from 1, or name.
    series : int or None
        Number, from 1.
    save : tuple of str
        Of labels, embedding, gradient.
    overwrite : bool
        Whether files of others may be replaced.
    """

    channel: str | None = None
    series: int | None = None
    save: tuple[str, ...] = KINDS[:1]
    overwrite: bool = False


def kinds_to_save(text: str) -> tuple[str, ...]:
    """Read what ``--save`` names: kinds separated by commas, or all.

    The labels are saved always.

    Raises
    ------
    ValueError
        If a kind is not known.
    """
    kinds = {kind.strip().lower() for kind in text.split(",")} - {""}
    unknown = kinds - {*KINDS, "all"}
    if unknown:
        raise ValueError(
            f"--save takes {', '.join(KINDS)} or all, separated by commas, got "
            f"{', '.join(sorted(unknown))!r}"
        )
    return tuple(kind for kind in KINDS if kind in kinds | {KINDS[0]} or "all" in kinds)


def safe_outputs(command: str, source: Source, folder: Path, taken: Taken) -> Outputs:
    """Name the files to write, before any work; another name than usual is said.

    Raises
    ------
    FileExistsError
        If one would replace a file that this very command did not write.
    """
    outputs = outputs_of(command, source, folder, taken.save, taken.overwrite)
    if outputs.name != source.name:
        note(
            f"{folder} has the results of another image {source.name}: those of this "
            f"one are called {outputs.name}"
        )
    return outputs


def run_segment(
    image: Path,
    model: str,
    settings: Settings,
    output: Path,
    taken: Taken,
    as_json: bool,
) -> None:
    """Segment an image, write the outcome and print it."""
    with kept_if_used(output) as folder:
        network = load_model(model)
        source = read_source(network.config, image, taken.channel, taken.series)
        outputs = safe_outputs("segment", source, folder, taken)
        result = with_progress(segment_steps(source.data, network, settings))
        report = write_segmentation(result, network, source, outputs)
    print_segmentation(result, report, folder, as_json)


def print_segmentation(
    result: Segmentation, report: dict[str, Any], folder: Path, as_json: bool
) -> None:
    """Print the outcome of a run, in words or as its report in JSON."""
    if as_json:
        for said in result.notes:
            note(said)
        print(json.dumps(report))
    else:
        report_segmentation(result, folder)
