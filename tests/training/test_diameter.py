"""A trained model knows how large the objects of its training were."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from napari_shiftseg.metrics.diameters import median_diameter
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples.catalogue import disks
from napari_shiftseg.training.fit import train
from napari_shiftseg.training.recipes import Recipe

pytestmark = pytest.mark.usefixtures("one_thread")

SAMPLE = disks((57, 57), period=9, radius=3)
CONFIG = ModelConfig.new(depth=1, features=2, name="small")
RECIPE = Recipe(window=8, steps=1)


def test_it_is_the_median_of_all_images_and_in_the_file(tmp_path) -> None:
    small = disks((57, 57), period=7, radius=2)
    model = train([SAMPLE, small], CONFIG, RECIPE, "cpu")
    expected = median_diameter([SAMPLE.labels, small.labels])
    assert model.config.diameter == pytest.approx(expected, abs=0.005)
    loaded = load_unet(save_model(model, tmp_path / "small.safetensors"))
    assert loaded.config.diameter == model.config.diameter
    assert CONFIG.diameter is None


@pytest.mark.parametrize(
    ("partly", "known", "expected"),
    [(True, 7.0, 7.0), (True, 30.0, 5.4), (False, 7.0, 6.1)],
)
def test_a_few_corrections_do_not_change_it_unless_far_from_it(
    partly: bool, known: float, expected: float
) -> None:
    labels = np.array(SAMPLE.labels, dtype=np.int64)
    if partly:
        labels[20:] = -1
    config = CONFIG.model_copy(update={"diameter": known})
    model = train([replace(SAMPLE, labels=labels)], config, RECIPE, "cpu")
    assert model.config.diameter == pytest.approx(expected, abs=0.1)


def test_a_file_of_before_says_nothing() -> None:
    known = json.loads(CONFIG.model_dump_json())
    assert known.pop("diameter") is None
    assert ModelConfig.model_validate_json(json.dumps(known)) == CONFIG
    # a training of before goes on: it is known by this text
    assert "diameter" not in repr(CONFIG.model_copy(update={"diameter": 9.0}))


@pytest.mark.parametrize("diameter", [0, -3, float("nan"), float("inf")])
def test_it_is_above_0(diameter: float) -> None:
    with pytest.raises(ValidationError, match="diameter"):
        ModelConfig.new(diameter=diameter)
