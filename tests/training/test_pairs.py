"""Images with labels from files, and which of them are held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores.stored_image import MADE_GREY
from napari_shiftseg.training.pairs import (
    counted_pairs,
    held_out,
    name_of,
    read_pairs,
    to_learn,
)


def number(value: int) -> Sample:
    return Sample(np.full((2, 2), value, np.float32), np.full((2, 2), value))


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    np.save(path, pixels)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("b", "a", "c"):
        value = ord(name)
        write(tmp_path / f"images/{name}.npy", np.full((3, 4), value, np.float32))
        write(tmp_path / f"labels/{name}_labels.npy", np.full((3, 4), value))
    return tmp_path / "images", tmp_path / "labels"


class TestRead:
    def test_two_folders_by_name(self, folders) -> None:
        samples = read_pairs(*folders)
        assert [int(s.image[0, 0]) for s in samples] == [ord(n) for n in "abc"]
        for sample in samples:
            np.testing.assert_array_equal(sample.image, sample.labels)

    def test_two_files(self, folders) -> None:
        (sample,) = read_pairs(folders[0] / "a.npy", folders[1] / "c_labels.npy")
        assert (sample.image[0, 0], sample.labels[0, 0]) == (ord("a"), ord("c"))

    def test_the_only_plane_of_a_stack_is_an_image(self, folders) -> None:
        write(folders[1] / "a_labels.npy", np.full((1, 3, 4), 7))
        write(folders[0] / "b.npy", np.zeros((1, 3, 4)))
        one, two, _ = read_pairs(*folders)
        assert (one.labels.shape, two.labels.shape) == ((3, 4), (1, 3, 4))

    def test_what_was_decided_of_images_is_said_once(self, folders) -> None:
        for name in "ab":
            colours = np.arange(432).reshape(12, 12, 3)
            write(folders[0] / f"{name}.npy", colours.astype(np.uint8))
        said: list[str] = []
        read_pairs(*folders, say=said.append)
        assert [MADE_GREY in line for line in said] == [True]
        assert said[0].startswith("a.npy: ")
        assert said[0].endswith("(1 other file like it)")

    def test_a_sample(self) -> None:
        (sample,) = read_pairs(Path("disks"), None)
        np.testing.assert_array_equal(sample.labels, make_sample("disks").labels)

    def test_a_file_without_partner_is_named(self, folders) -> None:
        (folders[1] / "b_labels.npy").unlink()
        with pytest.raises(ValueError, match=r"^b\.npy has no partner in .*labels"):
            read_pairs(*folders)

    def test_labels_that_are_none(self, folders) -> None:
        write(folders[1] / "b_labels.npy", np.full((3, 4), 0.5))
        with pytest.raises(ValueError, match=r"b_labels.npy must be a label.*float64"):
            read_pairs(*folders)

    def test_labels_may_be_known_in_parts(self, folders) -> None:
        write(folders[1] / "b_labels.npy", np.array([[-1, 0, 1, -1]] * 3))
        _, sample, _ = read_pairs(*folders)
        assert sample.labels[0].tolist() == [-1, 0, 1, -1]

    @pytest.mark.parametrize(
        ("value", "said"),
        [
            (
                -1,
                r"no pixel of the labels b_labels\.npy is known.*this image out",
            ),
            (-2, r"labels b_labels\.npy must be .* from -1 upward, got -2"),
        ],
    )
    def test_labels_that_are_not_known_are_named(self, folders, value, said) -> None:
        write(folders[1] / "b_labels.npy", np.full((3, 4), value))
        with pytest.raises(ValueError, match=said):
            read_pairs(*folders)

    def test_labels_are_needed(self, folders) -> None:
        with pytest.raises(ValueError, match=r"true labels of .*images are missing"):
            read_pairs(folders[0], None)

    def test_a_folder_that_is_not_there(self, folders, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=r"no file or folder .*nowhere"):
            read_pairs(folders[0], tmp_path / "nowhere")
        with pytest.raises(FileNotFoundError, match=r"no file or folder .*nowhere"):
            read_pairs(tmp_path / "nowhere", folders[1])


class TestHeldOut:
    @pytest.mark.parametrize("images", [2, 3, 10, 11, 25])
    def test_every_tenth_and_no_image_twice(self, images: int) -> None:
        samples = [number(n) for n in range(images)]
        rest, validation = held_out(samples)
        held = [int(s.labels[0, 0]) for s in validation]
        assert held == list(range(0, images, 10))
        left = [int(s.labels[0, 0]) for s in rest]
        assert sorted(held + left) == list(range(images))
        assert rest

    def test_one_image_is_both(self) -> None:
        only = [number(3)]
        assert held_out(only) == (only, only)

    @pytest.mark.parametrize(("images", "held"), [(2, 2), (9, 9), (10, 1), (11, 2)])
    def test_a_few_corrections_are_both(self, images: int, held: int) -> None:
        samples = [number(n) for n in range(images)]
        rest, validation = held_out(samples, is_partly=True)
        assert len(validation) == held
        assert len(rest) == (images if held == images else images - held)


class TestToLearn:
    config = ModelConfig.new(depth=1)  # context 16

    def test_images_and_frames_are_numbered(self) -> None:
        stack = np.full((3, 30, 30), -1)
        stack[2] = 1
        whole = Sample(np.zeros((40, 40)), np.ones((40, 40), int))
        pairs = to_learn([whole, Sample(np.zeros((3, 30, 30)), stack)], self.config)
        assert [pair.frame for pair in pairs] == [(0,), (1, 2)]

    @pytest.mark.parametrize(
        ("window", "size"), [(4, (23, 23)), ((4, 10), (23, 35)), (None, (100, 100))]
    )
    def test_a_region_holds_every_window_about_what_is_known(
        self, window, size
    ) -> None:
        labels = np.full((100, 100), -1)
        labels[50, 50] = 1
        (pair,) = to_learn([Sample(np.zeros((100, 100)), labels)], self.config, window)
        assert pair.sample.labels.shape == size
        count = counted_pairs([pair])
        assert (count.known, count.pixels, count.objects) == (1, 10_000, 1)

    def test_what_does_not_fit_is_passed_on(self) -> None:
        odd = Sample(np.zeros((5, 5)), np.ones((5, 4), int))
        (pair,) = to_learn([odd], self.config)
        assert pair.sample.labels.shape == (5, 4)
        line = Sample(np.zeros(5), np.ones(5, int))
        assert [p.sample.labels.shape for p in to_learn([line], self.config)] == [(5,)]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("data/val/images", "val/images"),
        ("data/val/Images", "val/Images"),
        ("data/val", "val"),
        ("data/cells.tif", "cells.tif"),
        ("disks", "disks"),
        ("/images", "//images"),
    ],
)
def test_names(path: str, name: str) -> None:
    assert name_of(Path(path)) == name


def test_a_relative_folder_is_named_by_where_it_lies(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert name_of(Path("images")) == f"{tmp_path.name}/images"
