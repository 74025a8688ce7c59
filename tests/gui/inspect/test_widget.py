import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import napari_shiftseg as shiftseg
from napari_shiftseg.geometry.cost import COLUMNS, planned_costs
from napari_shiftseg.gui.inspect.card import IN_PLAIN_WORDS
from napari_shiftseg.gui.inspect.widget import CHANGED
from napari_shiftseg.gui.parts.layout import opened
from napari_shiftseg.networks.header import read_unet_config
from napari_shiftseg.networks.unet import UNet, build
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.self_test import self_test

AMBER = "/* warning */"
INSPECT = "Inspect model"
TIME = list(COLUMNS).index("time")


@pytest.fixture
def widget(viewer, model_file):
    """The Inspect widget, docked, with the small model chosen (p = 4)."""
    widget = opened(viewer, INSPECT)
    widget.model.open(model_file)
    return widget


@pytest.fixture
def press(qtbot):
    """Press the button of a panel and wait for the end."""

    def press_and_wait(panel):
        panel.button.native.click()
        assert panel.is_running
        qtbot.waitUntil(lambda: not panel.is_running, timeout=60_000)

    return press_and_wait


@pytest.fixture(scope="session")
def other_models(tmp_path_factory):
    """Files of untrained nets by name."""
    folder = tmp_path_factory.mktemp("others")
    made = {
        "volumes": {"ndim": 3, "depth": 1},
        "two channels": {"depth": 1, "in_channels": 2},
        "padded": {"depth": (1, 2), "padding": "same", "normalization": "batch"},
        "<b>bold</b> & co": {"depth": 1, "description": "<i>slanted</i>"},
    }
    return {
        name: str(
            shiftseg.save_model(
                build(ModelConfig.new(name=name, features=2, **options)),
                folder / f"{number}.safetensors",
            )
        )
        for number, (name, options) in enumerate(made.items())
    }


@pytest.fixture
def slow(monkeypatch):
    """Make nets take long enough for something to happen meanwhile."""
    forward = UNet.forward

    def slowly(self, x):
        time.sleep(0.1)
        return forward(self, x)

    monkeypatch.setattr(UNet, "forward", slowly)


def shown(widget):
    """Whether a row of the widget would be seen if its dock was."""
    return widget.native.isVisibleTo(widget.native.parentWidget())


def texts(table):
    """What a table shows, row by row."""
    columns = range(table.columnCount())
    return [
        [table.item(row, column).text() for column in columns]
        for row in range(table.rowCount())
    ]


def times(widget):
    return [row[TIME] for row in texts(widget.table)]


# -------------------------------------------------------------------- card


def test_the_card_of_the_disk_model(viewer):
    widget = opened(viewer, INSPECT)
    widget.model.value = "disks"
    text = widget.card.toPlainText()
    for said in (
        "positions within one period", "Hold the pointer over an underlined word",
        "disks", "16 × 16 pixels (= 2⁴)", "184 × 184 pixels", "valid", "learnt",
        "at most 256 same-looking objects", "16, 32, 48, …: multiples of 16",
        "188, 204, 220, … → 4, 20, 36, …", "20 > period 16 ✓",
        "cropped tiles equal one pass over the whole image", "How it was trained",
        "shiftseg train --sample disks",
    ):  # fmt: skip
        assert said in text
    assert not shown(widget.warning)


def test_a_model_trained_below_its_period_warns_as_long_as_it_is_chosen(viewer):
    widget = opened(viewer, INSPECT)
    widget.model.value = "disks-w16"
    assert "expect seams at every multiple of 16" in widget.warning.value
    assert AMBER in widget.warning.native.styleSheet()
    assert shown(widget.warning)
    assert "16 not above the period 16" in widget.card.toPlainText()
    assert "✓" not in widget.card.toPlainText()
    widget.model.value = "disks"
    assert not shown(widget.warning)


def test_what_is_underlined_has_a_tooltip_in_plain_words(viewer):
    widget = opened(viewer, INSPECT)
    found = widget.card.document().find("Legal inputs")
    assert found.charFormat().toolTip() == IN_PLAIN_WORDS["Legal inputs"]
    assert found.charFormat().fontUnderline()
    found = widget.card.document().find("Trained on")
    assert found.charFormat().toolTip() == ""
    assert not found.charFormat().fontUnderline()
    text = widget.card.toPlainText()
    assert [name for name in IN_PLAIN_WORDS if name not in text] == []


def test_cards_of_other_nets(widget, other_models):
    widget.model.open(other_models["padded"])
    text = widget.card.toPlainText()
    assert "2 × 4 pixels" in text
    assert "2, 4, 6, …: multiples of 2; 4, 8, 12, …: multiples of 4" in text
    assert "It pads with zeros" in text
    assert "Batch norm" in text
    assert "How it was trained is not known" in text
    assert "How it was trained\n" not in text


def test_what_a_file_says_is_no_html(widget, other_models):
    widget.model.open(other_models["<b>bold</b> & co"])
    assert "<b>bold</b> & co" in widget.card.toPlainText()
    assert "<i>slanted</i>" in widget.card.toPlainText()


# ------------------------------------------------------------------- costs


def test_costs_appear_at_once(viewer, widget, noise, model_file):
    viewer.add_image(noise, name="cells")
    expected = planned_costs((40, 50), read_unet_config(model_file).shape)
    assert texts(widget.table) == [list(cost.cells()) for cost in expected]
    assert texts(widget.table)[0] == [
        "4", "44", "4", "130", "126 ×", "0 MB", "",
    ]  # fmt: skip
    assert "Tile sizes on cells, 40 × 50" in widget.title.value
    assert "cheapest that fits in memory: whole" in widget.title.value
    bold = [
        widget.table.item(row, 0).font().bold()
        for row in range(widget.table.rowCount())
    ]
    assert bold == [False] * (len(expected) - 1) + [True]


def test_costs_follow_model_and_image(viewer, widget, noise):
    viewer.add_image(noise, name="small")
    widget.model.value = "disks"
    assert [row[0] for row in texts(widget.table)] == ["16", "32", "whole (48×64)"]
    viewer.add_image(np.zeros((200, 100)), name="large")
    widget.image.value = viewer.layers["large"]
    assert "large, 200 × 100" in widget.title.value
    assert [row[0] for row in texts(widget.table)][-2:] == [
        "128×112",
        "whole (208×112)",
    ]
    viewer.layers.remove("large")
    assert widget.image.value.name == "small"
    assert "small, 40 × 50" in widget.title.value


def test_without_an_image_the_card_is_shown_and_the_table_asks_for_one(
    viewer, widget, noise
):
    assert "Open an image" in widget.title.value
    assert widget.table.rowCount() == 0
    assert "4 × 4 pixels" in widget.card.toPlainText()
    assert not widget.measuring.button.enabled
    assert not widget.testing.button.enabled
    layer = viewer.add_image(noise)
    assert widget.measuring.button.enabled
    assert widget.testing.button.enabled
    viewer.layers.remove(layer)
    assert "Open an image" in widget.title.value
    assert not widget.testing.button.enabled


def test_a_model_of_more_axes_than_the_image(viewer, widget, noise, other_models):
    viewer.add_image(noise)
    widget.model.open(other_models["volumes"])
    assert "this model reads 3 axes, the image has 2" in widget.title.value
    assert not widget.measuring.button.enabled
    viewer.add_image(np.zeros((9, 20, 30)), name="volume")
    widget.image.value = viewer.layers["volume"]
    assert "9 × 20 × 30" in widget.title.value
    assert texts(widget.table)[0][0] == "2"
    assert widget.measuring.button.enabled


def test_memory_is_known_when_the_devices_are(viewer, widget, noise, qtbot):
    viewer.add_image(noise)
    qtbot.waitUntil(lambda: "device" in widget.title.value, timeout=60_000)
    from napari_shiftseg.gui.parts.devices import Devices

    widget._take_devices(Devices({"cpu": 150_000}))
    assert times(widget)[-1] == "does not fit"
    assert times(widget)[0] == ""
    assert "cheapest that fits in memory: whole" not in widget.title.value
    widget._take_devices(Devices({"cpu": 1}))
    assert "not even the smallest tile fits" in widget.title.value


# ------------------------------------------------------------------- times


def test_measuring_fills_the_times(viewer, widget, noise, press):
    viewer.add_image(noise)
    before = [row[:TIME] for row in texts(widget.table)]
    press(widget.measuring)
    assert [row[:TIME] for row in texts(widget.table)] == before
    assert all(text.endswith(" s") for text in times(widget))
    assert widget.measuring.result.value.startswith("Fastest: ")
    assert widget.measuring.button.text == "Measure times"
    assert len(viewer.layers) == 1
    widget.model.value = "disks"  # they speak of another model
    assert set(times(widget)) == {""}
    assert not shown(widget.measuring.result)


def test_times_come_one_by_one_and_stay_when_cancelled(viewer, widget, qtbot, slow):
    viewer.add_image(np.zeros((300, 300), np.float32))
    widget.measuring.button.native.click()
    assert not widget.testing.button.enabled  # one at a time, or times are wrong
    qtbot.waitUntil(lambda: times(widget)[0] != "", timeout=60_000)
    widget.measuring.button.native.click()
    qtbot.waitUntil(lambda: not widget.measuring.is_running, timeout=60_000)
    assert times(widget)[0].endswith(" s")
    assert times(widget)[-1] == ""
    assert "Cancelled" in widget.measuring.result.value
    assert widget.testing.button.enabled


# --------------------------------------------------------------- self-test


def test_the_verdict_stands_below_the_button(viewer, widget, noise, model_file, press):
    viewer.add_image(noise)
    press(widget.testing)
    expected = self_test(noise, shiftseg.load_model(model_file))
    assert expected.passed
    assert widget.testing.result.value == expected.verdict
    assert AMBER not in widget.testing.result.native.styleSheet()
    assert widget.testing.button.text == "Self-test on this image"
    assert len(viewer.layers) == 1


def test_a_tiny_image_is_told_of_no_window_field(viewer, widget, press):
    viewer.add_image(np.zeros((3, 3), np.float32))
    assert texts(widget.table)[0][0] == "whole (4)"
    press(widget.testing)
    assert "nothing was tested. Take a larger image." in widget.testing.result.value
    assert "window" not in widget.testing.result.value


def test_exact_tiles_do_not_hide_the_seams_of_the_model(viewer, press):
    widget = opened(viewer, INSPECT)
    widget.model.value = "disks-w16"
    viewer.add_image(np.random.default_rng(0).random((70, 70)).astype(np.float32))
    press(widget.testing)
    said = widget.testing.result.value
    assert "tiles are exact. Exact means equal to one pass" in said
    assert "seams itself, at every multiple of 16" in said
    assert "tiled or untiled" in widget.warning.value


def test_tiles_that_are_not_exact_are_a_warning(
    viewer, widget, noise, press, monkeypatch
):
    forward = UNet.forward

    def normalised(self, x):
        raw = forward(self, x)
        return raw - raw.mean(dim=(2, 3), keepdim=True)

    monkeypatch.setattr(UNet, "forward", normalised)
    viewer.add_image(noise)
    press(widget.testing)
    assert "tiles are not exact" in widget.testing.result.value
    assert AMBER in widget.testing.result.native.styleSheet()


def test_of_a_series_the_frame_in_view_is_tested(
    viewer, widget, noise, model_file, press
):
    series = np.stack([noise, noise[::-1] * 9, noise])
    viewer.add_image(series)
    assert "each of 3 images" in widget.title.value
    viewer.dims.set_current_step(0, 1)
    press(widget.testing)
    model = shiftseg.load_model(model_file)
    verdicts = [self_test(frame, model).verdict for frame in series]
    assert widget.testing.result.value == verdicts[1]
    assert verdicts[0] != verdicts[1]


def test_a_shorter_series_than_the_view(viewer, widget, noise, press):
    viewer.add_image(np.stack([noise] * 2), name="short")
    viewer.add_image(np.stack([noise] * 5), name="long")
    widget.image.value = viewer.layers["short"]
    viewer.dims.set_current_step(0, 4)
    press(widget.testing)
    assert "tiles are exact" in widget.testing.result.value


def test_colours_are_read_as_grey(viewer, widget, noise, model_file, press):
    viewer.add_image(np.stack([noise, noise / 2, noise / 3], axis=-1), rgb=True)
    assert "40 × 50" in widget.title.value
    assert widget.title.value.endswith("Colours are read as grey (their luminance).")
    press(widget.testing)
    grey = noise * (0.2125 + 0.7154 / 2 + 0.0721 / 3)
    expected = self_test(grey, shiftseg.load_model(model_file))
    control = f"control differs by {expected.control:.2g}"
    assert control in widget.testing.result.value


def test_channels_of_a_model_are_no_planes(viewer, widget, noise, other_models, press):
    viewer.add_image(np.stack([noise, noise * 2]))
    widget.model.open(other_models["two channels"])
    assert "each of" not in widget.title.value
    press(widget.testing)
    assert "tiles are exact" in widget.testing.result.value


def test_a_test_that_fails_says_why(viewer, widget, noise, press):
    noise[20, 24] = np.nan
    viewer.add_image(noise)
    press(widget.testing)
    assert "1 NaN" in widget.testing.result.value
    assert widget.testing.button.enabled


# ------------------------------------------------- what happens meanwhile


@pytest.fixture
def begin(widget, qtbot):
    """Press the button of a panel, and wait until it says how far it is."""

    def press_and_wait(name):
        panel = getattr(widget, name)
        panel.button.native.click()
        qtbot.waitUntil(lambda: panel.text.value != "", timeout=60_000)
        return panel

    return press_and_wait


@pytest.mark.parametrize("name", ["measuring", "testing"])
def test_another_model_during_a_run(viewer, widget, noise, qtbot, slow, begin, name):
    viewer.add_image(noise)
    panel = begin(name)
    widget.model.value = "disks"
    qtbot.waitUntil(lambda: not panel.is_running, timeout=60_000)
    assert set(times(widget)) == {""}
    names = [row[0] for row in texts(widget.table)]
    assert names == ["16", "32", "whole (48×64)"]
    assert "exact" not in panel.result.value
    assert panel.button.enabled


@pytest.mark.parametrize("name", ["measuring", "testing"])
def test_the_image_deleted_during_a_run(
    viewer, widget, noise, qtbot, slow, begin, name
):
    layer = viewer.add_image(noise)
    panel = begin(name)
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not panel.is_running, timeout=60_000)
    assert "Open an image" in widget.title.value
    assert widget.table.rowCount() == 0
    assert not panel.button.enabled


def test_a_result_that_comes_late_is_dropped(viewer, widget, noise, model_file):
    viewer.add_image(noise)
    test = self_test(noise, shiftseg.load_model(model_file))
    widget._test()
    assert widget._take_verdict((test, None))[0] == test.verdict
    widget._test()
    widget.model.value = "disks"
    assert widget._take_verdict((test, None))[0] == CHANGED
    assert widget._take_times([])[0] == CHANGED


@pytest.mark.parametrize("name", ["measuring", "testing"])
def test_dock_closed_during_a_run(viewer, widget, noise, qtbot, slow, begin, name):
    viewer.add_image(noise)
    begin(name)
    viewer.window.remove_dock_widget(widget.native)
    qtbot.wait(500)
    viewer.add_image(np.zeros((5, 5)))  # its events must not reach the dead widget


def test_viewer_closed_during_a_run(make_napari_viewer, model_file, qtbot, slow):
    viewer = make_napari_viewer()
    widget = opened(viewer, INSPECT)
    widget.model.open(model_file)
    viewer.add_image(np.random.default_rng(6).random((200, 200)))
    widget.measuring.button.native.click()
    qtbot.waitUntil(lambda: widget.measuring.text.value != "", timeout=60_000)
    viewer.close()
    qtbot.wait(500)


# -------------------------------------------------------------- looks, way in


@pytest.mark.parametrize(
    ("theme", "name"), [("dark", "disks"), ("light", "disks"), ("dark", "volumes")]
)
def test_nothing_is_cut_off(make_napari_viewer_proxy, theme, name, other_models, qtbot):
    viewer = make_napari_viewer_proxy(show=True)
    viewer.theme = theme
    viewer.add_image(np.zeros((508, 508) if name == "disks" else (24, 150, 300)))
    widget = opened(viewer, INSPECT)
    widget.model.open(other_models.get(name, name))
    table = widget.table
    table.show_costs(
        [replace(cost, seconds=5000.0, measured=False) for cost in widget._costs]
    )
    qtbot.wait(300)
    assert table.horizontalHeader().length() <= table.viewport().width()
    assert table.verticalHeader().length() <= table.viewport().height()
    for column in range(table.columnCount()):
        needed = table.sizeHintForColumn(column)
        assert table.columnWidth(column) >= needed
    page, text = (
        colour.lightness()
        for colour in (
            widget.card.palette().base().color(),
            widget.card.palette().text().color(),
        )
    )
    assert abs(page - text) > 100


def test_the_segment_widget_opens_it_with_its_model(viewer, noise, model_file):
    viewer.add_image(noise, name="first")
    viewer.add_image(noise, name="second")
    _, segment = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    segment.model.open(model_file)
    segment.image.value = viewer.layers["second"]
    segment.model.info_button.native.click()
    inspect = opened(viewer, INSPECT)
    assert inspect.model.value == model_file
    assert inspect.image.value.name == "second"
    segment.model.value = "disks-w16"
    segment.model.info_button.native.click()
    assert opened(viewer, INSPECT) is inspect  # one widget, brought to the front
    assert inspect.model.value == "disks-w16"


def test_it_opens_before_there_is_an_image(viewer):
    _, segment = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Segment")
    segment.model.value = "disks-w16"
    segment.model.info_button.native.click()
    assert opened(viewer, INSPECT).model.value == "disks-w16"


def test_only_the_segment_widget_has_that_button(widget):
    assert widget.model.info_button not in list(widget.model)


def test_the_module_is_imported_without_torch():
    code = (
        "import sys; import napari_shiftseg.gui.inspect.widget; "
        "print('torch' in sys.modules); "
        "import napari_shiftseg.pipeline.costs; print('torch' in sys.modules)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "True"]
