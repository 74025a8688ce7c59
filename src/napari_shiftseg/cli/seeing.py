"""Commands that show what an embedding sees: boundaries, and random colours."""

from pathlib import Path
from typing import Annotated

import typer

from napari_shiftseg.cli import options as ask
from napari_shiftseg.cli.options import Asked, Order, Take, one_of
from napari_shiftseg.cli.usual_model import model_for
from napari_shiftseg.pipeline.settings import OF_SEGMENT, Settings

OF_OBJECTS = (
    *OF_SEGMENT,
    "scope",
    "min_size",
    "split_far_parts",
    "foreground_threshold",
)
OF_EMBEDDING = ("bandwidth", "kernel", *OF_OBJECTS)
ReadoutFile = Annotated[
    Path | None,
    typer.Option("--readout", help=".json file of shiftseg readout. [none]"),
]
Evidence = Annotated[
    Path | None, typer.Option("-o", "--output", help=".tif file of the evidence.")
]


def _boundaries(
    *,
    image: ask.Image,
    output: Evidence = None,
    model: ask.Model = None,
    readout: ReadoutFile = None,
    truth: ask.Truth = None,
    tolerance: Annotated[
        float, typer.Option(help="Pixels within which a boundary is right.")
    ] = 2.0,
    settings: Annotated[Settings, Take(but=OF_OBJECTS)],
    asked: Asked,
) -> None:
    """Find boundaries: the embedding's gradient, or a read-out of several gradients.

    With --truth it is scored: precision, recall and F at the best threshold.
    """
    from napari_shiftseg.cli.boundaries import run_boundaries

    if output is None and truth is None:
        raise typer.BadParameter("name a file with -o, or true labels with --truth")
    order = Order(settings, asked, model_for(model, image))
    run_boundaries(image, output, readout, truth, tolerance, order)


def _readout(
    *,
    images: Annotated[Path, ask.OF_PAIRS],
    place: ask.PlaceOfTruth = None,
    truth: ask.Truth = None,
    output: Annotated[Path, typer.Option("-o", "--output", help=".json file.")],
    model: ask.Model = None,
    settings: Annotated[Settings, Take(but=OF_OBJECTS)],
    asked: Annotated[Asked, Take(but=("series",))],
) -> None:
    """Fit the read-out of boundaries to images with true labels.

    A logistic regression on gradients of the embedding, smoothed and grouped, and of
    the foreground. Take images that the model was not trained on.
    """
    from napari_shiftseg.cli.boundaries import run_readout

    order = Order(settings, asked, model_for(model, images))
    run_readout(images, one_of(truth, place, "the truth"), output, order)


def _colours(
    *,
    image: ask.Image,
    output: Annotated[
        Path, typer.Option("-o", "--output", help=".tif or .png file, in colours.")
    ],
    model: ask.Model = None,
    seed: Annotated[int, typer.Option(help="Of the projection; another, others.")] = 0,
    settings: Annotated[Settings, Take(but=OF_EMBEDDING)],
    asked: Asked,
) -> None:
    """Show the embedding of an image as colours: three random directions of it."""
    from napari_shiftseg.cli.boundaries import run_colours

    run_colours(image, output, seed, Order(settings, asked, model_for(model, image)))


SEEING = (_boundaries, _readout, _colours)
