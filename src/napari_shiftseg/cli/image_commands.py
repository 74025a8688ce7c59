"""Commands that read images: their arguments."""

from pathlib import Path
from typing import Annotated

import typer

from napari_shiftseg.cli.options import (
    Bandwidth,
    Batch,
    BorderOption,
    Channel,
    Device,
    ForegroundThreshold,
    IgnoreNan,
    Image,
    Intensity,
    Invert,
    Json,
    KernelOption,
    MinSize,
    Model,
    ModelOfEdits,
    OptionalOutput,
    Output,
    Overwrite,
    Save,
    ScopeOption,
    Series,
    SplitFarParts,
    StitchingOption,
    Window,
)
from napari_shiftseg.geometry.window import parse_window


def demo(
    output: Output = Path("demo_output"),
    window: Annotated[int, typer.Option(help="Tile size for naive stitching.")] = 20,
    device: Device = "auto",
    viewer: Annotated[bool, typer.Option(help="Open napari with the result.")] = True,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Segment the disk sample naively and cropped, and compare."""
    from napari_shiftseg.cli.compare import run_demo

    run_demo(output, window, device, viewer and not as_json, as_json, overwrite)


def figure(
    name: Annotated[
        str,
        typer.Argument(
            help="Of the paper's figure: 1, 2a-2c, 3, 4a-4f, 5, 6, 7, s1-s3, z; or all."
        ),
    ],
    output: Output = Path("figures"),
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
    device: Annotated[str, typer.Option(help="To train on: auto, cpu, cuda.")] = "auto",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Make a figure of the ICCV 2021 paper, and the numbers behind it."""
    from napari_shiftseg.cli.compare import run_figure

    run_figure(name, output, data, retrain, device, as_json, overwrite)


def segment(
    context: typer.Context,
    image: Image,
    output: Output,
    model: Model = None,
    window: Window = None,
    stitching: StitchingOption = "cropped",
    border: BorderOption = "mirror",
    device: Device = "auto",
    batch: Batch = None,
    bandwidth: Bandwidth = None,
    kernel: KernelOption = None,
    scope: ScopeOption = None,
    min_size: MinSize = None,
    split_far_parts: SplitFarParts = None,
    foreground_threshold: ForegroundThreshold = None,
    intensity: Intensity = "auto",
    invert: Invert = False,
    ignore_nan: IgnoreNan = False,
    channel: Channel = None,
    series: Series = None,
    save: Save = "labels",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Segment an image; its labels become a TIFF with axes and pixel size."""
    from napari_shiftseg.cli.options import model_for, settings_of
    from napari_shiftseg.cli.segment import Taken, kinds_to_save, run_segment

    taken = Taken(channel, series, kinds_to_save(save), overwrite)
    model = model_for(model, image)
    run_segment(image, model, settings_of(context), output, taken, as_json)


def mend(
    context: typer.Context,
    image: Image,
    edits: Annotated[
        Path, typer.Option(help="JSON file of edits: merges, splits, deletions, ...")
    ],
    output: Output,
    model: ModelOfEdits = None,
    window: Window = None,
    stitching: StitchingOption = "cropped",
    border: BorderOption = "mirror",
    device: Device = "auto",
    batch: Batch = None,
    bandwidth: Bandwidth = None,
    kernel: KernelOption = None,
    scope: ScopeOption = None,
    min_size: MinSize = None,
    split_far_parts: SplitFarParts = None,
    foreground_threshold: ForegroundThreshold = None,
    intensity: Intensity = "auto",
    invert: Invert = False,
    ignore_nan: IgnoreNan = False,
    channel: Channel = None,
    series: Series = None,
    save: Save = "labels",
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Segment an image and mend its objects by a list of edits; TIFFs as of segment.

    Model and clustering are those of the list, but for what is given here. Edits that
    cannot act any more are left out, and where two contradict each other the newer
    wins; both are said.
    """
    from napari_shiftseg.cli.options import settings_of
    from napari_shiftseg.cli.segment import Taken, kinds_to_save, run_mend

    taken = Taken(channel, series, kinds_to_save(save), overwrite)
    run_mend(image, model, edits, settings_of(context), output, taken, as_json)


def compare(
    image: Image,
    window: Annotated[
        str | None,
        typer.Option(help="Tile size (window), 20 or 24x96x96. [trained with]"),
    ] = None,
    model: Model = None,
    truth: Annotated[
        Path | None, typer.Option(help="True labels. [a sample's own]")
    ] = None,
    border: BorderOption = "mirror",
    device: Device = "auto",
    batch: Batch = None,
    bandwidth: Bandwidth = None,
    output: OptionalOutput = None,
    intensity: Intensity = "auto",
    invert: Invert = False,
    ignore_nan: IgnoreNan = False,
    channel: Channel = None,
    series: Series = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Compare naive and cropped stitching: figures, a verdict, a report.

    Seam ratio: how many times as much the embedding changes at tile borders as
    elsewhere; near the untiled one where there is no seam. False splits, false merges:
    true objects in pieces, and pieces that hold several. AP50: share of objects found,
    1 is all and nothing else.
    """
    from napari_shiftseg.cli.compare import run_compare
    from napari_shiftseg.cli.options import model_for
    from napari_shiftseg.intensity.scale import parse_intensity
    from napari_shiftseg.pipeline.settings import Settings

    settings = Settings(
        window=_window(window), border=border, device=device, batch=batch,
        bandwidth=bandwidth, intensity=parse_intensity(intensity), invert=invert,
        ignore_nan=ignore_nan,
    )  # fmt: skip
    run_compare(
        image, model_for(model, image), truth, settings, output, as_json, channel,
        series, overwrite,
    )  # fmt: skip


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
    model: Model = None,
    truth: Annotated[
        list[Path] | None,
        typer.Option(help="True labels, once an image. [a sample's own]"),
    ] = None,
    stitching: StitchingOption = "naive",
    border: BorderOption = "mirror",
    device: Device = "auto",
    output: OptionalOutput = None,
    intensity: Intensity = "auto",
    invert: Invert = False,
    ignore_nan: IgnoreNan = False,
    channel: Channel = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Segment images at tile size after tile size, and score each."""
    from napari_shiftseg.cli.compare import run_sweep
    from napari_shiftseg.cli.options import model_for
    from napari_shiftseg.intensity.scale import parse_intensity
    from napari_shiftseg.pipeline.settings import Settings

    settings = Settings(
        stitching=stitching, border=border, device=device,
        intensity=parse_intensity(intensity), invert=invert, ignore_nan=ignore_nan,
    )  # fmt: skip
    model = model_for(model, *images)
    run_sweep(
        images, model, windows, truth or [], settings, output, as_json, channel,
        overwrite,
    )  # fmt: skip


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
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Score labels against true labels: AP50, false splits, false merges.

    What looks like a raw image or a mask (more than 10 connected parts an id) is
    scored as it is, and a note says so.
    """
    from napari_shiftseg.cli.evaluate import run_evaluate

    run_evaluate(prediction, truth, output, as_json, overwrite)


def _window(text: str | None) -> int | tuple[int, ...] | None:
    return None if text is None else parse_window(text)
