"""The advanced rows of Segment follow how objects are made."""

from __future__ import annotations

import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.segment.advanced import OF_THE_MODEL, AdvancedRows
from napari_shiftseg.networks.config import NetworkConfig


@pytest.fixture
def rows(qtbot):
    made = AdvancedRows()
    qtbot.addWidget(made.native)
    return made


def shown(rows):
    controls = rows.controls
    return {n for n in OF_THE_MODEL if controls[n].native.isVisibleTo(rows.native)}


def outputs(**clustering):
    return NetworkConfig(
        embedding="outputs", embedding_channels=1, foreground=True,
        clustering=Clustering(**clustering),
    )  # fmt: skip


def test_rows_that_say_nothing_are_hidden(rows):
    every = {"method", "min_size", "foreground_threshold"}
    of_modes = every | {"bandwidth", "kernel", "scope", "split_far_parts"}

    rows.take(outputs(method="watershed", scope="component"))
    assert shown(rows) == every | {"prominence"}
    rows.controls["method"].value = "components"
    assert shown(rows) == every
    rows.controls["method"].value = "mean-shift"
    assert shown(rows) == of_modes
    assert rows.settings()["method"] == "mean-shift"


def test_without_a_foreground_there_is_one_method(rows):
    rows.take(outputs(method="watershed", scope="component"))
    rows.take(NetworkConfig())

    assert "method" not in shown(rows)
    assert rows.controls["method"].choices == ("mean-shift",)
    assert rows.settings()["method"] in (None, "mean-shift")


def test_what_is_no_embedding_is_not_called_so(rows):
    rows.take(outputs())
    assert rows.layers["embedding"].text == "outputs"
    rows.take(NetworkConfig())
    assert rows.layers["embedding"].text == "embedding"


def test_an_earlier_run_is_restored(rows):
    rows.take(outputs(method="watershed", scope="component"))
    rows.restore({"method": "components", "min_size": 7})

    assert rows.settings()["method"] == "components"
    assert rows.settings()["min_size"] == 7
    assert "prominence" not in shown(rows)


def test_what_is_hidden_is_not_asked_for(rows):
    rows.take(outputs(method="mean-shift"))
    rows.controls["bandwidth"].value = 3.5
    assert rows.settings()["bandwidth"] == 3.5
    rows.controls["method"].value = "watershed"
    assert rows.settings()["bandwidth"] is None
    rows.controls["method"].value = "mean-shift"
    assert rows.settings()["bandwidth"] == 3.5


def test_a_diameter_is_asked_for_where_the_model_knows_one(rows):
    def is_shown():
        return rows.controls["diameter"].native.isVisibleTo(rows.native)

    rows.take(outputs())
    assert not is_shown()
    rows.take(outputs().model_copy(update={"diameter": 20.0}))
    assert is_shown()
