"""The command line: arguments → pipeline → files."""

from napari_shiftseg.cli.entry import main

__all__ = ["main"]
