"""Tiles with the halo that a package declares, against bioimageio.core's own blocks."""

from __future__ import annotations

from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import yaml

from napari_shiftseg.geometry.library_tiles import declared_plan
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed_steps, open_for
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.networks.opening.exporting import export_bioimageio
from napari_shiftseg.networks.unet import new_model
from napari_shiftseg.pipeline.comparison import compare
from napari_shiftseg.progress import exhaust

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def padded() -> Any:
    return new_model(ndim=2, depth=2, features=4, padding="same")


# bioimageio.core leaves files open
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("halo", "shape"), [(4, (60, 71)), (8, (64, 40))])
def test_tiles_of_the_declared_halo_are_its_blocks(
    padded, rng, tmp_path, blocks_of_core, halo, shape
) -> None:
    package = with_halo(padded, halo, tmp_path)
    image = rng.normal(size=shape).astype(np.float32)
    naive = plan_tiles(shape, padded.shape, 24, "naive")
    plan = declared_plan(naive, (halo, halo))

    steps = embed_steps(open_for(image, padded), padded, plan, "cpu")
    found = exhaust(steps).raw

    expected = blocks_of_core(package, image, plan.reads)
    largest = float(np.abs(expected).max())
    assert len(plan) > 1
    assert found == pytest.approx(expected, abs=1e-5 * largest)


def test_tiles_are_exact_whatever_a_package_declares(padded, rng, tmp_path) -> None:
    network = load_model(with_halo(padded, 4, tmp_path))
    image = rng.normal(size=(50, 66)).astype(np.float32)
    assert network.config.declared_halo == (4, 4)
    assert network.shape.period == padded.shape.period
    assert network.shape.axes[0].halo > 4

    found = compare(image, network, window=16, also=["declared halo"])

    exact, theirs = (
        side.figures()["largest_difference"]
        for side in (found.cropped, found.also["declared halo"])
    )
    assert exact < 1e-5 * float(np.abs(found.reference).max())
    assert theirs > 1e3 * exact


def with_halo(model: Any, halo: int, folder: Any) -> Any:
    """A package that declares another halo than the network needs."""
    with ZipFile(export_bioimageio(model, folder / "m.zip")) as file:
        file.extractall(folder / "package")
    description = folder / "package" / "bioimageio.yaml"
    said = yaml.safe_load(description.read_text())
    del said["config"]  # that says it is one of ours
    for axis in said["outputs"][0]["axes"]:
        if "halo" in axis:
            axis["halo"] = halo
    description.write_text(yaml.safe_dump(said))
    return description
