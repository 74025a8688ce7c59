"""The program ``shiftseg``: a command translates arguments and calls one function."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from napari_shiftseg.geometry.tiling import Border, Stitching
from napari_shiftseg.model.config import Kernel, Scope

app = typer.Typer(
    name="shiftseg",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

EXPECTED = (ValueError, OSError, MemoryError, FloatingPointError)

Image = Annotated[
    Path, typer.Argument(help="TIFF or .npy image, or the name of a sample.")
]
Model = Annotated[
    str, typer.Option("-m", "--model", help="Bundled model, or a .safetensors file.")
]
Window = Annotated[
    str | None,
    typer.Option(help="Tile size (window) in pixels, 20 or 24x96x96. [cheapest]"),
]
StitchingOption = Annotated[Stitching, typer.Option(help="How tiles are joined.")]
BorderOption = Annotated[Border, typer.Option(help="What stands beyond the image.")]
KernelOption = Annotated[
    Kernel | None, typer.Option(help="Of the mean shift. [the model's]")
]
ScopeOption = Annotated[
    Scope | None, typer.Option(help="One mean shift for all, or one a component.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Folder for the files.")]
OptionalOutput = Annotated[
    Path | None, typer.Option("-o", "--output", help="Folder for the report. [none]")
]
Batch = Annotated[int | None, typer.Option(help="Tiles at once.")]
Bandwidth = Annotated[
    float | None, typer.Option(help="Of the mean shift. [the model's]")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object only.")]


def main() -> None:
    """Run the program; bad input ends with one line and exit status 2."""
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except typer.TyperException as error:  # wrong arguments
        _fail(error.format_message())
    except (typer.Abort, KeyboardInterrupt):
        print("shiftseg: stopped", file=sys.stderr)
        sys.exit(130)
    except EXPECTED as error:
        _fail(_one_line(error))
    sys.exit(status or 0)


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"shiftseg {metadata.version('napari-shiftseg')}")
        raise typer.Exit


@app.callback()
def shiftseg(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Segment images tile by tile without seams, and see the seams."""


@app.command()
def demo(
    output: Output = Path("demo_output"),
    window: Annotated[int, typer.Option(help="Tile size for naive stitching.")] = 20,
    device: Device = "auto",
    viewer: Annotated[bool, typer.Option(help="Open napari with the result.")] = True,
    as_json: Json = False,
) -> None:
    """Segment the disk sample naively and cropped, and compare."""
    from napari_shiftseg.cli.demo import run_demo

    run_demo(output, window, device, viewer and not as_json, as_json)


@app.command()
def segment(
    image: Image,
    output: Output,
    model: Model = "disks",
    window: Window = None,
    stitching: StitchingOption = "cropped",
    border: BorderOption = "mirror",
    device: Device = "auto",
    batch: Batch = None,
    bandwidth: Bandwidth = None,
    kernel: KernelOption = None,
    scope: ScopeOption = None,
    min_size: Annotated[
        int | None, typer.Option(help="Drop objects of fewer pixels.")
    ] = None,
    split_far_parts: Annotated[
        bool | None, typer.Option(help="Parts that do not touch are objects.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Segment an image; labels, embedding and gradient magnitude become TIFFs."""
    from napari_shiftseg.cli.files import (
        read_image,
        write_segmentation,
    )
    from napari_shiftseg.cli.terminal import report_segmentation, with_progress
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.pipeline.segmentation import segment_steps
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.report.folder import writable_folder

    folder = writable_folder(output)
    settings = Settings(
        window=_window(window), stitching=stitching, border=border, device=device,
        batch=batch, bandwidth=bandwidth, kernel=kernel, scope=scope,
        min_size=min_size, split_far_parts=split_far_parts,
    )  # fmt: skip
    network = load_model(model)
    source = read_image(image)
    result = with_progress(segment_steps(source.data, network, settings))
    if as_json:
        for note in result.notes:
            print(note, file=sys.stderr)
    report = write_segmentation(result, network, source, folder)
    _print(report, as_json, lambda: report_segmentation(result, folder))


@app.command()
def compare(
    image: Image,
    window: Annotated[
        str | None,
        typer.Option(help="Tile size (window), 20 or 24x96x96. [trained with]"),
    ] = None,
    model: Model = "disks",
    truth: Annotated[
        Path | None, typer.Option(help="True labels. [a sample's own]")
    ] = None,
    border: BorderOption = "mirror",
    device: Device = "auto",
    batch: Batch = None,
    bandwidth: Bandwidth = None,
    output: OptionalOutput = None,
    as_json: Json = False,
) -> None:
    """Compare naive and cropped stitching: figures, a verdict, a report."""
    from napari_shiftseg.cli.compare import run_compare
    from napari_shiftseg.pipeline.settings import Settings

    settings = Settings(
        window=_window(window), border=border, device=device, batch=batch,
        bandwidth=bandwidth,
    )  # fmt: skip
    run_compare(image, model, truth, settings, output, as_json)


@app.command()
def sweep(
    images: Annotated[
        list[Path],
        typer.Argument(metavar="IMAGE...", help="Images, or names of samples."),
    ],
    windows: Annotated[
        str | None,
        typer.Option(
            help="Tile sizes, 16,20,36 or 8x64x64,8x96x96. [4 a period, to 4 periods]"
        ),
    ] = None,
    model: Model = "disks",
    truth: Annotated[
        list[Path] | None,
        typer.Option(help="True labels, once an image. [a sample's own]"),
    ] = None,
    stitching: StitchingOption = "naive",
    border: BorderOption = "mirror",
    device: Device = "auto",
    output: OptionalOutput = None,
    as_json: Json = False,
) -> None:
    """Segment images at tile size after tile size, and score each."""
    from napari_shiftseg.cli.sweep import run_sweep
    from napari_shiftseg.pipeline.settings import Settings

    settings = Settings(stitching=stitching, border=border, device=device)
    run_sweep(images, model, windows, truth or [], settings, output, as_json)


@app.command()
def evaluate(
    prediction: Annotated[
        Path, typer.Argument(help="Labels, or a folder of them as segment writes it.")
    ],
    truth: Annotated[
        Path, typer.Argument(help="True labels, or a folder; or the name of a sample.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help=".csv file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score labels against true labels: AP50, false splits, false merges."""
    from napari_shiftseg.cli.evaluate import run_evaluate

    run_evaluate(prediction, truth, output, as_json)


@app.command()
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
    from napari_shiftseg.cli.inspection import inspect_model, print_inspection

    found = inspect_model(model, image, device, self_test)
    _print(found.report(), as_json, lambda: print_inspection(found))
    if found.self_test is not None and not found.self_test.passed:
        raise typer.Exit(1)


@app.command()
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

    report = run_training(sample, output, window, steps, seed, device)
    words = f"{report['model']}: loss {report['loss']:.3g}, written to {output}"
    _print(report, as_json, lambda: print(words))


def _window(text: str | None) -> int | tuple[int, ...] | None:
    from napari_shiftseg.geometry.window import parse_window

    return None if text is None else parse_window(text)


def _print(report: dict[str, Any], as_json: bool, in_words: Any) -> None:
    if as_json:
        print(json.dumps(report))
    else:
        in_words()


def _one_line(error: BaseException) -> str:
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        return f"{name}: {message}, got {first['input']!r}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error)


def _fail(message: str) -> NoReturn:
    print(f"shiftseg: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(2)
