"""The control for a diameter in Segment, and what is said before and after a run."""

from __future__ import annotations

import numpy as np
import pytest

import napari_shiftseg as shiftseg
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.networks.unet import build, load_unet
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.segmentation import segment


@pytest.fixture
def sized(widget, tmp_path):
    """Segment, with a model that knows objects of 8 pixels."""
    config = ModelConfig.new(
        name="sized", depth=2, features=2, diameter=8.0,
        clustering=Clustering(bandwidth=0.7, min_size=3),
    )  # fmt: skip
    path = shiftseg.save_model(build(config), tmp_path / "sized.safetensors")
    widget.model.open(str(path))
    return widget


def caption(widget):
    return widget.note.text.value


def test_a_run_with_it_and_again(viewer, sized, noise, run, qtbot):
    image = viewer.add_image(noise)
    diameter = sized.advanced.diameter
    assert diameter.value == ""
    assert "Empty: not rescaled" in " ".join(diameter.tooltip.split())
    diameter.value = "5"
    assert "; rescaled to 64 × 80" in sized.summary.value
    sized.show_grid.value = True
    grid = next(la for la in viewer.layers if "preview" in la.name)
    ends = grid.data[:, 0] + grid.data[:, 1]
    assert ends[:, 0].max() < 60  # on the image, of 40 × 50, not on the rescaled one
    sized.show_grid.value = False  # or it would lie on top
    sized.advanced.layers["tile grid"].value = True
    run(sized)
    made = viewer.layers[-1]
    expected = segment(noise, load_unet(sized.model.value), diameter=5)
    np.testing.assert_array_equal(made.data, expected.labels)
    np.testing.assert_allclose(made.scale, image.scale)
    record = made.metadata[METADATA_KEY]
    assert record["settings"]["diameter"] == 5
    assert record["rescaled"]["shape"] == [64, 80]
    lines = next(la for la in viewer.layers if la.name.startswith("tile grid ·"))
    assert (lines.data[:, 0] >= -0.51).all()
    assert (lines.data[:, 0] + lines.data[:, 1] <= (39.51, 49.51)).all()
    diameter.value = ""
    viewer.layers.selection.active = made
    sized.again.native.click()
    qtbot.waitUntil(lambda: not sized.panel.is_running, timeout=60_000)
    assert diameter.value == "5"
    np.testing.assert_array_equal(viewer.layers[-1].data, made.data)


def test_a_record_of_before_means_none(viewer, sized, noise, run, qtbot):
    viewer.add_image(noise)
    run(sized)
    made = viewer.layers[-1]
    del made.metadata[METADATA_KEY]["settings"]["diameter"]
    sized.advanced.diameter.value = "5"
    viewer.layers.selection.active = made
    sized.again.native.click()
    qtbot.waitUntil(lambda: not sized.panel.is_running, timeout=60_000)
    assert sized.advanced.diameter.value == ""


def test_in_micrometres(viewer, sized, noise):
    layer = viewer.add_image(noise, scale=(0.4, 0.4))
    sized.advanced.diameter.value = "2 um"
    assert not sized.panel.button.enabled
    assert "give the diameter in pixels" in caption(sized)
    layer.units = ("um", "um")
    sized.advanced.diameter.value = "2um"
    assert sized.panel.button.enabled
    assert "; rescaled to 64 × 80" in sized.summary.value


@pytest.mark.parametrize(
    ("text", "said"),
    [("0", "above 0 and finite"), ("big", "a diameter is a number"), ("99", "larger")],
)
def test_refused(viewer, sized, noise, text, said):
    viewer.add_image(noise)
    sized.advanced.diameter.value = text
    assert not sized.panel.button.enabled
    assert said in caption(sized)
    sized.advanced.diameter.value = ""
    assert sized.panel.button.enabled


def test_a_model_of_unknown_size(viewer, widget, noise):
    viewer.add_image(noise)
    widget.advanced.diameter.value = "9"
    assert not widget.panel.button.enabled
    assert "does not know how large the objects" in caption(widget)
    widget.advanced.diameter.value = "auto"
    assert widget.panel.button.enabled


def test_auto_is_found_in_the_run(viewer, sized, noise, run):
    viewer.add_image(noise)
    sized.advanced.diameter.value = "auto"
    assert "; a first pass finds the diameter" in sized.summary.value
    run(sized)
    record = viewer.layers[-1].metadata[METADATA_KEY]
    assert record["settings"]["diameter"] == "auto"


def test_compare_takes_the_image_as_it_is(viewer, sized, compare, noise):
    viewer.add_image(noise)
    sized.advanced.diameter.value = "5"
    compare.follow(sized.form)
    assert compare.form.task().settings.diameter is None
    assert "without the diameter" in compare.form.settings_note
