"""Options of the commands, made of the fields of what they set."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer
from pydantic.dataclasses import dataclass
from typer.core import TyperCommand

from napari_shiftseg.cli.recipes import note_changes, take_made
from napari_shiftseg.cli.settings_file import read_run
from napari_shiftseg.networks.header import figure_models, named_models
from napari_shiftseg.networks.loading.models import trust
from napari_shiftseg.pipeline.glossary import Term, setting, terms
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.results.recipe_file import given_of
from napari_shiftseg.samples.catalogue import SAMPLES

SAMPLE_HELP = "\b\nSamples:\n" + "\n".join(
    f"  {name:{max(map(len, SAMPLES)) + 1}}"
    f"{entry.size:{max(len(each.size) for each in SAMPLES.values())}} {entry.purpose}"
    for name, entry in SAMPLES.items()
)


def _output(help: str) -> Any:
    return typer.Option("-o", "--output", help=help)


def _model(unset: str) -> Any:
    return typer.Option(
        "-m", "--model",
        help=f"Name or file of a model. {unset}".strip(),
        autocompletion=lambda: [*named_models(), *figure_models()],
    )  # fmt: skip


Image = Annotated[
    Path,
    typer.Argument(
        metavar="IMAGE",
        help="TIFF, PNG, JPEG, BMP, .npy or OME-Zarr image, or a sample.",
    ),
]
Images = Annotated[
    list[Path], typer.Argument(metavar="IMAGE...", help="Images, or names of samples.")
]
ImagesOrFolders = Annotated[
    list[Path],
    typer.Argument(
        metavar="IMAGE...",
        help="Images, samples, folders, 'patterns'; of several a page, too.",
    ),
]
OF_PAIRS = typer.Argument(
    metavar="IMAGES",
    help="Image, sample or folder; one of images/ and labels/ alone.",
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
Model = Annotated[str | None, _model("[a sample's own; nuclei or nuclei-3d]")]
NamedModel = Annotated[str | None, _model("")]
ModelOfEdits = Annotated[str | None, _model("[that of the edits, else as segment]")]
Folder = Annotated[Path, _output("Folder for the files.")]
FolderOrStore = Annotated[Path, _output("Folder for the files, or a .zarr store.")]
Report = Annotated[Path | None, _output("Folder for the report. [none]")]
Also = Annotated[
    list[str] | None,
    typer.Option(
        "--also",
        metavar="WAYS",
        help="Tiles as other libraries lay them, too: blended, blended-0.25, "
        "declared-halo, normalised-by-tile. [none]",
    ),
]
Table = Annotated[Path | None, _output(".csv file. [none]")]
ModelFile = Annotated[Path, _output(".safetensors file.")]
Tuned = Annotated[Path | None, _output(".safetensors file, tuned. [none]")]
Save = Annotated[
    str,
    typer.Option(
        "--save",
        metavar="KINDS",
        help="Also embedding, gradient, rois, geojson, tracks, zarr or all.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Asked:
    """What most commands are asked: what of a file is read, how the outcome is told."""

    channel: str | None = setting(
        None, "Number, from 1, or name.", "the one there is; colours as grey"
    )  # fmt: skip
    series: int | None = setting(None, "Series of a TIFF, from 1.", "the largest")
    overwrite: bool = setting(False, "Replace files that others wrote, too.")
    json: bool = setting(False, "Print one JSON object only.")


@dataclass(frozen=True)
class Storing:
    """What is asked of a run whose output is a zarr store."""

    resume: bool = setting(
        False,
        "Go on with a stopped run into a .zarr store, or on many images.",
    )
    chunk: int | None = setting(
        None, "Chunk of a .zarr store.", "512, of volumes 64", unit="pixels", ge=1
    )
    workers: int | None = setting(
        None, "Blocks of a .zarr store, or images, worked on at once.", "1", ge=1
    )
    scheduler: str | None = setting(
        None, "Address of a dask cluster that does the work.", "this machine"
    )
    float16: bool = setting(False, "Store the embedding of a .zarr store in 16 bits.")


@dataclass(frozen=True)
class Order:
    """What most commands are to do their work with."""

    settings: Settings
    asked: Asked
    model: str = ""  # name or file; empty: none was chosen

    @property
    def given(self) -> dict[str, Any]:
        """What a record says of model and image, to be read again by ``--config``."""
        return given_of(self.model, self.asked.channel, self.asked.series)


RARE = {  # options that --help leaves out
    "border", "depth", "region", "precision", "engine", "batch", "views", "intensity",
    "invert", "ignore_nan", "kernel", "scope", "split_far_parts",
    "foreground_threshold", "method", "prominence", "series", "features", "channels",
    "normalization", "learning_rate", "every", "patience", "seed", "workers", "force",
    "trust", "zoom",
    "recurrent_steps", "same_above", "diameter", "link_planes", "link_threshold",
    "scheduler", "float16",
}  # fmt: skip
NOT_RARE = {"segment": {"workers"}, "inspect": {"trust"}}  # by command
TOLD = ("method", "trust")  # of the rare ones, named beside --help-all
ALSO = {"channels": "--embedding-channels"}  # names of options beside their own
PER_AXIS = ("window", "depth")  # options with one value an axis, joined by x


class Take:
    """Which fields of a model become options of a command, and with which defaults.

    Parameters
    ----------
    *names : str
        All if none is given.
    but : tuple of str
        Those that do not.
    unset : str
        What the window is where none is given, if not what its field says.
    **usual
        Defaults that are not those of the fields.
    """

    def __init__(
        self, *names: str, but: tuple[str, ...] = (), unset: str = "", **usual: Any
    ) -> None:
        self.names, self.but, self.unset, self.usual = names, but, unset, usual

    def takes(self, name: str) -> bool:
        """Whether a field becomes an option."""
        return name not in self.but and (not self.names or name in self.names)


WRITES = Take("overwrite", "json")  # what is asked of a command that runs no network


class Command(TyperCommand):
    """A command whose ``--help`` shows the options that most users need."""

    def get_help(self, ctx: Any) -> str:
        """Return the help without rare options, unless all were asked for."""
        hidden = RARE - NOT_RARE.get(self.name or "", set())
        rare = [p for p in self.params if p.name in hidden and not ctx.meta.get("all")]
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
        note_changes(given)
        for name in ("config", "help_all", "trust"):  # their work is done
            given.pop(name, None)
        for name, (model, names) in models.items():
            chosen = {each: given.pop(each) for each in names}
            for each in filter(chosen.get, PER_AXIS):
                chosen[each] = _joined(each, chosen[each])
            given[name] = model(**chosen)
        command(**given)

    if "model" in {p.name for p in parameters}:
        parameters.append(TRUST)
    if models:
        parameters.append(CONFIG)
    if rare := RARE & {p.name for p in parameters}:
        parameters.append(_for_help_all(rare))
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _parameters(model: type, take: Take | None = None) -> list[Parameter]:
    """Return parameters as typer reads them, one for each field that is taken."""
    take, kinds, known = take or Take(), get_type_hints(model), terms(model)
    if take.unset:
        known["window"] = replace(known["window"], unset=take.unset)
    return [
        _parameter(term, kinds[name], take.usual.get(name, term.default))
        for name, term in known.items()
        if take.takes(name)
    ]


def _parameter(term: Term, kind: Any, default: object) -> Parameter:
    """Return a parameter; what is not written as a number or a word is text."""
    help = replace(term, unset=term.unset if default is None else "")
    own = f"--{term.name.replace('_', '-')}"
    flag = [own] if kind is bool else []
    if term.name in ALSO:
        flag = [ALSO[term.name], own]
    option = typer.Option(
        *flag, help=help.brief, metavar=term.form or None, show_default=kind is not bool
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
    if path is not None and not context.resilient_parsing:
        context.default_map = read_run(path, context)
    take_made(path)


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


def _trust(context: typer.Context, sums: list[str] | None) -> None:
    """Let files of these sums run code of their own."""
    for each in sums or ():
        trust(each)


TRUST = _eager(
    "trust", list[str] | None, None, callback=_trust, metavar="SHA256",
    help="Sum of a model's file that may run code of its own.",
)  # fmt: skip


def _for_help_all(rare: set[str]) -> Parameter:
    """Return the option that shows rare ones, some of which it names."""
    told = " and ".join(f"--{name}" for name in TOLD if name in rare)
    such = f", such as {told}" if told else ""
    return _eager(
        "help-all", bool, False, callback=_help_all, show_default=False,
        help=f"Show the rarer options, too{such}.",
    )  # fmt: skip


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
