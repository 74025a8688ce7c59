"""Options of the commands, made of the fields of what they set; files of settings."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

import typer
import yaml
from pydantic import Field
from pydantic.dataclasses import dataclass
from typer.core import TyperCommand

from napari_shiftseg.networks.header import figure_models, named_models
from napari_shiftseg.pipeline.glossary import Term, terms
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import SAMPLES, usual_model
from napari_shiftseg.stores.reading import is_sample

SAMPLE_HELP = "\b\nSamples:\n" + "\n".join(
    f"  {name:{max(map(len, SAMPLES)) + 1}}"
    f"{entry.size:{max(len(each.size) for each in SAMPLES.values())}} {entry.purpose}"
    for name, entry in SAMPLES.items()
)


def _output(help: str) -> Any:
    return typer.Option("-o", "--output", help=help)


def _model(unset: str) -> Any:
    return typer.Option(
        "-m", "--model", help=f"Name or .safetensors file. [{unset}]",
        autocompletion=lambda: [*named_models(), *figure_models()],
    )  # fmt: skip


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
    typer.Option("--truth", help="True labels, or a folder of them. [a sample's own]"),
]
Truths = Annotated[
    list[Path] | None,
    typer.Option("--truth", help="True labels, one for each image. [a sample's own]"),
]
PlaceOfModel = Annotated[
    str | None, typer.Argument(metavar="MODEL", help="As --model.")
]
Model = Annotated[str | None, _model("the sample's own, else nuclei")]
ModelOfEdits = Annotated[str | None, _model("that of the edits, else as segment")]
Folder = Annotated[Path, _output("Folder for the files.")]
Report = Annotated[Path | None, _output("Folder for the report. [none]")]
Table = Annotated[Path | None, _output(".csv file. [none]")]
ModelFile = Annotated[Path, _output(".safetensors file.")]
Tuned = Annotated[Path | None, _output(".safetensors file, tuned. [none]")]
Save = Annotated[
    str,
    typer.Option("--save", help="labels, embedding, gradient or all; labels always."),
]


def _field(default: object, meaning: str, unset: str = "", **more: str) -> Any:
    extra: Any = {"unset": unset, **more}
    return Field(default=default, description=meaning, json_schema_extra=extra)


@dataclass(frozen=True)
class Asked:
    """What most commands are asked: what of a file is read, how the outcome is told."""

    channel: str | None = _field(
        None, "Number, from 1, or name.", "the one there is; colours as grey"
    )  # fmt: skip
    series: int | None = _field(None, "Series of a TIFF, from 1.", "the largest")
    overwrite: bool = _field(False, "Replace files that others wrote, too.")
    json: bool = _field(False, "Print one JSON object only.")


@dataclass(frozen=True)
class Order:
    """What most commands are to do their work with."""

    settings: Settings
    asked: Asked
    model: str = ""  # name or file; empty: none was chosen


@dataclass(frozen=True)
class TrainingRequest:
    """What a training is asked; None: as usual."""

    validate: tuple[Path, Path] | None = _field(
        None, "Pairs to validate on.", "every tenth image", form="IMAGES TRUTH"
    )
    sample: str | None = _field(
        None, "Train as for a bundled disk model: disks, disks-16.", "none"
    )
    start: str | None = _field(None, "Model to begin with (fine-tuning).", "none")
    window: str | None = _field(
        None, "Output window the loss sees, above the period, 20 or 24x96x96.",
        "largest that fits, to 244 in 2-D; sample: 20", form="SIZE",
    )  # fmt: skip
    steps: int | None = _field(
        None, "Training steps.", "15000; 300 where --start learns corrections"
    )
    depth: str | None = _field(
        None, "Levels of pooling, 4 or 2x3x3.", "4; 3 in 3-D", form="NUMBER"
    )
    features: int | None = _field(None, "Channels at the finest level.", "16")
    channels: int | None = _field(None, "Channels of the embedding.", "16")
    normalization: str | None = _field(None, "batch or none.", "batch")
    batch: int = _field(1, "Windows per step.")
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
    seed: int = _field(0, "Seed of weights and windows.")
    workers: int = _field(0, "Processes that read images.")
    resume: bool = _field(False, "Go on with a training that stopped.")
    force: bool = _field(False, "Take a window below the period, too.")


RARE = {  # options that --help leaves out
    "border", "depth", "region", "precision", "batch", "intensity", "invert",
    "ignore_nan", "kernel", "scope", "split_far_parts", "foreground_threshold",
    "series", "features", "channels", "normalization", "learning_rate", "every",
    "patience", "seed", "workers", "force",
}  # fmt: skip
PER_AXIS = ("window", "depth")  # options with one value an axis, joined by x


class Take:
    """Which fields of a model become options of a command, and with which defaults.

    Parameters
    ----------
    *names : str
        All if none is given.
    but : tuple of str
        Those that do not.
    **usual
        Defaults that are not those of the fields.
    """

    def __init__(self, *names: str, but: tuple[str, ...] = (), **usual: Any) -> None:
        self.names, self.but, self.usual = names, but, usual

    def takes(self, name: str) -> bool:
        """Whether a field becomes an option."""
        return name not in self.but and (not self.names or name in self.names)


class Command(TyperCommand):
    """A command whose ``--help`` shows the options that most users need."""

    def get_help(self, ctx: Any) -> str:
        """Return the help without rare options, unless all were asked for."""
        rare = [p for p in self.params if p.name in RARE and not ctx.meta.get("all")]
        for param in rare:
            param.hidden = True  # type: ignore[attr-defined]
        try:
            return super().get_help(ctx)
        finally:
            for param in rare:
                param.hidden = False  # type: ignore[attr-defined]


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of the models among its parameters.

    The command itself is called with the models, as its signature says.
    """
    parameters: list[Parameter] = []
    models: dict[str, tuple[type, list[str]]] = {}
    for own in signature(command).parameters.values():
        model, *said = get_args(own.annotation) or (own.annotation,)
        if not hasattr(model, "__pydantic_fields__"):
            parameters.append(own)
            continue
        made = _parameters(model, *said)
        models[own.name] = model, [parameter.name for parameter in made]
        parameters += made

    @wraps(command)
    def run(**given: Any) -> None:
        for name in ("config", "help_all"):  # their work is done
            given.pop(name, None)
        for name, (model, names) in models.items():
            chosen = {each: given.pop(each) for each in names}
            for each in filter(chosen.get, PER_AXIS):
                chosen[each] = _joined(each, chosen[each])
            given[name] = model(**chosen)
        command(**given)

    if models:
        parameters.append(CONFIG)
    if RARE & {p.name for p in parameters}:
        parameters.append(HELP_ALL)
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _parameters(model: type, take: Take | None = None) -> list[Parameter]:
    """Return parameters as typer reads them, one for each field that is taken."""
    take, kinds = take or Take(), get_type_hints(model)
    return [
        _parameter(term, kinds[name], take.usual.get(name, term.default))
        for name, term in terms(model).items()
        if take.takes(name)
    ]


def _parameter(term: Term, kind: Any, default: object) -> Parameter:
    """Return a parameter; what is not written as a number or a word is text."""
    flag = [f"--{term.name.replace('_', '-')}"] if kind is bool else []
    option = typer.Option(
        *flag, help=term.brief, metavar=term.form or None, show_default=kind is not bool
    )
    kind = str | None if term.form and kind not in PATHS else kind
    annotation = Annotated[kind, option]
    if isinstance(default, tuple):
        default = ",".join(f"{value:g}" for value in default)
    return Parameter(
        term.name, Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


PATHS = (tuple[Path, Path] | None,)


def _joined(name: str, text: str) -> str:
    """Return one value an axis, joined by x; a comma, which parts a list, is said."""
    if "," not in text:
        return text
    joined = "x".join(part.strip() for part in text.split(","))
    typer.echo(f"--{name} {text}: write {joined}, a comma parts a list", err=True)
    return joined


def _take_config(context: typer.Context, path: Path | None) -> None:
    """Let the values of a file stand for options that are not given."""
    if path is None or context.resilient_parsing or context.parent is None:
        return
    given, program = read_run(path), context.parent.command
    commands = program.commands.values()  # type: ignore[attr-defined]
    known = {param.name for command in commands for param in command.params}
    unknown = [name for name in given if name not in known]
    if unknown:
        raise ValueError(
            f"{path.name} sets {', '.join(unknown)}, which no command has: see the "
            f"names in {context.command_path} --help-all"
        )
    context.default_map = given


def _help_all(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.meta["all"] = True
        typer.echo(context.get_help())
        raise typer.Exit


def _eager(name: str, kind: Any, default: object, **about: Any) -> Parameter:
    option = typer.Option(f"--{name}", is_eager=True, **about)
    return Parameter(
        name.replace("-", "_"), Parameter.KEYWORD_ONLY,
        annotation=Annotated[kind, option], default=default,
    )  # fmt: skip


CONFIG = _eager(
    "config", Path | None, None, callback=_take_config,
    help="YAML or JSON of options, or a run's record; those given here win.",
)  # fmt: skip
HELP_ALL = _eager(
    "help-all", bool, False, callback=_help_all, show_default=False,
    help="Show the rarer options, too.",
)  # fmt: skip


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


def one_of(option: Any, place: Any, name: str) -> Any:
    """Return what is given as an option or, as it may be too, in its place.

    Parameters
    ----------
    option, place
        Both ways; None where it is not given.
    name : str
        What it is called where it is given twice, which is an error.
    """
    if option is not None and place is not None:
        raise ValueError(f"{name} is given twice, as {place} and as {option}")
    return place if option is None else option


ABSENT = ("", "~", "null", "Null", "NULL", "None")
JOINED = {"window": "x", "depth": "x", "intensity": ":"}  # as one word


def read_run(path: Path) -> dict[str, Any]:
    """Read a file of settings, in YAML or JSON: name → what its option takes.

    Of the record that a run writes, or prints with ``--json``, settings and model.

    Raises
    ------
    ValueError
        If the file holds no settings.
    OSError
        If it cannot be read.
    """
    try:  # every scalar stays text: an option reads it, as on a command line
        found = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    except (yaml.YAMLError, UnicodeDecodeError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(
            f"{path} holds no settings: write one a line, for example window: 64, in "
            f"YAML or JSON"
        )
    if isinstance(found.get("settings"), dict):
        model = {"model": found["model"]} if "model" in found else {}
        found = model | found["settings"]
        background = found.pop("background_embedding", None)  # of the model
        if isinstance(background, list):  # it has no foreground, so no threshold either
            found.pop("foreground_threshold", None)
    return {
        name.replace("-", "_"): _text(name, value)
        for name, value in found.items()
        if value not in ABSENT
    }


def _text(name: str, value: Any) -> Any:
    """Write a value as its option takes it: ``[64, 64]`` as ``64x64``."""
    if not isinstance(value, list):
        return value
    if value and isinstance(value[0], list):
        return "x".join(":".join(bounds) for bounds in value)
    return JOINED[name].join(value) if name in JOINED else value
