"""What a command is asked beside the settings of a run: arguments, files, training."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import Field
from pydantic.dataclasses import dataclass

from napari_shiftseg.networks.header import figure_models, named_models
from napari_shiftseg.samples.catalogue import SAMPLES

SAMPLE_HELP = "\b\nSamples:\n" + "\n".join(
    f"  {name:{max(map(len, SAMPLES)) + 1}}"
    f"{entry.size:{max(len(each.size) for each in SAMPLES.values())}} {entry.purpose}"
    for name, entry in SAMPLES.items()
)


def _model_names() -> list[str]:
    return [*named_models(), *figure_models()]


def _option(*names: str, help: str, **about: Any) -> Any:
    return typer.Option(*names, help=help, **about)


Image = Annotated[
    Path,
    typer.Argument(
        metavar="IMAGE", help="TIFF, PNG, JPEG, BMP or .npy image, or a sample."
    ),
]
Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE...", help="Images, or names of samples.")
]
OF_PAIRS = typer.Argument(
    metavar="IMAGES", help="Image or folder of images, or a sample."
)
PlaceOfTruth = Annotated[
    Path | None, typer.Argument(metavar="TRUTH", help="As --truth.")
]
Truth = Annotated[
    Path | None,
    _option("--truth", help="True labels, or a folder of them. [a sample's own]"),
]
Truths = Annotated[
    list[Path] | None,
    _option("--truth", help="True labels, once an image. [a sample's own]"),
]
PlaceOfModel = Annotated[
    str | None, typer.Argument(metavar="MODEL", help="As --model.")
]
Model = Annotated[
    str | None,
    _option(
        "-m", "--model", autocompletion=_model_names,
        help="Name or .safetensors file. [the sample's own, else nuclei]",
    ),
]  # fmt: skip
ModelOfEdits = Annotated[
    str | None,
    _option(
        "-m", "--model", autocompletion=_model_names,
        help="Name or .safetensors file. [that of the edits, else as segment]",
    ),
]  # fmt: skip
Folder = Annotated[Path, _option("-o", "--output", help="Folder for the files.")]
Report = Annotated[
    Path | None, _option("-o", "--output", help="Folder for the report. [none]")
]
Table = Annotated[Path | None, _option("-o", "--output", help=".csv file. [none]")]
ModelFile = Annotated[Path, _option("-o", "--output", help=".safetensors file.")]
Tuned = Annotated[
    Path | None, _option("-o", "--output", help=".safetensors file, tuned. [none]")
]
Save = Annotated[
    str, _option("--save", help="labels, embedding, gradient or all; labels always.")
]


def _field(default: object, meaning: str, unset: str = "", **more: str) -> Any:
    extra: Any = {"unset": unset, **more}
    return Field(default=default, description=meaning, json_schema_extra=extra)


@dataclass(frozen=True)
class Asked:
    """What most commands are asked: what of a file is read, how the outcome is told."""

    channel: str | None = _field(
        None, "Its number, from 1, or its name.", "the one there is; colours as grey"
    )  # fmt: skip
    series: int | None = _field(None, "Of a TIFF, counted from 1.", "the largest")
    overwrite: bool = _field(False, "Replace files that others wrote, too.")
    json: bool = _field(False, "Print one JSON object only.")


@dataclass(frozen=True)
class TrainingRequest:
    """What a training is asked; None: as usual."""

    validate: tuple[Path, Path] | None = _field(
        None, "To validate on.", "every tenth image", form="IMAGES TRUTH"
    )
    sample: str | None = _field(
        None, "As the bundled disk models: disks, disks-16.", "none"
    )
    start: str | None = _field(None, "Model to begin with (fine-tuning).", "none")
    window: str | None = _field(
        None, "Output window the loss sees, above the period, 20 or 24x96x96.",
        "largest that fits, to 244 in 2-D; sample: 20", form="SIZE",
    )  # fmt: skip
    steps: int | None = _field(
        None, "Steps of the training.", "15000; 300 where --start learns corrections"
    )
    depth: str | None = _field(
        None, "Poolings, 4 or 2x3x3.", "4; 3 in 3-D", form="NUMBER"
    )
    features: int | None = _field(None, "Channels at the finest level.", "16")
    channels: int | None = _field(None, "Channels of the embedding.", "16")
    normalization: str | None = _field(None, "batch or none.", "batch")
    batch: int = _field(1, "Windows a step.")
    learning_rate: float | None = _field(
        None, "Peak of the learning rate.",
        "0.002; of corrections: 0.0005; sample: 0.001",
    )  # fmt: skip
    precision: Literal["float32", "bfloat16"] = _field(
        "float32", "bfloat16 is faster where the device has it."
    )
    every: int = _field(1000, "Steps between validations and saved states.")
    patience: int | None = _field(
        None, "Stop after so many validations without a better one.", "never"
    )
    seed: int = _field(0, "Of weights and windows.")
    workers: int = _field(0, "Processes that read images.")
    resume: bool = _field(False, "Go on with a training that was stopped.")
    force: bool = _field(False, "Take a window below the period, too.")
