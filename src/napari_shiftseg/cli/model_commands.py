"""Commands about models: their arguments."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from napari_shiftseg.cli.options import (
    Channel,
    Device,
    IgnoreNan,
    Intensity,
    Invert,
    Json,
    Model,
    Output,
    Overwrite,
    Series,
)

Precision = Literal["float32", "bfloat16"]


def inspect(
    model: Annotated[
        str | None,
        typer.Argument(
            help="Bundled or own model, or .safetensors file. "
            "[with --image: the sample's own, else nuclei]"
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option(help="What each tile size costs on this image, or sample."),
    ] = None,
    channel: Channel = None,
    series: Series = None,
    device: Device = "auto",
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Tiled against untiled on the image [the disk sample]; "
            "exit status 1 unless tiles are exact.",
        ),
    ] = False,
    intensity: Intensity = "auto",
    invert: Invert = False,
    ignore_nan: IgnoreNan = False,
    as_json: Json = False,
) -> None:
    """Show what a model is, what its tiles cost, and whether they are exact."""
    from napari_shiftseg.cli.model import run_inspection
    from napari_shiftseg.cli.options import model_for, reading_of

    if model is None and image is None:
        raise typer.BadParameter("name a MODEL, or an image with --image")
    model = model_for(model, *([image] if image else []))
    reading = reading_of(intensity, invert, ignore_nan)
    if not run_inspection(
        model, image, device, self_test, as_json, channel, series, reading
    ):
        raise typer.Exit(1)


def train(
    output: Annotated[Path, typer.Option("-o", "--output", help=".safetensors file.")],
    images: Annotated[
        Path | None, typer.Argument(help="Image or folder of images, or a sample.")
    ] = None,
    labels: Annotated[
        Path | None,
        typer.Argument(
            help="True labels, or a folder; -1: not known. [a sample's own]"
        ),
    ] = None,
    validate: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            metavar="IMAGES LABELS", help="To validate on. [every tenth image]"
        ),
    ] = None,
    sample: Annotated[
        str | None, typer.Option(help="As the bundled disk models: disks, disks-16.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(help="Model to begin with (fine-tuning). [none]")
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(
            help="Output window the loss sees, above the period. "
            "[largest that fits, to 244 in 2-D; sample: 20]"
        ),
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="[15000; 300 where --start learns corrections]")
    ] = None,
    depth: Annotated[
        str | None, typer.Option(help="Poolings, 4 or 2x3x3. [4; 3 in 3-D]")
    ] = None,
    features: Annotated[
        int | None, typer.Option(help="Channels at the finest level. [16]")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="Channels of the embedding. [16]")
    ] = None,
    normalization: Annotated[
        str | None, typer.Option(help="batch or none. [batch]")
    ] = None,
    batch: Annotated[int, typer.Option(help="Windows a step.")] = 1,
    learning_rate: Annotated[
        float | None,
        typer.Option(help="Peak. [0.002; of corrections: 0.0005; sample: 0.001]"),
    ] = None,
    precision: Annotated[
        Precision, typer.Option(help="bfloat16 is faster where the device has it.")
    ] = "float32",
    every: Annotated[
        int, typer.Option(help="Steps between validations and saved states.")
    ] = 1000,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after so many validations without a better one."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of weights and windows.")] = 0,
    workers: Annotated[int, typer.Option(help="Processes that read images.")] = 0,
    device: Device = "auto",
    channel: Channel = None,
    intensity: Intensity = "auto",
    invert: Invert = False,
    ignore_nan: IgnoreNan = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that was stopped.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Take a window below the period, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a model on images and labels, or on a bundled sample."""
    from napari_shiftseg.cli.options import reading_of
    from napari_shiftseg.cli.train import Asked, run_training
    from napari_shiftseg.geometry.window import parse_window

    network = {
        "depth": depth and parse_window(depth), "features": features,
        "embedding_channels": channels, "normalization": normalization,
    }  # fmt: skip
    asked = Asked(
        output=output, sample=sample, images=images, labels=labels,
        validate=validate, start=start,
        window=None if window is None else parse_window(window), steps=steps,
        batch=batch, learning_rate=learning_rate, precision=precision,
        every=every, patience=patience, seed=seed, workers=workers, device=device,
        resume=resume, channel=channel, force=force,
        reading=reading_of(intensity, invert, ignore_nan),
        command=shlex.join(["shiftseg", *sys.argv[1:]]),
        network={name: v for name, v in network.items() if v is not None},
    )  # fmt: skip
    run_training(asked, as_json)


def tune(
    images: Annotated[
        Path, typer.Argument(help="Image or folder of images, or a sample.")
    ],
    labels: Annotated[
        Path | None, typer.Argument(help="True labels, or a folder. [a sample's own]")
    ] = None,
    model: Model = None,
    bandwidths: Annotated[
        str | None, typer.Option(help="To try. [0.5,0.7,1,1.5]")
    ] = None,
    min_sizes: Annotated[
        str | None, typer.Option(help="To try, in pixels. [10,20,40]")
    ] = None,
    thresholds: Annotated[
        str | None,
        typer.Option(help="Foreground probabilities to try. [0.3,0.5,0.7]"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help=".safetensors file, tuned. [none]"),
    ] = None,
    device: Device = "auto",
    channel: Channel = None,
    intensity: Intensity = "auto",
    invert: Invert = False,
    ignore_nan: IgnoreNan = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Choose bandwidth, minimum size and threshold by AP50 on images with labels.

    Every combination is tried, and the model's own; the best mean AP50 over the images
    wins.
    """
    from napari_shiftseg.cli.evaluate import read_candidates, run_tuning
    from napari_shiftseg.cli.options import model_for
    from napari_shiftseg.intensity.scale import parse_intensity
    from napari_shiftseg.pipeline.settings import Settings

    model = model_for(model, images)
    candidates = read_candidates(bandwidths, min_sizes, thresholds)
    settings = Settings(
        device=device, intensity=parse_intensity(intensity), invert=invert,
        ignore_nan=ignore_nan,
    )  # fmt: skip
    run_tuning(
        images, labels, model, candidates, output, settings, as_json, channel, overwrite
    )


def export(
    model: Annotated[
        str, typer.Argument(help="Bundled or own model, or .safetensors file.")
    ],
    output: Output,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write a model and its card (NAME.md) into a folder, to hand on."""
    from napari_shiftseg.cli.model import run_export

    run_export(model, output, as_json, overwrite)
