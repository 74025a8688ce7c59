"""Files of networks made elsewhere that changed, or went, since they were opened."""

from __future__ import annotations

import pytest

from napari_shiftseg.gui.parts import models
from napari_shiftseg.gui.parts.models import OPENED, ModelChoice
from napari_shiftseg.networks.loading import known
from napari_shiftseg.samples.catalogue import USUAL_MODEL


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """Files that are looked into in a thread."""
    looked = []
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr(models, "look_into", lambda path, *_: looked.append(path))
    return looked


@pytest.fixture
def choice(qtbot, monkeypatch):
    monkeypatch.setattr(OPENED, "_paths", [])
    made = ModelChoice()
    qtbot.addWidget(made.native)
    return made


def test_one_that_changed_is_looked_into_elsewhere(choice, asked, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(b"other bytes than before")
    OPENED.add(str(path))
    chosen = []
    choice.chosen.connect(lambda: chosen.append(choice.value))

    choice.list.value = str(path)

    assert asked == [str(path)]
    assert choice.value == USUAL_MODEL
    assert str(path) not in chosen


def test_one_that_went_is_told(choice, asked, tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(models, "show_error", told.append)
    path = str(tmp_path / "gone.onnx")
    OPENED.add(path)

    choice.list.value = path

    assert choice.value == USUAL_MODEL
    assert not asked
    assert "gone.onnx" in told[0]


def test_training_does_not_begin_with_one(tmp_path):
    from napari_shiftseg.gui.train.form import _why_no_start

    path = tmp_path / "net.onnx"
    path.touch()
    assert _why_no_start(str(path)) == "was made elsewhere"
    assert _why_no_start(USUAL_MODEL) == ""
