"""The command line: arguments → pipeline → files."""

from napari_shiftseg.cli.app import main

__all__ = ["main"]
