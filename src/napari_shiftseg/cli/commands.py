"""The commands: what each is given, and the function that does it."""

from pathlib import Path
from typing import Annotated

import typer

from napari_shiftseg.cli import requests as ask
from napari_shiftseg.cli.options import Take, model_for, one_of, with_options
from napari_shiftseg.cli.requests import Asked, TrainingRequest
from napari_shiftseg.pipeline.settings import Candidates, Settings

WRITES = Take("overwrite", "json")


@with_options
def demo(
    *,
    output: ask.Folder = Path("demo_output"),
    settings: Annotated[Settings, Take("window", "device", window="20")],
    viewer: Annotated[bool, typer.Option(help="Open napari with the result.")] = True,
    asked: Annotated[Asked, WRITES],
) -> None:
    """Segment the disk sample naively and cropped, and compare."""
    from napari_shiftseg.cli.compare import run_demo

    run_demo(output, settings, viewer and not asked.json, asked)


@with_options
def figure(
    *,
    name: Annotated[
        str,
        typer.Argument(
            help="Of the paper's figure: 1, 2a-2c, 3, 4a-4f, 5, 6, 7, s1-s3, z; or all."
        ),
    ],
    output: ask.Folder = Path("figures"),
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of images/ and labels/, for 4d, 4e, 4f, 6 and 7, in place "
            "of synthetic nuclei.",
            metavar="FOLDER",
        ),
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option("--retrain", help="Train its networks anew, and write them too."),
    ] = False,
    settings: Annotated[Settings, Take("device")],
    asked: Annotated[Asked, WRITES],
) -> None:
    """Make a figure of the ICCV 2021 paper, and the numbers behind it."""
    from napari_shiftseg.cli.compare import run_figure

    run_figure(name, output, data, retrain, settings.device, asked)


@with_options
def segment(
    *,
    image: ask.Image,
    output: ask.Folder,
    model: ask.Model = None,
    settings: Settings,
    save: ask.Save = "labels",
    asked: Asked,
) -> None:
    """Segment an image; its labels become a TIFF with axes and pixel size."""
    from napari_shiftseg.cli.segment import run_segment

    run_segment(image, model_for(model, image), settings, output, save, asked)


@with_options
def mend(
    *,
    image: ask.Image,
    edits: Annotated[
        Path, typer.Option(help="JSON file of edits: merges, splits, deletions, ...")
    ],
    output: ask.Folder,
    model: ask.ModelOfEdits = None,
    settings: Settings,
    save: ask.Save = "labels",
    asked: Asked,
) -> None:
    """Segment an image and mend its objects by a list of edits; TIFFs as of segment.

    Model and clustering are those of the list, but for what is given here. Edits that
    can no longer act are left out, and of two that contradict the newer wins; both are
    told.
    """
    from napari_shiftseg.cli.segment import run_mend

    run_mend(image, model, edits, settings, output, save, asked)


@with_options
def compare(
    *,
    image: ask.Image,
    model: ask.Model = None,
    truth: ask.Truth = None,
    output: ask.Report = None,
    settings: Annotated[Settings, Take(but=("stitching",))],
    asked: Asked,
) -> None:
    """Compare naive and cropped stitching: figures, a verdict, a report.

    Seam ratio: how many times as much the embedding changes at tile borders as
    elsewhere; near the untiled one where there is no seam. False splits, false merges:
    true objects in pieces, and pieces that hold several. AP50: share of objects found,
    1 is all and nothing else.
    """
    from napari_shiftseg.cli.compare import run_compare

    run_compare(image, model_for(model, image), truth, settings, output, asked)


@with_options
def sweep(
    *,
    images: ask.Images,
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="SIZE,...",
            help="Tile sizes, 16,20,36 or 8x64x64,8x96x96. [4 a period, to 4 periods]",
        ),
    ] = None,
    model: ask.Model = None,
    truth: ask.Truths = None,
    output: ask.Report = None,
    settings: Annotated[Settings, Take(but=("window",), stitching="naive")],
    asked: Annotated[Asked, Take(but=("series",))],
) -> None:
    """Segment images at tile size after tile size, and score each."""
    from napari_shiftseg.cli.compare import run_sweep

    model = model_for(model, *images)
    run_sweep(images, model, window, truth or [], settings, output, asked)


@with_options
def evaluate(
    *,
    prediction: Annotated[
        Path, typer.Argument(help="Labels, or a folder of them as segment writes it.")
    ],
    place: ask.PlaceOfTruth = None,
    truth: ask.Truth = None,
    output: ask.Table = None,
    asked: Annotated[Asked, WRITES],
) -> None:
    """Score labels against true labels: AP50, false splits, false merges.

    What looks like a raw image or a mask (more than 10 connected parts an id) is
    scored as it is, and a note says so.
    """
    from napari_shiftseg.cli.evaluate import run_evaluate

    true = one_of(truth, place, "the truth")
    if true is None:
        raise typer.BadParameter("name the true labels with --truth")
    run_evaluate(prediction, true, output, asked)


@with_options
def inspect(
    *,
    image: Annotated[
        Path | None,
        typer.Argument(
            metavar="IMAGE",
            help="What each tile size costs on this image, or sample; without -m the "
            "name of a model may stand here.",
        ),
    ] = None,
    model: ask.Model = None,
    of_old: Annotated[Path | None, typer.Option("--image", hidden=True)] = None,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Tiled against untiled on the image [the disk sample]; "
            "exit status 1 unless tiles are exact.",
        ),
    ] = False,
    settings: Annotated[Settings, Take("device", "intensity", "invert", "ignore_nan")],
    asked: Annotated[Asked, Take("channel", "series", "json")],
) -> None:
    """Show what a model is, what its tiles cost, and whether they are exact."""
    from napari_shiftseg.cli.model import run_inspection, what_to_inspect

    chosen, subject = what_to_inspect(image, model, of_old)
    if not run_inspection(chosen, subject, settings, self_test, asked):
        raise typer.Exit(1)


@with_options
def models(*, asked: Annotated[Asked, Take("json")]) -> None:
    """List the models that are known by name: bundled, of figures, your own."""
    from napari_shiftseg.cli.model import run_models

    run_models(asked)


@with_options
def train(
    *,
    images: Annotated[Path | None, ask.OF_PAIRS] = None,
    place: ask.PlaceOfTruth = None,
    output: ask.ModelFile,
    truth: ask.Truth = None,
    request: TrainingRequest,
    settings: Annotated[Settings, Take("device", "intensity", "invert", "ignore_nan")],
    asked: Annotated[Asked, Take("channel", "json")],
) -> None:
    """Train a model on images and labels, or on a bundled sample.

    In labels, -1 is not known.
    """
    from napari_shiftseg.cli.train import run_training

    true = one_of(truth, place, "the truth")
    run_training(images, true, output, request, settings, asked)


@with_options
def tune(
    *,
    images: Annotated[Path, ask.OF_PAIRS],
    place: ask.PlaceOfTruth = None,
    truth: ask.Truth = None,
    model: ask.Model = None,
    candidates: Candidates,
    output: ask.Tuned = None,
    settings: Annotated[
        Settings, Take(but=("bandwidth", "min_size", "foreground_threshold"))
    ],
    asked: Annotated[Asked, Take(but=("series",))],
) -> None:
    """Choose bandwidth, minimum size and threshold by AP50 on images with labels.

    Every combination is tried, and the model's own; the best mean AP50 over the images
    wins.
    """
    from napari_shiftseg.cli.evaluate import run_tuning

    model = model_for(model, images)
    true = one_of(truth, place, "the truth")
    run_tuning(images, true, model, candidates, output, settings, asked)


@with_options
def export(
    *,
    place: ask.PlaceOfModel = None,
    model: ask.Model = None,
    output: ask.Folder,
    asked: Annotated[Asked, WRITES],
) -> None:
    """Write a model and its card (NAME.md) into a folder, to hand on."""
    from napari_shiftseg.cli.model import run_export

    chosen = one_of(model, place, "the model")
    if chosen is None:
        raise typer.BadParameter("name a model with -m")
    run_export(chosen, output, asked)
