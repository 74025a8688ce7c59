"""A model in figures, against those of the papers' net."""

from __future__ import annotations

import json

import pytest

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.properties import (
    describe,
    own_seams,
    training_window_warning,
)
from napari_shiftseg.networks.unet import new_model


def provenance(*window: int) -> Provenance:
    return Provenance(
        command="c",
        window=window,
        seed=0,
        steps=1,
        loss={},
        optimizer={"name": "Adam"},
        data="d",
        date="",
        versions={},
    )


def test_the_papers_net():
    told = describe(new_model(depth=4, features=2, name="paper"))

    assert told["name"] == "paper"
    assert told["depth"] == [4, 4]
    assert told["pooling_factor"] == [2, 2]
    assert told["period"] == [16, 16]
    assert told["context"] == [184, 184]
    assert [legal[:3] for legal in told["legal_inputs"]] == [[188, 204, 220]] * 2
    assert [raw[:3] for raw in told["raw_outputs"]] == [[4, 20, 36]] * 2
    assert told["max_same_looking"] == 16**2  # f^(d·l)
    assert told["training_window"] is None
    assert told["provenance"] is None


def test_unequal_axes_are_told_one_by_one():
    told = describe(
        new_model(ndim=3, depth=(1, 2, 2), pooling_factor=(3, 2, 2), features=2)
    )

    assert told["depth"] == [1, 2, 2]
    assert told["pooling_factor"] == [3, 2, 2]
    assert told["period"] == [3, 4, 4]
    assert told["max_same_looking"] == 48
    for legal, raw, context in zip(
        told["legal_inputs"], told["raw_outputs"], told["context"], strict=True
    ):
        assert [n - context for n in legal] == raw


def test_figures_are_ready_for_json():
    model = new_model(
        ndim=1,
        depth=1,
        features=2,
        foreground=True,
        clustering=Clustering(bandwidth=0.25, background_embedding=(1.0, 2.0, 3.0)),
        provenance=provenance(6),
    )
    told = json.loads(json.dumps(describe(model)))

    assert told["period"] == [2]  # a list for one axis too
    assert told["training_window"] == [6]
    assert told["foreground"] is True
    assert told["bandwidth"] == 0.25
    assert told["background_embedding"] == [1, 2, 3]
    assert told["parameters"] == sum(p.numel() for p in model.parameters())
    assert told["provenance"]["command"] == "c"


@pytest.mark.parametrize(
    ("window", "warned"),
    [(20, False), (17, False), (16, True), (15, True), (1, True)],
)
def test_a_training_window_must_be_above_the_period(window, warned):
    model = new_model(depth=4, features=1, provenance=provenance(window, window))
    text = training_window_warning(model.config)

    assert bool(text) is warned
    assert own_seams(model.config) == (16 if warned else None)
    if warned:
        assert f"window of {window} is not above the period 16" in text


def test_one_axis_below_its_period_is_enough_and_is_the_one_named():
    # axis 0: 8 > 4; axis 1: 16 = 16
    model = new_model(depth=(2, 4), features=1, provenance=provenance(32, 16))
    text = training_window_warning(model.config)
    assert "window of 16 is not above the period 16" in text

    model = new_model(depth=(2, 4), features=1, provenance=provenance(4, 32))
    assert "window of 4 is not above the period 4" in training_window_warning(
        model.config
    )


def test_a_model_that_was_not_trained_is_not_warned_about():
    config = new_model(depth=1, features=1).config
    assert training_window_warning(config) == ""
    assert own_seams(config) is None
