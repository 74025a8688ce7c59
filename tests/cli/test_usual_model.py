"""No command falls back to the disks on an image that is no sample of them."""

from pathlib import Path

import numpy as np
import pytest

from napari_shiftseg.cli.options import model_for
from napari_shiftseg.networks.header import find_model
from napari_shiftseg.samples.catalogue import SAMPLES


@pytest.mark.parametrize(
    ("images", "model"),
    [
        (["cells.tif"], "nuclei"),
        (["plates/disks.tif", "cells.npy"], "nuclei"),
        (["disks"], "disks"),
        (["disks-15"], "figure-2b"),
        (["nuclei-3d", "cells.tif"], "nuclei"),
        ([], "nuclei"),
    ],
)
def test_the_samples_own_else_nuclei(images: list[str], model: str) -> None:
    assert model_for(None, *map(Path, images)) == model
    assert model_for("mine", *map(Path, images)) == "mine"


def test_a_file_named_like_a_sample_is_none(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("disks.npy", np.zeros((3, 3)))
    Path("disks.npy").rename("disks")
    assert model_for(None, Path("disks")) == "nuclei"


def test_images_of_different_models_need_one_name() -> None:
    with pytest.raises(ValueError, match=r"disks: disks, cells\.tif: nuclei.*with -m"):
        model_for(None, Path("disks"), Path("cells.tif"))


def test_every_sample_has_a_model_that_is_there() -> None:
    assert all(find_model(model_for(None, Path(name))).is_file() for name in SAMPLES)
