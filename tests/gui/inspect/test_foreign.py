"""Networks that were made elsewhere, in Inspect: opened, dropped, trusted, reported."""

import threading

import numpy as np
import pytest
import torch
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QMessageBox
from torch import nn

from napari_shiftseg.gui.inspect.card import BADGE_COLOURS
from napari_shiftseg.gui.parts import opening
from napari_shiftseg.gui.parts.layout import opened
from napari_shiftseg.gui.parts.text_boxes import LEAST_CONTRAST, contrast
from napari_shiftseg.networks.loading import known, models

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.*onnx:DeprecationWarning"),
]
BUTTONS = QMessageBox.StandardButton


class Pooled(nn.Module):
    """Period 2, and all of the tile in each pixel if `sees_all`."""

    def __init__(self, sees_all=False):
        super().__init__()
        self.sees_all = sees_all
        self.into, self.out = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, x):
        y = nn.functional.max_pool2d(self.into(x), 2)
        y = nn.functional.interpolate(y, scale_factor=2.0, mode="nearest")
        if self.sees_all:
            y = y - y.mean(dim=(2, 3), keepdim=True)
        return torch.sigmoid(self.out(y))


@pytest.fixture(autouse=True)
def nothing_is_known(tmp_path, monkeypatch):
    """Keep findings and trust within a test."""
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr(models, "TRUSTED", set())


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files by name: two programs, and one that is no model."""
    folder = tmp_path_factory.mktemp("foreign")
    torch.manual_seed(0)
    for name, net in (("pooled", Pooled()), ("whole", Pooled(True))):
        torch.jit.script(net.eval()).save(folder / f"{name}.pt")
    (folder / "nothing.onnx").write_bytes(b"no network" * 9)
    return {path.stem: str(path) for path in folder.iterdir()}


@pytest.fixture
def answers(monkeypatch):
    """Answer the questions in turn; the list holds what is left, `asked` the texts."""
    given, asked = [], []

    def question(parent, title, text, buttons, usual):
        assert usual == BUTTONS.Cancel
        asked.append(text)
        return given.pop(0)

    monkeypatch.setattr(opening.QMessageBox, "question", question)
    return given, asked


@pytest.fixture
def widget(viewer):
    return opened(viewer, "Inspect model")


@pytest.fixture
def said():
    """Notifications since the test began, and what is raised in threads of napari."""
    before = len(notification_manager.records)
    return lambda: [r.message for r in notification_manager.records[before:]]


def drop(widget, *paths):
    """Drag files on a widget and let go; whether it takes them."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(path) for path in paths])
    how = (
        Qt.DropAction.CopyAction, mime, Qt.MouseButton.LeftButton,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    place = QPointF(5, 5)
    entering = QDragEnterEvent(place.toPoint(), *how)
    entering.ignore()
    QApplication.sendEvent(widget.native, entering)
    if entering.isAccepted():
        QApplication.sendEvent(widget.native, QDropEvent(place, *how))
    return entering.isAccepted()


def trusting(qtbot, widget, answers, path):
    answers[0].append(BUTTONS.Open)
    widget.model.open(path)
    qtbot.waitUntil(lambda: widget.model.value == path, timeout=60_000)


def test_a_program_is_opened_after_consent_alone(widget, files, answers, qtbot, said):
    given, asked = answers
    before = widget.model.value
    given.append(BUTTONS.Cancel)
    widget.model.open(files["pooled"])
    assert widget.model.value == before  # it is looked into beside
    qtbot.waitUntil(lambda: not given, timeout=60_000)
    qtbot.wait(100)
    assert (widget.model.value, models.TRUSTED) == (before, set())
    assert "pooled.pt is a TorchScript program, which can run code" in asked[0]
    assert "SHA-256" in asked[0]
    assert asked[0].endswith("Open pooled.pt only if you trust it.")
    assert "--trust" not in asked[0]  # that is for the command line
    assert not any("TorchScript" in text for text in said())  # it was asked, not told
    trusting(qtbot, widget, answers, files["pooled"])
    assert len(asked) == 2
    assert len(models.TRUSTED) == 1
    widget.model.value = before
    widget.model.open(files["pooled"])  # trusted as long as this runs
    qtbot.waitUntil(lambda: widget.model.value == files["pooled"], timeout=60_000)
    assert len(asked) == 2


def test_a_file_that_is_no_model_is_told_once(widget, files, qtbot, said):
    before = widget.model.value
    widget.model.open(files["nothing"])
    qtbot.waitUntil(lambda: "cannot be read" in str(said()), timeout=60_000)
    qtbot.wait(100)
    assert sum("cannot be read" in text for text in said()) == 1
    assert widget.model.value == before


def test_dropping(widget, files, answers, qtbot, tmp_path, model_file):
    assert drop(widget, model_file)
    assert widget.model.value == model_file
    answers[0].append(BUTTONS.Open)
    assert drop(widget, files["pooled"])
    qtbot.waitUntil(lambda: widget.model.value == files["pooled"], timeout=60_000)
    (tmp_path / "image.tif").write_bytes(b"II*")
    assert not drop(widget, str(tmp_path / "image.tif"))
    assert not drop(widget, str(tmp_path / "gone.onnx"))
    assert not drop(widget, str(tmp_path))  # a folder without a description
    assert not drop(widget, files["pooled"], files["whole"])  # one at a time
    assert widget.model.value == files["pooled"]


def test_a_dock_closed_while_a_file_is_looked_into(
    viewer, widget, files, monkeypatch, qtbot, said
):
    go, ended, read = threading.Event(), threading.Event(), opening.read_config

    def slowly(path):
        assert go.wait(60)
        try:
            return read(path)
        finally:
            ended.set()

    def unasked(*_):
        raise AssertionError("a closed widget asks nothing")

    monkeypatch.setattr(opening, "read_config", slowly)
    monkeypatch.setattr(opening, "ask_trust", unasked)
    widget.model.open(files["pooled"])
    widget.model.open(files["nothing"])
    before = widget.model.value
    viewer.window.remove_dock_widget("all")
    QApplication.processEvents()
    go.set()
    qtbot.waitUntil(ended.is_set, timeout=60_000)
    qtbot.wait(300)
    assert widget.model.value == before
    assert not any("cannot be read" in text for text in said())


def test_the_card_says_whether_tiles_can_be_exact(
    viewer, widget, files, answers, qtbot
):
    trusting(qtbot, widget, answers, files["pooled"])
    text = widget.card.toPlainText()
    places = [
        text.index(part)
        for part in (
            "pooled\n", "PROBABLY EXACT", "by probing alone; self-test not run yet",
            "Cause\n", "Zero padding", "Set now\n", "multiples of the period 2",
            "What was found\n", "Period", "Notes\n", "It has no graph to read",
        )
    ]  # fmt: skip
    assert places == sorted(places)
    assert not widget.warning.native.isVisibleTo(widget.native)
    image = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    viewer.add_image(image)
    widget.testing.button.native.click()
    qtbot.waitUntil(lambda: not widget.testing.is_running, timeout=60_000)
    text = widget.card.toPlainText()
    assert "Probably exact: the self-test saw no difference" in text
    assert "Measured on this image" in text
    assert "Statistics of the tile (tile mismatch 0): tiles on the grid" in text
    viewer.add_image(image[:50, :50], name="other")
    widget.image.value = viewer.layers["other"]
    assert "self-test not run yet" in widget.card.toPlainText()
    assert "Measured" not in widget.card.toPlainText()


def test_a_network_that_cannot_be_exact(viewer, widget, files, answers, qtbot):
    trusting(qtbot, widget, answers, files["whole"])
    text = widget.card.toPlainText()
    assert "NOT AT ALL" in text
    assert "Change in the next training" in text
    assert "What is in one part of the tile" in widget.warning.value
    ramp = np.linspace(0, 9, 64, dtype=np.float32)
    noise = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    viewer.add_image(noise * ramp)
    widget.testing.button.native.click()
    qtbot.waitUntil(lambda: not widget.testing.is_running, timeout=60_000)
    said = "as they must: the tiles lie right, but a layer that sees the whole tile"
    assert said in widget.testing.result.value
    text = widget.card.toPlainText()
    assert "the self-test says so, too" in text
    assert "answer differently where they overlap" in text


def test_badges_can_be_read():
    from qtpy.QtGui import QColor

    for colour in BADGE_COLOURS.values():
        assert contrast(QColor("white"), QColor(colour)) >= LEAST_CONTRAST
