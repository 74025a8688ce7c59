"""Data of one's own, and the synthetic ones in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_shiftseg.experiments.inputs import (
    Data,
    crowded_nuclei,
    pull_margin,
    read_data,
)
from napari_shiftseg.networks.unet import load_unet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part, value in (("images", 7), ("labels", 1)):
        (tmp_path / "mine" / part).mkdir(parents=True)
        for name in ("b", "a"):
            pixels = np.full((5, 6), value + (name == "b"), np.uint8)
            tifffile.imwrite(tmp_path / "mine" / part / f"{name}.tif", pixels)
    return tmp_path / "mine"


def test_images_and_labels_are_paired_by_name(folder: Path) -> None:
    data = read_data(folder)
    assert data.figures() == {"data": "mine", "images": 2}
    pairs = [(int(s.image[0, 0]), int(s.labels[0, 0])) for s in data.samples]
    assert pairs == [(7, 1), (8, 2)]


class TestMasks:
    """The layout of StarDist's archives."""

    @pytest.fixture
    def masks(self, folder: Path) -> Path:
        (folder / "labels").rename(folder / "masks")
        return folder

    def test_stand_for_labels(self, masks: Path) -> None:
        said: list[str] = []
        samples = read_data(masks, said.append).samples
        pairs = [(int(s.image[0, 0]), int(s.labels[0, 0])) for s in samples]
        assert pairs == [(7, 1), (8, 2)]
        assert not said

    def test_labels_win_and_that_is_said(self, folder: Path) -> None:
        (folder / "masks").mkdir()  # empty: read, it would be refused
        said: list[str] = []
        assert len(read_data(folder, said.append).samples) == 2
        assert len(said) == 1
        assert "holds labels/ and masks/: labels/ is read" in said[0]

    def test_that_are_binary_are_said(self, masks: Path) -> None:
        for path in (masks / "masks").iterdir():
            mask = np.zeros((5, 6), np.uint8)
            mask[:2], mask[3:] = 255, 255
            tifffile.imwrite(path, mask)
        said: list[str] = []
        read_data(masks, said.append)
        assert len(said) == 1
        assert "labels a.tif looks like a mask, not like labels: 2 parts" in said[0]
        assert "(1 other file like it)" in said[0]

    def test_without_partner(self, masks: Path) -> None:
        (masks / "masks" / "b.tif").unlink()
        with pytest.raises(ValueError, match=r"b\.tif has no partner in .*masks"):
            read_data(masks)

    def test_without_images(self, masks: Path) -> None:
        (masks / "images").rename(masks / "elsewhere")
        with pytest.raises(FileNotFoundError, match=r"mine/images: .*\(or masks/"):
            read_data(masks)


@pytest.mark.parametrize("part", ["images", "labels"])
def test_a_missing_folder_is_named(folder: Path, part: str) -> None:
    (folder / part).rename(folder / "elsewhere")
    with pytest.raises(
        FileNotFoundError, match=rf"no folder .*mine/{part}: .*images/ and labels/"
    ):
        read_data(folder)


def test_a_file_without_partner_is_named(folder: Path) -> None:
    (folder / "labels" / "b.tif").unlink()
    with pytest.raises(ValueError, match=r"b\.tif has no partner in .*labels"):
        read_data(folder)


def test_crowded_nuclei_are_as_many_images_each_of_its_own() -> None:
    data = crowded_nuclei((64, 80), 2)
    one, other = data.samples
    assert one.image.shape == other.image.shape == (64, 80)
    assert not np.array_equal(one.labels, other.labels)
    again = crowded_nuclei((64, 80), 1)
    np.testing.assert_array_equal(again.samples[0].image, one.image)
    assert isinstance(again, Data)


def test_the_margin_is_the_loss_s(small_model: Callable) -> None:
    assert pull_margin(load_unet("figure-4d")) == 0.5
    assert pull_margin(load_unet("disks")) is None  # 0 is no bandwidth
    assert pull_margin(small_model(2, 2)) is None
