"""Folders of data: parts, and where images and labels lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.stores.data_sets import images_and_labels, part_of

if TYPE_CHECKING:
    from pathlib import Path


def made(home: Path, *folders: str) -> Path:
    for folder in folders:
        (home / folder).mkdir(parents=True)
    return home


def test_the_first_part_that_is_there_is_taken(tmp_path: Path) -> None:
    home = made(tmp_path, "train/images", "val/images", "test")
    assert part_of(home, "train") == home / "train"
    assert part_of(home, "test", "val") == home / "val"  # test has no images
    assert part_of(home / "train", "train") == home / "train"


def test_masks_stand_for_labels(tmp_path: Path) -> None:
    home = made(tmp_path, "images", "masks")
    said: list[str] = []
    assert images_and_labels(home, said.append) == (home / "images", home / "masks")
    assert not said
    made(home, "labels")
    assert images_and_labels(home, said.append) == (home / "images", home / "labels")
    assert "labels/ is read" in said[0]


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no folder .*images: a folder of dat"):
        images_and_labels(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder .*labels: a folder of dat"):
        images_and_labels(made(tmp_path, "images"))
