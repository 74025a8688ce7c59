"""A folder for results is made, or refused before any work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.report.folder import writable_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert writable_folder(folder) == folder
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_the_way(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OSError, match=r"cannot write.*taken.*another folder"):
        writable_folder(tmp_path / "taken" / below)
    assert (tmp_path / "taken").read_text() == "mine"
