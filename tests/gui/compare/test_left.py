"""Tiles of other libraries on the left, for networks that were made elsewhere."""

from __future__ import annotations

from zipfile import ZipFile

import numpy as np
import pytest
import yaml

from napari_shiftseg.networks.opening.exporting import export_bioimageio
from napari_shiftseg.networks.unet import new_model


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A package that declares a halo of 4, and nothing of us."""
    folder = tmp_path_factory.mktemp("package")
    model = new_model(
        ndim=2, depth=2, features=4, padding="same", intensity="range", foreground=True
    )
    with ZipFile(export_bioimageio(model, folder / "m.zip")) as file:
        file.extractall(folder)
    description = folder / "bioimageio.yaml"
    said = yaml.safe_load(description.read_text())
    del said["config"]
    for axis in said["outputs"][0]["axes"][2:]:
        axis["halo"] = 4
    description.write_text(yaml.safe_dump(said))
    return folder


@pytest.fixture
def foreign(viewer, compare, package, noise, qtbot):
    """The Compare widget with that network, tiles of 12, and an image."""
    viewer.add_image(noise, name="noise")
    compare.form.model.open(package)
    qtbot.waitUntil(lambda: compare.form.model.value == str(package), timeout=60_000)
    compare.form.window.value = "12"
    return compare


def is_offered(widget):
    return widget.form.left.native.isVisibleTo(widget.native)


def test_ways_are_offered_for_networks_made_elsewhere(foreign):
    assert is_offered(foreign)
    assert foreign.form.left.ways == (
        "naive", "blended", "declared halo", "normalised by tile",
    )  # fmt: skip
    foreign.form.left.way = "declared halo"

    foreign.form.model.value = "disks"

    assert not is_offered(foreign)
    assert foreign.form.left.way == "naive"


def test_the_left_side_is_that_of_the_library(foreign, press, tmp_path):
    foreign.form.left.way = "declared halo"
    press(foreign)

    compared = foreign.view.compared
    theirs = compared.reported.also["declared halo"]
    assert foreign.view.canvases.left.title.text().startswith("declared halo")
    assert foreign.view.table.horizontalHeaderItem(0).text() == "declared halo"
    assert compared.comparison.naive is theirs
    assert theirs.result.plan.reads == (20, 20)  # 12 and the declared halo
    off = np.abs(theirs.result.embeddings - compared.comparison.reference).max()
    assert theirs.figures()["largest_difference"] == off > 0
    assert "with the halo that the package declares" in compared.said.text

    report = foreign.view.report_button
    assert report.enabled
    assert compared.reported.naive.result.plan.reads == (12, 12)


def test_another_choice_outdates_what_is_shown(foreign, press):
    press(foreign)
    assert not foreign.view.outdated.native.isVisibleTo(foreign.native)

    foreign.form.left.way = "blended"
    assert foreign.view.outdated.native.isVisibleTo(foreign.native)

    foreign.form.left.way = "naive"
    assert not foreign.view.outdated.native.isVisibleTo(foreign.native)


def test_views_do_not_go_with_them(foreign):
    foreign.form.views.value = 2
    assert foreign.panel.button.enabled

    foreign.form.left.way = "blended"

    assert "take views=1" in foreign.note.text.value
    assert not foreign.panel.button.enabled
