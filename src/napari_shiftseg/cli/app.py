"""The program ``shiftseg``: a command translates arguments and calls one function."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Annotated, NoReturn

import typer

from napari_shiftseg.cli import image_commands, model_commands
from napari_shiftseg.cli.options import SAMPLE_HELP

EXPECTED = (ValueError, OSError, MemoryError, FloatingPointError)
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
