"""The control for views: in Segment, in Compare, and in what both say before a run."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.devices import Devices
from napari_shiftseg.gui.parts.models import METADATA_MODELS
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings


def captions(widget):
    return widget.note.text.value


def test_segment_takes_them_and_runs_again_with_them(viewer, widget, noise, run, qtbot):
    viewer.add_image(noise)
    views = widget.advanced.views
    assert views.value == 1
    assert views.choices == (1, 2, 4, 8)
    assert "eight times as long" in " ".join(views.tooltip.split())
    assert "views" not in widget.summary.value
    views.value = 8
    assert "; 8 views" in widget.summary.value
    run(widget)
    made = viewer.layers[-1]
    assert made.metadata[METADATA_KEY]["settings"]["views"] == 8
    network = widget.mend.labels.__dict__["_shiftseg_session"].kept
    assert len(network.frame().embedding) == 8 * network.config.embedding_channels
    views.value = 1
    viewer.layers.selection.active = made
    assert "views: 8" in widget.again.native.toolTip().splitlines()
    widget.again.native.click()
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)
    assert views.value == 8
    np.testing.assert_array_equal(viewer.layers[-1].data, made.data)


def test_a_record_of_before_means_one(viewer, widget, noise, run, qtbot):
    viewer.add_image(noise)
    run(widget)
    made = viewer.layers[-1]
    del made.metadata[METADATA_KEY]["settings"]["views"]
    widget.advanced.views.value = 4
    viewer.layers.selection.active = made
    widget.again.native.click()
    qtbot.waitUntil(lambda: not widget.panel.is_running, timeout=60_000)
    assert widget.advanced.views.value == 1
    assert viewer.layers[-1].metadata[METADATA_KEY]["settings"]["views"] == 1


def test_pixels_that_are_not_square_are_not_turned(viewer, widget, compare, noise):
    viewer.add_image(noise, scale=(0.5, 0.25))
    for each, views in (
        (widget, widget.advanced.views), (compare, compare.form.views),
    ):  # fmt: skip
        views.value = 8
        assert not each.panel.button.enabled
        assert "0.5 high and 0.25 wide: take views=4" in captions(each)
        views.value = 4
        assert each.panel.button.enabled


def test_a_border_that_they_do_not_share(viewer, widget):
    viewer.add_image(np.random.default_rng(0).random((60, 70)))
    widget.advanced.border.value = "valid"
    assert widget.panel.button.enabled
    widget.advanced.views.value = 2
    assert not widget.panel.button.enabled
    assert "predicts other pixels in each view" in captions(widget)


def test_the_time_before_a_run_is_that_of_all(viewer, widget):
    widget.model.value = "disks"
    widget.device.take(Devices({"cpu": 2**31}))
    large = np.broadcast_to(np.float32(0), (1600, 1600))
    viewer.add_image(large, metadata={METADATA_MODELS: ("disks",)})
    widget.window.value = "16"
    assert "tiles take" not in captions(widget)
    widget.advanced.views.value = 8
    assert "81,608 tiles take roughly" in captions(widget)  # 8 · 101²


def test_compare_follows_segment(viewer, widget, compare, noise):
    viewer.add_image(noise)
    assert compare.form.views.value == 1
    widget.advanced.views.value = 4
    compare.follow(widget.form)
    assert compare.form.views.value == 4
    assert "views" not in compare.form.settings_note  # its own control says it
    assert compare.form.task().settings.views == 4
    assert "; 4 views" in captions(compare)


def test_compare_with_them(viewer, compare, press, noise):
    viewer.add_image(noise)
    compare.form.views.value = 2
    press(compare)
    comparison = compare.view.compared.comparison
    assert comparison.reference.shape[0] == 6
    assert comparison.naive.result.settings.views == 2
    assert not compare.view.outdated.native.isVisibleTo(compare.native)
    compare.form.views.value = 4
    assert compare.view.outdated.native.isVisibleTo(compare.native)


@pytest.mark.parametrize("views", [1, 4])
def test_what_is_shown_is_what_segment_gives(viewer, widget, noise, run, views):
    viewer.add_image(noise)
    widget.advanced.views.value = views
    run(widget)
    record = viewer.layers[-1].metadata[METADATA_KEY]
    assert asdict(Settings(**record["settings"]))["views"] == views
    kept = widget.mend.labels.__dict__["_shiftseg_session"].kept
    from napari_shiftseg.networks.unet import load_unet

    expected = segment(noise, load_unet(record["model"]), window=4, views=views)
    np.testing.assert_allclose(kept.frame().embedding, expected.embeddings, atol=1e-5)
