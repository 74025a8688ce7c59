"""Options of the commands, made of the fields of what they set; files of settings."""

from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

import typer
from typer.core import TyperCommand

from napari_shiftseg.networks.header import SUFFIX
from napari_shiftseg.pipeline.glossary import Term, terms
from napari_shiftseg.pipeline.run_file import read_run
from napari_shiftseg.samples.catalogue import usual_model
from napari_shiftseg.stores.folders import refuse_to_overwrite, writable_folder
from napari_shiftseg.stores.reading import is_sample

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

    parameters += [CONFIG] if models else []
    parameters += [HELP_ALL] if RARE & {p.name for p in parameters} else []
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
    """Let the values of a file stand for options that are not given.

    Raises
    ------
    ValueError
        If it names what is an option of no command.
    """
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


def one_of(option: Any, place: Any, name: str) -> Any:
    """Return what is given as an option or, as it may be too, in its place.

    Raises
    ------
    ValueError
        If it is given twice.
    """
    if option is not None and place is not None:
        raise ValueError(f"{name} is given twice, as {place} and as {option}")
    return place if option is None else option
