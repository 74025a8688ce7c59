"""No command falls back to the disks on an image that is no sample of them."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from napari_shiftseg.cli.usual_model import model_for
from napari_shiftseg.networks.header import find_model
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import SAMPLES


@pytest.mark.parametrize(
    ("images", "model"),
    [
        (["cells.tif"], "nuclei"),
        (["plates/disks.tif", "cells.npy"], "nuclei"),
        (["disks"], "disks"),
        (["disks-15"], "figure-2b"),
        (["nuclei-3d"], "nuclei-3d"),
        (["nuclei", "cells.tif"], "nuclei"),
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


VOLUME = np.zeros((6, 20, 24), np.uint8)


def written(folder: Path, name: str, data: np.ndarray, axes: str = "") -> Path:
    """Write an image; its axes are said if they are given."""
    path = folder / name
    if path.suffix == ".npy":
        np.save(path, data)
    elif path.suffix == ".zarr":
        zarr.save(path, data)
    else:
        said = {"axes": axes} if axes else {}
        kind = "rgb" if data.shape[-1] == 3 else "minisblack"
        tifffile.imwrite(path, data, imagej=bool(axes), metadata=said, photometric=kind)
    return path


@pytest.mark.parametrize(
    ("name", "data", "axes", "model"),
    [
        ("a.tif", VOLUME, "ZYX", "nuclei-3d"),
        ("a.tif", VOLUME, "TYX", "nuclei"),
        ("a.tif", VOLUME, "CYX", "nuclei"),
        ("a.tif", VOLUME, "", "nuclei-3d"),
        ("a.tif", VOLUME[:2], "ZYX", "nuclei-3d"),
        ("a.tif", VOLUME[:1], "ZYX", "nuclei"),
        ("a.tif", VOLUME[:4], "", "nuclei"),  # may be channels
        ("a.tif", np.stack([VOLUME] * 2), "TZYX", "nuclei-3d"),
        ("a.tif", np.stack([VOLUME] * 2, axis=1), "ZCYX", "nuclei-3d"),
        ("a.tif", np.stack([VOLUME] * 2, axis=1), "TCYX", "nuclei"),
        ("a.tif", VOLUME[0], "", "nuclei"),
        ("a.tif", np.zeros((20, 24, 3), np.uint8), "", "nuclei"),
        ("a.npy", VOLUME, "", "nuclei-3d"),
        ("a.npy", VOLUME[:4], "", "nuclei"),
        ("a.zarr", VOLUME, "", "nuclei-3d"),
    ],
)
def test_a_volume_has_the_model_of_volumes(
    tmp_path: Path, capsys, name, data, axes, model
) -> None:
    path = written(tmp_path, name, data, axes)
    assert model_for(None, path) == model
    assert ("volume" in capsys.readouterr().err) == (model == "nuclei-3d")
    assert model_for("mine", path) == "mine"


def test_a_folder_is_that_of_its_first_image(tmp_path: Path) -> None:
    written(tmp_path, "a.tif", VOLUME, "ZYX")
    written(tmp_path, "b.tif", VOLUME, "TYX")
    assert model_for(None, tmp_path) == "nuclei-3d"


@pytest.mark.parametrize(
    "settings",
    [
        Settings(link_planes=True),
        Settings(link_planes=False),
        Settings(link_threshold=0.4),
        Settings(window="64x64"),
        Settings(region=((0, 9), (0, 9))),
    ],
)
def test_what_is_asked_of_planes_takes_the_model_of_planes(
    tmp_path: Path, settings: Settings
) -> None:
    path = written(tmp_path, "a.tif", VOLUME, "ZYX")
    assert model_for(None, path, settings=settings) == "nuclei"
    other = Settings(window="8x64x64", min_size=3)
    assert model_for(None, path, settings=other) == "nuclei-3d"


def test_what_cannot_be_read_is_refused_later(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0" + bytes(9))
    assert model_for(None, tmp_path / "a.tif") == "nuclei"
    assert model_for(None, tmp_path) == "nuclei"
