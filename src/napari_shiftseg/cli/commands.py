"""The program ``shiftseg``: a command translates arguments and calls one function."""

import sys
from collections.abc import Callable, Sequence
from glob import glob, has_magic
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from napari_shiftseg.cli import options as ask
from napari_shiftseg.cli.detecting import DETECTING
from napari_shiftseg.cli.exchanging import EXCHANGING
from napari_shiftseg.cli.measuring import MEASURING
from napari_shiftseg.cli.options import (
    WRITES,
    Asked,
    Command,
    Order,
    Storing,
    Take,
    one_of,
    with_options,
)
from napari_shiftseg.cli.seeing import SEEING
from napari_shiftseg.cli.settings_file import RENAMED
from napari_shiftseg.cli.stages import stages_said
from napari_shiftseg.cli.usual_model import model_for
from napari_shiftseg.pipeline.candidates import Candidates
from napari_shiftseg.pipeline.settings import OF_SEGMENT, Settings
from napari_shiftseg.text import refusal
from napari_shiftseg.training.defaults import TrainingRequest

WITHOUT_SAMPLES = ("demo", "mend", "models", "train", "import", "export", "figure")

program = typer.Typer(
    name="shiftseg", rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"max_content_width": 100},
)  # fmt: skip


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status; what goes wrong is raised.

    Raises
    ------
    ValueError
        If the arguments are wrong; and all that a command raises.
    """
    words = _expanded(_as_now(arguments))
    if words[:1] == ["figure"]:
        app.commands["figure"].help = _about_figure(words)  # type: ignore[attr-defined]
    try:
        with stages_said():
            status = app(words or ["--help"], standalone_mode=False)
    except typer.TyperException as error:
        raise ValueError(_said_by(error)) from None
    except FileNotFoundError as error:
        pattern = next((w for w in words if has_magic(w) and w in str(error)), None)
        if pattern is None:
            raise
        raise FileNotFoundError(
            f"no file matches {pattern}: give the names of files that are there"
        ) from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    return status or 0


def _about_figure(words: list[str]) -> str | None:
    if words[:1] == ["figure"] and "--help" in words[2:] and words[1][:1] != "-":
        from napari_shiftseg.cli.compare import figure_help

        return figure_help(words[1])
    return _figure.__doc__


def _said_by(error: typer.TyperException) -> str:
    """Return why an option is refused, without what pydantic adds to it."""
    why = error.__cause__
    if isinstance(why, ValidationError) and isinstance(error, typer.BadParameter):
        error = typer.BadParameter(refusal(why).removesuffix("."), param=error.param)
    return error.format_message()


def _as_now(arguments: Sequence[str]) -> list[str]:
    """Return arguments with options called as they are now."""
    known = RENAMED.get(next(iter(arguments), ""), {})
    renamed = {f"--{old}": f"--{new}" for old, new in known.items()}
    parts = (word.partition("=") for word in arguments)
    return [renamed.get(name, name) + "".join(rest) for name, *rest in parts]


def _expanded(arguments: Sequence[str]) -> list[str]:
    """Return arguments with patterns replaced by files, where the shell does not."""
    if sys.platform != "win32":
        return list(arguments)
    return [
        word
        for given in arguments
        for word in (has_magic(given) and sorted(glob(given))) or [given]
    ]


def _show_version(wanted: bool) -> None:
    if wanted:
        print(f"shiftseg {metadata.version('napari-shiftseg')}")
        raise typer.Exit


@program.callback()
def shiftseg(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version."
        ),
    ] = False,
) -> None:
    """Segment images tile by tile without seams, and see the seams."""


def _command(function: Callable[..., None]) -> Callable[..., None]:
    """Add a command to the program, called as its function is, without the ``_``."""
    name = function.__name__.removeprefix("_")
    epilog = None if name in WITHOUT_SAMPLES else ask.SAMPLE_HELP
    made = with_options(function)
    return program.command(name, cls=Command, epilog=epilog)(made)


@_command
def _demo(
    *,
    output: ask.Folder = Path("demo_output"),
    settings: Annotated[Settings, Take("window", "device", window="20")],
    viewer: Annotated[bool, typer.Option(help="Open napari with the result.")] = True,
    asked: Annotated[Asked, WRITES],
) -> None:
    """Segment the disk sample naively and cropped, and compare."""
    from napari_shiftseg.cli.compare import run_demo

    run_demo(output, Order(settings, asked), viewer and not asked.json)


@_command
def _segment(
    *,
    images: ask.ImagesOrFolders,
    output: ask.FolderOrStore,
    model: ask.Model = None,
    settings: Settings,
    save: ask.Save = "labels",
    storing: Storing,
    asked: Asked,
) -> None:
    """Segment images: labels as TIFFs, or of one as an OME-Zarr store of any size."""
    from napari_shiftseg.cli.batch import run_segment_all

    if not run_segment_all(images, output, model, settings, save, storing, asked):
        raise typer.Exit(1)


@_command
def _mend(
    *,
    image: ask.Image,
    edits: Annotated[
        Path, typer.Option(help="JSON file of edits: merges, splits, deletions, ...")
    ],
    output: ask.Folder,
    model: ask.ModelOfEdits = None,
    settings: Settings,
    save: ask.Save = "labels",
    asked: Asked,
) -> None:
    """Segment an image, and mend its objects by a list of edits.

    It writes the files that segment writes. Model and clustering come from the list,
    except what you give here. Edits that no longer fit are left out; of two that
    contradict each other the newer one wins. The outcome names both.
    """
    from napari_shiftseg.cli.segment import run_mend

    run_mend(image, edits, output, Order(settings, asked, model or ""), save)


@_command
def _compare(
    *,
    image: ask.Image,
    model: ask.Model = None,
    truth: ask.Truth = None,
    output: ask.Report = None,
    also: ask.Also = None,
    settings: Annotated[
        Settings, Take(but=("stitching", *OF_SEGMENT), unset="that of training")
    ],
    asked: Asked,
) -> None:
    """Compare naive and cropped stitching: figures, a verdict, a report.

    Seam ratio: how many times as much the embedding changes at tile borders as
    elsewhere; near the untiled one where there is no seam. False splits, false merges:
    true objects in pieces, and pieces that hold several. AP50: share of objects found,
    1 is all and nothing else.
    """
    from napari_shiftseg.cli.compare import run_compare

    usual = model_for(model, image, settings=settings, series=asked.series)
    order = Order(settings, asked, usual)
    run_compare(image, truth, output, order, ",".join(also or ()))


@_command
def _sweep(
    *,
    images: ask.Images,
    window: Annotated[
        str | None,
        typer.Option(
            "--window",
            metavar="SIZE,...",
            help="Tile sizes, 16,20,36 or 8x64x64,8x96x96. [4 a period, for 3 periods]",
        ),
    ] = None,
    model: ask.Model = None,
    truth: ask.Truths = None,
    output: ask.Report = None,
    settings: Annotated[Settings, Take(but=("window", *OF_SEGMENT), stitching="naive")],
    asked: Annotated[Asked, Take(but=("series",))],
) -> None:
    """Segment images at tile size after tile size, and score each."""
    from napari_shiftseg.cli.compare import run_sweep

    order = Order(settings, asked, model_for(model, *images, settings=settings))
    run_sweep(images, window, truth or [], output, order)


@_command
def _evaluate(
    *,
    prediction: Annotated[
        Path, typer.Argument(help="Labels, or a folder of them as segment writes it.")
    ],
    place: ask.PlaceOfTruth = None,
    truth: ask.Truth = None,
    output: ask.Table = None,
    asked: Annotated[Asked, WRITES],
) -> None:
    """Score labels against true labels: AP50, false splits, false merges.

    What looks like a raw image or a mask (more than 10 connected parts an id) is
    scored as it is, and a note says so.
    """
    from napari_shiftseg.cli.evaluate import run_evaluate

    true = one_of(truth, place, "the truth")
    if true is None:
        raise typer.BadParameter("name the true labels with --truth")
    run_evaluate(prediction, true, output, asked)


@_command
def _models(*, asked: Annotated[Asked, Take("json")]) -> None:
    """List the models that are known by name: bundled, of figures, your own."""
    from napari_shiftseg.cli.model import run_models

    run_models(asked)


@_command
def _inspect(
    *,
    image: Annotated[
        Path | None,
        typer.Argument(
            metavar="IMAGE",
            help="What each tile size costs on this image, or sample; without -m the "
            "name of a model may stand here.",
        ),
    ] = None,
    model: ask.Model = None,
    of_old: Annotated[Path | None, typer.Option("--image", hidden=True)] = None,
    self_test: Annotated[
        bool,
        typer.Option(
            "--self-test",
            help="Tiled against untiled on the image [the disk sample]; "
            "exit status 1 unless tiles are exact.",
        ),
    ] = False,
    settings: Annotated[
        Settings, Take("device", "engine", "intensity", "invert", "ignore_nan")
    ],
    asked: Annotated[Asked, Take("channel", "series", "json")],
) -> None:
    """Show what a model is, what its tiles cost, and whether they are exact."""
    from napari_shiftseg.cli.model import run_inspection, what_to_inspect

    chosen, subject = what_to_inspect(image, model, of_old)
    if not run_inspection(subject, Order(settings, asked, chosen), self_test):
        raise typer.Exit(1)


@_command
def _train(
    *,
    images: Annotated[Path | None, ask.OF_PAIRS] = None,
    place: ask.PlaceOfTruth = None,
    output: ask.ModelFile,
    truth: ask.Truth = None,
    request: TrainingRequest,
    settings: Annotated[Settings, Take("device", "intensity", "invert", "ignore_nan")],
    asked: Annotated[Asked, Take("channel", "json")],
) -> None:
    """Train a model on images and labels, or on a bundled sample.

    A folder of train/ and val/, each with images/ and labels/ (or masks/), is trained
    and validated on as it is. Labels may have -1 for pixels that are not known.
    """
    from napari_shiftseg.cli.train import run_training

    true = one_of(truth, place, "the truth")
    run_training(images, true, output, request, Order(settings, asked))


@_command
def _tune(
    *,
    images: Annotated[Path, ask.OF_PAIRS],
    place: ask.PlaceOfTruth = None,
    truth: ask.Truth = None,
    model: ask.Model = None,
    candidates: Candidates,
    output: ask.Tuned = None,
    settings: Annotated[
        Settings,
        Take(but=("bandwidth", "min_size", "foreground_threshold", *OF_SEGMENT)),
    ],
    asked: Annotated[Asked, Take(but=("series",))],
) -> None:
    """Choose bandwidth, minimum size and threshold by mean AP50 on labelled images."""
    from napari_shiftseg.cli.evaluate import run_tuning

    order = Order(settings, asked, model_for(model, images, settings=settings))
    true = one_of(truth, place, "the truth")
    run_tuning(images, true, candidates, output, order)


@_command
def _figure(
    *,
    name: Annotated[
        str,
        typer.Argument(
            help="Number in the papers: 1, 2a-2c, 3, 4a-4f, 5, 6, 7, s1-s3, z (ICCV "
            "2021), nuclei3d (its volumes); kf4, kf5, kf12, kf13 (CVPR 2018); or all."
        ),
    ],
    output: ask.Folder = Path("figures"),
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of images/ and labels/ (or masks/), for 4d, 4e, 4f, 6 and "
            "7, in place of synthetic nuclei; for nuclei3d beside them.",
            metavar="FOLDER",
        ),
    ] = None,
    retrain: Annotated[
        bool,
        typer.Option("--retrain", help="Train its networks anew, and write them too."),
    ] = False,
    settings: Annotated[Settings, Take("device")],
    asked: Annotated[Asked, WRITES],
) -> None:
    """Make a figure of the papers, and the numbers behind it."""
    from napari_shiftseg.cli.compare import run_figure

    run_figure(name, output, data, retrain, Order(settings, asked))


for each in (*EXCHANGING, *SEEING, *DETECTING, *MEASURING):
    _command(each)
app = typer.main.get_command(program)
for parameter in app.params:
    parameter.hidden = "completion" in (parameter.name or "")  # type: ignore[attr-defined]
