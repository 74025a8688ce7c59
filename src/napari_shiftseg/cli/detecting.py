"""The commands of what is found in an image, as they are called."""

from pathlib import Path
from typing import Annotated

import typer

from napari_shiftseg.cli import options as ask
from napari_shiftseg.cli.options import Asked, Order, Take, one_of
from napari_shiftseg.cli.usual_model import model_for
from napari_shiftseg.detection.settings import NUMBER, Pooling
from napari_shiftseg.pipeline.settings import OF_SEGMENT, Settings


def proposals(
    *,
    image: ask.Image,
    output: ask.Folder,
    model: ask.Model = None,
    number: Annotated[
        int, typer.Option("-n", "--number", help="How many at most.")
    ] = NUMBER,
    pooling: Pooling,
    confidence: Annotated[
        Path | None,
        typer.Option(
            help=".safetensors file of the command confidence. [that of nuclei]"
        ),
    ] = None,
    viewer: Annotated[
        bool, typer.Option("--viewer", help="Open napari with the result.")
    ] = False,
    settings: Annotated[Settings, Take(but=("bandwidth", *OF_SEGMENT))],
    asked: Asked,
) -> None:
    """Propose objects at several bandwidths, as a table and labels that are ranks."""
    from napari_shiftseg.cli.proposals import run_proposals

    order = Order(settings, asked, model_for(model, image))
    run_proposals(image, output, number, pooling, confidence, viewer, order)


def confidence(
    *,
    images: Annotated[Path, ask.OF_PAIRS],
    place: ask.PlaceOfTruth = None,
    output: ask.ModelFile,
    truth: ask.Truth = None,
    model: ask.Model = None,
    pooling: Pooling,
    settings: Annotated[Settings, Take(but=("bandwidth", *OF_SEGMENT))],
    asked: Annotated[Asked, Take(but=("series",))],
) -> None:
    """Learn how well the objects of a model fit true ones, to rank proposals.

    Take images with labels that the model was not trained on.
    """
    from napari_shiftseg.cli.proposals import run_confidence

    order = Order(settings, asked, model_for(model, images))
    true = one_of(truth, place, "the truth")
    run_confidence(images, true, output, pooling, order)


DETECTING = (proposals, confidence)
