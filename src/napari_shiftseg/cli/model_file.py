"""The file that a command writes a model to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.files.records import refuse_to_overwrite
from napari_shiftseg.model.header import SUFFIX
from napari_shiftseg.report.folder import writable_folder

if TYPE_CHECKING:
    from pathlib import Path


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
