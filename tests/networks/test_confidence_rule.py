"""The rule by which features become a probability, and its place in a file."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_shiftseg.networks.confidence_rule import FEATURES, ConfidenceRule
from napari_shiftseg.networks.header import CONFIG_KEY, bundled_models
from napari_shiftseg.networks.unet import load_unet, new_model, save_model

RULE = ConfidenceRule(
    intercept=1.0, weights={"distance": -2.0, "size": 0.5},
    usual={"distance": 0.25, "size": 3.0}, objects=100, wrong=20,
)  # fmt: skip


def test_the_formula():
    known = {"distance": np.array([0.25, 1.25]), "size": np.array([3.0, 5.0])}
    expected = 1 / (1 + np.exp(-np.array([1, 1 - 2 + 1])))
    assert RULE.predict(known) == pytest.approx(expected)


def test_what_is_not_known_counts_as_usual():
    known = {"distance": np.array([1.25, np.nan]), "size": np.array([np.nan, np.nan])}
    usual = {"distance": np.array([1.25, 0.25]), "size": np.array([3.0, 3.0])}
    assert RULE.predict(known) == pytest.approx(RULE.predict(usual))
    assert np.ptp(RULE.predict(known)) > 0.1


def test_weights_and_usual_values_belong_together():
    with pytest.raises(ValueError, match="each feature needs a weight and a usual"):
        ConfidenceRule(intercept=0, weights={"size": 1}, usual={"margin": 1})


@pytest.mark.parametrize("weights", [{"colour": 1}, {"size": float("nan")}])
def test_what_is_no_weight(weights):
    with pytest.raises(ValueError, match=r"weights\."):
        ConfidenceRule(intercept=0, weights=weights, usual=weights)


def test_a_file_keeps_it(tmp_path):
    model = new_model(depth=1, features=4)
    model.config = model.config.model_copy(update={"confidence": RULE})
    path = save_model(model, tmp_path / "m.safetensors")
    assert load_unet(path).config.confidence == RULE


def test_a_file_from_before_has_none(tmp_path):
    model = new_model(depth=1, features=4)
    path = save_model(model, tmp_path / "m.safetensors")
    with safe_open(path, "pt") as file:
        header = json.loads(file.metadata()[CONFIG_KEY])
    assert header.pop("confidence") is None
    save_file(load_file(path), path, {CONFIG_KEY: json.dumps(header)})
    assert load_unet(path).config == model.config


def test_a_training_is_known_again_with_it():
    config = new_model(depth=1, features=4).config
    assert repr(config.model_copy(update={"confidence": RULE})) == repr(config)


@pytest.mark.parametrize("name", ["nuclei", "nuclei-3d"])
def test_bundled_models_know_how_sure_they_are(name):
    rule = load_unet(bundled_models()[name]).config.confidence
    assert set(rule.weights) == set(FEATURES)
    signs = {name: np.sign(weight) for name, weight in rule.weights.items()}
    assert signs == {"distance": -1, "margin": 1, "foreground": 1, "size": -1}
    assert rule.objects > 10_000
