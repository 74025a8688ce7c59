"""Arguments and options that commands share."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from napari_shiftseg.clustering.settings import Kernel, Scope
from napari_shiftseg.geometry.axis_plan import Border, Stitching
from napari_shiftseg.geometry.window import parse_window
from napari_shiftseg.intensity.scale import Reading, parse_intensity
from napari_shiftseg.networks.header import SUFFIX
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import SAMPLES, usual_model
from napari_shiftseg.stores.folders import refuse_to_overwrite, writable_folder
from napari_shiftseg.stores.reading import is_sample


def check_model_file(path: Path, overwrite: bool | None = None) -> None:
    """Make the folder of a model file, before any work is done.

    Parameters
    ----------
    path : Path
    overwrite : bool, optional
        Whether a model that is there may be replaced; not looked at if not given.

    Raises
    ------
    ValueError
        If the file is not called as a model is.
    FileExistsError
        If there is a model already that may not be replaced.
    OSError
        If no file can be written there.
    """
    if path.suffix != SUFFIX:
        raise ValueError(f"the model file must end with {SUFFIX}, got {path.name!r}")
    writable_folder(path.parent)
    if overwrite is not None:
        refuse_to_overwrite([path], (), overwrite, "model of this command")


def model_for(chosen: str | None, *images: Path) -> str:
    """Return the model that was chosen; else a sample's own, else that of nuclei.

    Raises
    ------
    ValueError
        If none was chosen and the images have different ones.
    """
    if chosen is not None:
        return chosen
    usual = {
        str(image): usual_model(str(image) if is_sample(image) else None)
        for image in images
    }
    models = set(usual.values()) or {usual_model(None)}
    if len(models) > 1:
        said = ", ".join(f"{name}: {model}" for name, model in usual.items())
        raise ValueError(
            f"these images have different models of their own ({said}): name one with "
            f"-m"
        )
    return models.pop()


def settings_of(context: typer.Context) -> Settings:
    """Return the settings among the options of a command, which have their names."""
    names = {field.name for field in fields(Settings)}
    given = {name: value for name, value in context.params.items() if name in names}
    if given.get("window") is not None:
        given["window"] = parse_window(given["window"])
    given["intensity"] = parse_intensity(given["intensity"])
    return Settings(**given)


def reading_of(intensity: str, invert: bool, ignore_nan: bool) -> Reading:
    """Return how grey values are read by these options."""
    return Reading(parse_intensity(intensity), invert, ignore_nan)


LONGEST = max(map(len, SAMPLES)) + 1
WIDEST = max(len(entry.size) for entry in SAMPLES.values())
SAMPLE_HELP = "\b\nSamples:\n" + "\n".join(
    f"  {name:{LONGEST}}{entry.size:{WIDEST}} {entry.purpose}"
    for name, entry in SAMPLES.items()
)

Image = Annotated[
    Path,
    typer.Argument(
        help=f"TIFF, PNG, JPEG, BMP or .npy image, or a sample: {', '.join(SAMPLES)}."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(
        "-m", "--model",
        help="Bundled or own model, or a .safetensors file. "
        "[the sample's own, else nuclei]",
    ),
]  # fmt: skip
ModelOfEdits = Annotated[
    str | None,
    typer.Option(
        "-m",
        "--model",
        help="Model, or a .safetensors file. [that of the edits, else as segment]",
    ),
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
    Scope | None,
    typer.Option(help="One mean shift for all, or one a component. [the model's]"),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Folder for the files.")]
OptionalOutput = Annotated[
    Path | None, typer.Option("-o", "--output", help="Folder for the report. [none]")
]
Batch = Annotated[
    int | None, typer.Option(help="Tiles at once. [as many as fit in memory]")
]
Bandwidth = Annotated[
    float | None, typer.Option(help="Of the mean shift. [the model's]")
]
MinSize = Annotated[
    int | None, typer.Option(help="Drop objects of fewer pixels. [the model's]")
]
SplitFarParts = Annotated[
    bool | None,
    typer.Option(help="Parts that do not touch are objects. [the model's]"),
]
ForegroundThreshold = Annotated[
    float | None,
    typer.Option(help="Probability above which a pixel is object. [the model's]"),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object only.")]
Channel = Annotated[
    str | None,
    typer.Option(
        help="Which channel, counted from 1, or its name; red, green or blue. [the one "
        "there is; colours as grey]",
    ),
]
Series = Annotated[
    int | None,
    typer.Option(help="Which series of a TIFF, counted from 1. [the largest]"),
]
Intensity = Annotated[
    str,
    typer.Option(
        metavar="LOW:HIGH",
        help="Grey values read as 0 and 1, 100:1100; auto finds them in the image.",
    ),
]
Invert = Annotated[
    bool, typer.Option("--invert", help="Objects are dark on a bright ground.")
]
IgnoreNan = Annotated[
    bool, typer.Option("--ignore-nan", help="NaN and infinite pixels are no data.")
]
Save = Annotated[
    str, typer.Option(help="labels, embedding, gradient or all; labels always.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace files that others wrote, too.")
]
