"""The commands that bring models in and hand them on, as they are called."""

from pathlib import Path
from typing import Annotated

import typer

from napari_shiftseg.cli import options as ask
from napari_shiftseg.cli.options import WRITES, Asked, one_of


def _import(
    *,
    weights: Annotated[
        Path,
        typer.Argument(
            metavar="WEIGHTS", help=".pt, .pth or .safetensors file of a state dict."
        ),
    ],
    architecture: Annotated[
        Path,
        typer.Argument(
            metavar="CONFIG", help="YAML file: architecture, arguments, ..."
        ),
    ],
    output: ask.ModelFile,
    asked: Annotated[Asked, WRITES],
) -> None:
    """Join weights that others trained with their architecture, in one file.

    No code of the weights is run. What is missing, unexpected or of another size is
    listed; the file is opened again and must predict the same.
    """
    from napari_shiftseg.cli.exchange import run_import

    run_import(weights, architecture, output, asked)


def _export(
    *,
    place: ask.PlaceOfModel = None,
    model: ask.NamedModel = None,
    output: ask.Folder,
    bioimageio: Annotated[
        bool,
        typer.Option("--bioimageio", help="Write a BioImage.IO package, NAME.zip."),
    ] = False,
    author: Annotated[
        list[str] | None,
        typer.Option(help="Named in the package; may be repeated. [unknown]"),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option("--license", help="Of the weights, an SPDX name. [CC-BY-4.0]"),
    ] = None,
    torchscript: Annotated[
        bool,
        typer.Option("--torchscript", help="Put TorchScript in, too, beside ONNX."),
    ] = False,
    asked: Annotated[Asked, WRITES],
) -> None:
    """Write a model and its card (NAME.md) into a folder, to hand on.

    With --bioimageio it is a package that other programs run.
    """
    from napari_shiftseg.cli.exchange import Package, run_export, run_package

    chosen = one_of(model, place, "the model")
    if chosen is None:
        raise typer.BadParameter("name a model with -m")
    if bioimageio:
        run_package(chosen, output, Package(author, licence, torchscript), asked)
    elif author or licence or torchscript:
        raise typer.BadParameter(
            "--author, --license and --torchscript are of a package: add --bioimageio"
        )
    else:
        run_export(chosen, output, asked)


EXCHANGING = (_import, _export)
