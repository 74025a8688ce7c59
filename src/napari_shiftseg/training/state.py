"""A training on disk: written whole or not at all, read without running any code."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import torch

from napari_shiftseg.model.whole_file import whole_or_not_at_all

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".training"


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write the state of a training; an old file survives a failure.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    try:
        with whole_or_not_at_all(path) as unfinished, unfinished.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:  # torch's word for a full disk
        raise OSError(f"{path} cannot be written: {error}") from None


def load_state(path: Path) -> dict[str, Any]:
    """Read the state of a training.

    Raises
    ------
    ValueError
        If the file is no such state, or is damaged.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        first = str(error).strip().splitlines()[0]
        raise ValueError(
            f"{path.name} is no training that can be gone on with ({first}): "
            f"delete it to begin anew"
        ) from None
    if not isinstance(state, dict):
        raise ValueError(f"{path.name} is no training: delete it to begin anew")
    return state
