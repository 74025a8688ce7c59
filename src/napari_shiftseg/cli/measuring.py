"""The commands on labels that are there, as they are called."""

from pathlib import Path
from typing import Annotated

import typer

from napari_shiftseg.cli import options as ask
from napari_shiftseg.cli.options import Asked, Take

OF_LABELS = "Labels of any program: TIFF, PNG, .npy, OME-Zarr, or a sample."
Labels = Annotated[Path, typer.Argument(metavar="LABELS", help=OF_LABELS)]
TableFile = Annotated[Path, typer.Option("-o", "--output", help=".csv file.")]


def measure(
    *,
    labels: Labels,
    image: Annotated[
        Path | None,
        typer.Argument(metavar="IMAGE", help="Whose grey values are measured. [none]"),
    ] = None,
    more: Annotated[list[Path] | None, typer.Argument(hidden=True)] = None,
    output: TableFile,
    spacing: Annotated[
        str | None,
        typer.Option(
            "--spacing",
            metavar="SIZE",
            help="µm from pixel to pixel, 0.5 or 2x0.5x0.5. [as the files say]",
        ),
    ] = None,
    axes: Annotated[
        str | None,
        typer.Option(
            "--axes",
            metavar="LETTERS",
            help="Of the labels: T (frames) and P (planes) have objects of their own, "
            "then ZYX or YX. [as the file says]",
        ),
    ] = None,
    solidity: Annotated[
        bool,
        typer.Option(help="Measure it; of volumes it takes most of the time."),
    ] = True,
    asked: Asked,
) -> None:
    """Measure the objects of a label image: area, place, shape, grey values, as CSV."""
    from napari_shiftseg.cli.tables import MeasureOrder, run_measure

    order = MeasureOrder(spacing, axes, solidity, tuple(more or ()))
    run_measure(labels, image, output, order, asked)


def differences(
    *,
    one: Annotated[Path, typer.Argument(metavar="A", help=OF_LABELS)],
    other: Annotated[Path, typer.Argument(metavar="B", help="Others of that image.")],
    output: ask.Folder,
    iou: Annotated[
        float,
        typer.Option(help="Above this intersection over union two are the same."),
    ] = 0.5,
    asked: Annotated[Asked, Take("overwrite", "json")],
) -> None:
    """Compare two label images: objects matched, split, merged, in one alone.

    It writes a table with a row for each pair, and of 2-D labels their outlines.
    """
    from napari_shiftseg.cli.tables import run_differences

    run_differences(one, other, output, iou, asked)


MEASURING = (measure, differences)
