"""The tile size that Segment begins with: the cheapest, unless one was given."""

import numpy as np
import pytest

from napari_shiftseg.gui.parts.devices import Devices
from napari_shiftseg.gui.parts.models import METADATA_MODELS
from napari_shiftseg.gui.segment.last_choice import LastChoice
from napari_shiftseg.inference.predict import plan_for
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.stores.image import open_image

ENOUGH = Devices({"cpu": 2**31})
SAID = "is the cheapest tile size for this image."


@pytest.fixture
def segment(viewer, qtbot):
    """Segment, docked, on a machine that tiles fit in the memory of."""
    _, docked = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    qtbot.waitUntil(lambda: "cpu" in docked.device.list.choices, timeout=60_000)
    docked.device.take(ENOUGH)
    return docked


def empty(*shape):
    return np.broadcast_to(np.float32(0), shape)


def test_it_is_that_of_the_command_line(viewer, segment):
    image = np.random.default_rng(0).random((300, 500), np.float32)
    viewer.add_image(image)
    model = load_unet("nuclei")
    opened = open_image(image, 2, 1, model.config.intensity)
    plan = plan_for(opened, model, None, "cropped", "mirror", None, "cpu")
    assert segment.window.value == "x".join(map(str, plan.window)) == "304x512"
    assert segment._plan == plan
    assert f"304x512 {SAID}" in segment.note.text.value


def test_it_follows_the_image_the_model_and_what_fits(viewer, segment, model_file):
    first = viewer.add_image(empty(300, 300))
    assert segment.window.value == "304"
    viewer.add_image(empty(100, 200), name="second")
    assert segment.image.value.name == "second"
    assert segment.window.value == "112x208"
    segment.model.open(model_file)
    assert segment.window.value == "100x200"  # p = 4
    segment.device.take(Devices({"cpu": 500_000}))
    rows, columns = map(int, segment.window.value.split("x"))
    assert rows * columns < 100 * 200
    assert segment._plan.memory <= 500_000
    segment.device.take(ENOUGH)
    segment.image.value = first
    assert segment.window.value == "300"


def test_of_a_volume_it_is_far_cheaper_than_the_window_of_the_training(viewer, segment):
    viewer.add_image(empty(24, 96, 96))
    assert segment.model.value == "nuclei-3d"
    assert SAID in segment.note.text.value
    best = segment._plan.cost
    trained = segment.form.config.seamless_window
    segment.window.use(trained)
    assert segment._plan.cost > 1.2 * best
    assert SAID not in segment.note.text.value


def test_the_users_own_stays_and_the_button_gives_it_back(viewer, segment):
    first = viewer.add_image(empty(300, 300))
    segment.window.value = "112"
    assert SAID not in segment.note.text.value
    segment.image.value = viewer.add_image(empty(100, 100))  # where it is the cheapest
    segment.window.value = "64"
    segment.window.value = "112"  # as it would be by itself
    segment.image.value = first
    assert segment.window.value == "112"
    assert LastChoice.read().tile_size == "112"
    best = segment.note.buttons[0]
    assert best.text == "Cheapest: whole (304)"
    best.native.click()
    assert segment.window.value == "304"
    assert LastChoice.read().tile_size == ""
    segment.image.value = viewer.add_image(empty(200, 200))
    assert segment.window.value == "208"


def test_until_memory_is_known_it_is_no_larger_than_in_training(viewer, segment):
    segment.device.take(Devices())
    viewer.add_image(empty(300, 400))
    assert segment.window.value == "240"
    assert SAID not in segment.note.text.value
    segment.device.take(ENOUGH)
    assert segment.window.value == "304x416"


def test_samples_show_their_seams_and_nuclei_do_not_wait(viewer, segment):
    viewer.open_sample("napari-shiftseg", "disks_13")
    assert segment.window.value == "20"
    segment.model.value = "nuclei"  # on disks, whose seams are to be seen
    assert segment.window.value == "244"
    viewer.layers.clear()
    viewer.open_sample("napari-shiftseg", "nuclei")
    assert segment.window.value == "528"
    disks = {METADATA_MODELS: ("disks",)}
    segment.image.value = viewer.add_image(empty(60, 60), metadata=disks)
    segment.model.value = "nuclei"
    assert (segment.model.value, segment.window.value) == ("nuclei", "244")


def test_in_one_pass_there_is_no_word_of_it(viewer, segment):
    viewer.add_image(empty(300, 300))
    segment.stitching.value = "whole"
    assert SAID not in segment.note.text.value
    segment.stitching.value = "naive"
    assert f"304 {SAID}" in segment.note.text.value


def test_what_the_view_shows_has_its_own(viewer, segment):
    viewer.add_image(empty(600, 600))
    segment.advanced.region.value = "what the view shows"
    assert "cheapest tile size for the part in view" in segment.note.text.value


def test_compare_begins_where_seams_can_be_seen(viewer, segment):
    viewer.add_image(empty(300, 300))
    _, compare = viewer.window.add_plugin_dock_widget(
        "napari-shiftseg", "Compare stitching"
    )
    assert compare.form.window.value == "244"
    segment.window.value = "100"
    compare.form.follow(segment.form)
    assert compare.form.window.value == "100"
    del compare
    viewer.window.remove_dock_widget("all")
