"""The command line: arguments → pipeline → files."""

from .app import main

__all__ = ["main"]
