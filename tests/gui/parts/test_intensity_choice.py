"""Which grey values a widget reads: automatic, as displayed, from-to, inverted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_shiftseg.gui.parts import intensity_choice
from napari_shiftseg.gui.parts.intensity_choice import AUTOMATIC, DISPLAYED, GIVEN
from napari_shiftseg.intensity.scale import Rule
from napari_shiftseg.networks.config import NetworkConfig

METADATA = "shiftseg"
USUAL = {"invert": False, "ignore_nan": False}


@pytest.fixture
def cells():
    """Sixteen bright spots."""
    y, x = np.mgrid[:160, :160]
    spots = (y % 40 - 20) ** 2 + (x % 40 - 20) ** 2 <= 81
    body = ndimage.gaussian_filter(spots.astype(float), 1)
    return 100 + 1000 * body + np.random.default_rng(0).normal(0, 10, body.shape)


@pytest.fixture
def choice(viewer, cells):
    """The choice of the Segment widget, on these cells, with the nuclei model."""
    viewer.add_image(cells, name="cells", contrast_limits=(50, 900))
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    assert widget.model.value == "nuclei"
    return widget.form.intensity


def test_what_is_read_is_said(choice, cells):
    low, high = np.percentile(cells, (1, 99.8))
    assert choice.settings() == {"intensity": "auto", **USUAL}
    assert choice.said.value == f"reads {low:.3g} … {high:,.0f} as 0 … 1"
    assert not choice.values.visible


def test_as_displayed_follows_the_contrast_limits(choice, viewer):
    choice.mode.value = DISPLAYED
    assert choice.settings()["intensity"] == (50, 900)
    viewer.layers["cells"].contrast_limits = (60, 800)
    assert choice.said.value == "reads 60 … 800 as 0 … 1"
    assert choice.settings()["intensity"] == (60, 800)


def test_two_values_begin_with_what_is_read(choice, cells):
    choice.mode.value = GIVEN
    low, high = choice.settings()["intensity"]
    assert (low, high) == pytest.approx(np.percentile(cells, (1, 99.8)), rel=0.01)
    choice.values.value = "100:1100"
    choice.invert.value = True
    assert choice.settings() == USUAL | {"intensity": (100, 1100), "invert": True}
    assert choice.said.value == "reads 100 … 1,100 as 1 … 0"


def test_nan_is_no_data_where_that_is_ticked(choice, viewer, cells):
    """The control is there for an image that needs it, and for no other."""
    assert choice.ignore_nan.native.isHidden()
    holed = cells.copy()
    holed[:5] = np.nan
    viewer.add_image(holed, name="holed")
    assert choice.said.value.endswith("NaN is no data")
    assert "--" not in choice.said.value
    assert not choice.ignore_nan.native.isHidden()
    choice.ignore_nan.value = True
    assert choice.said.value.startswith("reads ")
    assert choice.settings()["ignore_nan"] is True
    choice.ignore_nan.value = False
    viewer.layers.selection.active = viewer.layers["cells"]
    choice._image.value = viewer.layers["cells"]
    assert choice.ignore_nan.native.isHidden()


def test_what_cannot_be_is_refused(widget, viewer, cells):
    viewer.add_image(cells)
    choice = widget.form.intensity
    choice.mode.value = GIVEN
    choice.values.value = "5:5"
    assert "the first below the second" in choice.said.value
    assert "the first below the second" in widget.note.text.value
    assert not widget.panel.button.enabled
    assert choice.reading is None
    choice.values.value = "5:50"
    assert widget.panel.button.enabled


def test_dark_objects_are_told_and_inverted(choice, viewer, cells):
    viewer.layers["cells"].data = 3000 - cells
    assert choice.said.value.endswith(
        "dark objects on a bright background: tick Invert"
    )
    choice.invert.value = True
    assert choice.said.value.endswith("as 1 … 0")


def test_a_large_image_is_read_meanwhile(choice, viewer, cells, qtbot, monkeypatch):
    monkeypatch.setattr(intensity_choice, "SMALL", 10)
    choice.invert.value = True
    assert choice.said.value == "…"
    qtbot.waitUntil(lambda: choice.said.value.endswith("as 1 … 0"), timeout=60_000)


def test_a_run_is_recorded_and_restored(widget, viewer, run, cells):
    viewer.add_image(cells[:60, :60], name="cells")
    choice = widget.form.intensity
    choice.mode.value, choice.values.value = GIVEN, "100:1100"
    choice.invert.value = True
    run(widget)
    (labels,) = (la for la in viewer.layers if la.name.startswith("labels"))
    record = labels.metadata[METADATA]
    assert record["settings"]["intensity"] == (100, 1100)
    assert record["settings"]["invert"]
    assert (record["reads"]["low"], record["reads"]["high"]) == (100, 1100)
    choice.mode.value, choice.invert.value = AUTOMATIC, False
    widget.form.restore(record)
    assert choice.settings() == USUAL | {"intensity": (100, 1100), "invert": True}


def test_compare_and_inspect_take_it_over(choice, viewer):
    choice.mode.value, choice.values.value = GIVEN, "100:1100"
    _, compare = viewer.window.add_plugin_dock_widget(
        "napari-shiftseg", "Compare stitching"
    )
    _, inspect = viewer.window.add_plugin_dock_widget(
        "napari-shiftseg", "Inspect model"
    )
    for other in (compare.form.intensity, inspect.intensity):
        assert other.settings() == USUAL | {"intensity": (100, 1100)}
    assert compare.form.task().settings.intensity == (100, 1100)
    viewer.window.remove_dock_widget("all")


def test_every_control_says_what_it_is(choice):
    for control in (choice.mode, choice.values, choice.invert, choice.said):
        assert control.tooltip


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("percentile", "Automatic: from the background to the brighter half"),
        ("as-is", "Automatic: grey values as they are"),
        (
            Rule("standardized"),
            "Automatic: as the network's own package says: mean 0 and standard "
            "deviation 1 of the whole image.",
        ),
    ],
)
def test_automatic_is_what_the_model_says(choice, monkeypatch, rule, said):
    config = NetworkConfig(intensity=rule)
    monkeypatch.setattr(choice, "_config", lambda: config)
    choice.refresh()
    assert said in choice.mode.tooltip
