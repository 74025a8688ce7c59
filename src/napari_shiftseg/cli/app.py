"""The program ``shiftseg``: a command translates arguments and calls one function."""

from __future__ import annotations

import sys
from glob import glob, has_magic
from importlib import metadata
from typing import TYPE_CHECKING, Annotated

import typer

from napari_shiftseg.cli import image_commands, model_commands
from napari_shiftseg.cli.options import SAMPLE_HELP

if TYPE_CHECKING:
    from collections.abc import Sequence

ON_IMAGES = (
    image_commands.segment, image_commands.mend, image_commands.compare,
    image_commands.sweep, image_commands.evaluate, model_commands.inspect,
)  # fmt: skip

app = typer.Typer(
    name="shiftseg",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command()(image_commands.demo)
for command in ON_IMAGES:
    app.command(epilog=SAMPLE_HELP)(command)
app.command()(model_commands.train)
app.command(epilog=SAMPLE_HELP)(model_commands.tune)
app.command()(model_commands.export)
app.command()(image_commands.figure)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status; what goes wrong is raised.

    Raises
    ------
    ValueError
        If the arguments are wrong; and all that a command raises.
    """
    words = _expanded(arguments)
    try:
        status = app(words or ["--help"], standalone_mode=False)
    except typer.TyperException as error:
        raise ValueError(error.format_message()) from None
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
