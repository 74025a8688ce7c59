"""A training on disk: written whole or not at all, read without running any code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from napari_shiftseg.model.whole_file import whole_or_not_at_all

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".training"
PARTS = ("done", "key", "weights", "optimizer", "schedule", "best")
LONGEST = 200  # characters of what torch says


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
    OSError
        If the file cannot be opened.
    ValueError
        If it is no such state, or is damaged.
    """
    with path.open("rb") as file:
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # noqa: BLE001 - unpickling raises what it likes
            raise damaged(path, error) from None
    if not isinstance(state, dict) or set(state) != set(PARTS):
        raise ValueError(
            f"{path.name} is no training that can be gone on with: delete it to begin "
            f"anew"
        )
    return state


def damaged(path: Path, error: Exception) -> ValueError:
    """Return the error for a state that cannot be taken up."""
    first = str(error).strip().partition("\n")[0][:LONGEST] or type(error).__name__
    return ValueError(
        f"{path.name} is no training that can be gone on with ({first}): delete it to "
        f"begin anew"
    )
