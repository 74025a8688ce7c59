"""Volumes in the layout of StarDist's archives: scored, and trained on."""

from __future__ import annotations

import csv
from argparse import Namespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.networks.unet import save_model
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

    from napari_shiftseg.networks.unet import UNet

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPE = (10, 14, 16)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return two volumes to test on, in ``test/images/`` and ``test/masks/``."""
    rng = np.random.default_rng(0)
    home = tmp_path / "worms"
    for kind in ("images", "masks"):
        (home / "test" / kind).mkdir(parents=True)
    for name in ("a", "b"):
        labels = np.zeros(SHAPE, np.uint16)
        labels[2:8, 2:8, 2:8] = 1
        image = (200 * (labels > 0) + rng.integers(0, 20, SHAPE)).astype(np.uint8)
        tifffile.imwrite(home / "test" / "images" / f"{name}.tif", image)
        tifffile.imwrite(home / "test" / "masks" / f"{name}.tif", labels)
    return home


def save(model: UNet, path: Path) -> str:
    return str(save_model(model, path))


def test_both_models_are_scored_and_written(
    read_script: Callable[[str], ModuleType],
    small_model: Callable[..., UNet],
    archive: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clustering = Clustering(bandwidth=1.0, scope="component", min_size=4)
    solid = small_model(3, 1, foreground=True, clustering=clustering)
    flat = small_model(2, 1, foreground=True, clustering=clustering)
    asked = Namespace(
        data=archive, part="test", output=tmp_path / "out", device="cpu",
        model=save(solid, tmp_path / "solid.safetensors"),
        planes=save(flat, tmp_path / "flat.safetensors"),
    )  # fmt: skip
    read_script("volumes").run(asked)

    table = (tmp_path / "out" / "results.csv").read_text().splitlines()
    rows = [*csv.DictReader(table)]
    assert [row["volume"] for row in rows] == ["1", "2", "all"] * 2
    image, labels = (
        tifffile.imread(archive / "test" / kind / "a.tif")
        for kind in ("images", "masks")
    )
    for model, row in ((solid, rows[0]), (flat, rows[3])):
        found = segment(image, model, **vars(Settings(device="cpu")), axes=("z",))
        known = object_scores(labels, found.labels)
        assert int(row["objects"]) == known.objects
        assert float(row["ap50"]) == pytest.approx(known.ap50)
    assert "all" in capsys.readouterr().out


def test_planes_are_refused(
    read_script: Callable[[str], ModuleType], archive: Path, tmp_path: Path
) -> None:
    for kind in ("images", "masks"):
        path = archive / "test" / kind / "c.tif"
        tifffile.imwrite(path, np.ones((8, 9), np.uint8))
    asked = Namespace(
        data=archive, part="test", output=tmp_path, device="cpu", model="nuclei-3d",
        planes="none",
    )  # fmt: skip
    with pytest.raises(ValueError, match=r"volumes \(z, y, x\) are scored.*2 axes"):
        read_script("volumes").run(asked)
