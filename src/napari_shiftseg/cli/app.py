"""The program ``shiftseg``: a command translates arguments and calls one function."""

from __future__ import annotations

import sys
from glob import glob, has_magic
from importlib import metadata
from typing import TYPE_CHECKING, Annotated

import typer

from napari_shiftseg.cli import commands
from napari_shiftseg.cli.options import Command
from napari_shiftseg.cli.requests import SAMPLE_HELP

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (
    commands.demo, commands.segment, commands.mend, commands.compare, commands.sweep,
    commands.evaluate, commands.models, commands.inspect, commands.train,
    commands.tune, commands.export, commands.figure,
)  # fmt: skip
WITHOUT_SAMPLES = ("demo", "mend", "models", "train", "export", "figure")
RENAMED = {  # options that are called otherwise since
    "sweep": {"--windows": "--window"},
}

program = typer.Typer(
    name="shiftseg", rich_markup_mode=None, pretty_exceptions_enable=False,
    context_settings={"max_content_width": 100},
)  # fmt: skip
for command in COMMANDS:
    epilog = None if command.__name__ in WITHOUT_SAMPLES else SAMPLE_HELP
    program.command(cls=Command, epilog=epilog)(command)


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit status; what goes wrong is raised.

    Raises
    ------
    ValueError
        If the arguments are wrong; and all that a command raises.
    """
    words = _expanded(_as_now(arguments))
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


def _as_now(arguments: Sequence[str]) -> list[str]:
    """Return arguments with options called as they are now."""
    renamed = RENAMED.get(next(iter(arguments), ""), {})
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


app = typer.main.get_command(program)
for parameter in app.params:
    parameter.hidden = "completion" in (parameter.name or "")  # type: ignore[attr-defined]
