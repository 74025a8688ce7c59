"""Commands about models: their arguments."""

from pathlib import Path
from typing import Annotated

import typer

from napari_shiftseg.cli.options import Device, Json


def inspect(
    model: Annotated[str, typer.Argument(help="Bundled model or .safetensors file.")],
    image: Annotated[
        Path | None,
        typer.Option(help="What each tile size costs on this image, or sample."),
    ] = None,
    device: Device = "auto",
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Tiled against untiled on the image [the disk sample]; "
            "exit status 1 unless tiles are exact.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show what a model is, what its tiles cost, and whether they are exact."""
    from napari_shiftseg.cli.inspection import run_inspection

    if not run_inspection(model, image, device, self_test, as_json):
        raise typer.Exit(1)


def train(
    sample: Annotated[str, typer.Option(help="Sample to train on: disks, disks-16.")],
    output: Annotated[Path, typer.Option("-o", "--output", help=".safetensors file.")],
    window: Annotated[int, typer.Option(help="Output window the loss sees.")] = 20,
    steps: Annotated[int | None, typer.Option(help="Training steps. [15000]")] = None,
    seed: Annotated[int, typer.Option(help="Of weights and windows.")] = 0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Train a model on a bundled sample."""
    from napari_shiftseg.cli.train import run_training

    run_training(sample, output, window, steps, seed, device, as_json)
