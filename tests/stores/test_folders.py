"""A folder for results is made, or refused before any work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.stores.folders import kept_if_used, writable_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert writable_folder(folder) == folder
    assert list(folder.iterdir()) == []


def work_that_fails(folder: Path, writes: bool) -> None:
    with kept_if_used(folder) as made:
        assert made == folder
        assert folder.is_dir()
        if writes:
            (folder / "half").write_text("x")
        raise ValueError("wrong")


def test_a_folder_that_was_made_for_nothing_goes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong"):
        work_that_fails(tmp_path / "new" / "folder", writes=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_or_is_used_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="wrong"):
        work_that_fails(tmp_path / "there", writes=False)
    with pytest.raises(ValueError, match="wrong"):
        work_that_fails(tmp_path / "used", writes=True)
    with kept_if_used(tmp_path / "done"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"there", "used", "done"}


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_the_way(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OSError, match=r"cannot write.*taken.*another folder"):
        writable_folder(tmp_path / "taken" / below)
    assert (tmp_path / "taken").read_text() == "mine"
