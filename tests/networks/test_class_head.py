"""A network that tells classes apart: its config, its file, what it begins with."""

from __future__ import annotations

import json

import pytest
import torch
from pydantic import ValidationError

from napari_shiftseg.networks.properties import describe
from napari_shiftseg.networks.unet import (
    begin_with,
    build,
    load_unet,
    new_model,
    save_model,
)
from napari_shiftseg.networks.unet_config import ModelConfig, weights_of
from napari_shiftseg.report.model_card import model_card

NAMES = ("disk", "square", "star")


def config(classes=NAMES, **more) -> ModelConfig:
    return ModelConfig.new(
        depth=1, features=4, foreground=True, classes=classes, **more
    )


def test_each_class_is_one_more_output_channel():
    known = config()
    assert known.out_channels == 3 + 1 + 3
    model = build(known)
    assert model.head.out_channels == 7
    assert model.parameter_count == weights_of(known)
    assert describe(model)["classes"] == [*NAMES]
    assert "classes" not in describe(build(config(())))
    assert "those of 3 classes" in model_card(model)


def test_it_is_stored_and_read(tmp_path):
    path = save_model(build(config()), tmp_path / "shapes.safetensors")
    assert load_unet(path).config.classes == NAMES


def test_a_config_without_classes_is_read():
    known = json.loads(config(()).model_dump_json())
    del known["classes"]
    assert ModelConfig.model_validate(known).classes == ()
    assert load_unet("disks").config.classes == ()
    assert load_unet("figure-4d").config.out_channels == 17


def test_a_training_that_goes_on_is_known_as_before():
    assert "classes" not in repr(config())


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("disk",), "two classes or more apart, got one, 'disk'"),
        (("disk", "disk"), "a name of its own"),
        (("disk", " "), "a name of its own"),
    ],
)
def test_what_are_no_classes(classes, message):
    with pytest.raises(ValidationError, match=message):
        config(classes)


def test_a_head_needs_a_foreground():
    with pytest.raises(ValidationError, match="has no foreground logit"):
        ModelConfig.new(depth=1, classes=NAMES)


class TestBegin:
    def rows(self, model) -> torch.Tensor:
        return torch.cat([model.head.weight.flatten(1), model.head.bias[:, None]], 1)

    @pytest.mark.parametrize("kind", ["discriminative", "spherical"])
    def test_with_a_model_that_tells_no_classes_apart(self, kind) -> None:
        start = build(config((), embedding=kind), seed=1)
        model = build(config(embedding=kind), seed=2)
        own = self.rows(model).clone()
        begin_with(model, start)
        assert torch.equal(self.rows(model)[:4], self.rows(start))
        assert torch.equal(self.rows(model)[4:], own[4:])
        assert torch.equal(model.bottom[0].weight, start.bottom[0].weight)

    def test_with_one_of_the_same_classes_and_another_embedding(self) -> None:
        start = build(config(embedding="spherical"), seed=1)
        model = build(config(embedding_channels=5), seed=2)
        own = self.rows(model).clone()
        begin_with(model, start)
        assert torch.equal(self.rows(model)[:5], own[:5])
        assert torch.equal(self.rows(model)[5:], self.rows(start)[3:])

    def test_with_one_of_other_classes(self) -> None:
        start = build(config(("a", "b")), seed=1)
        model = build(config(), seed=2)
        own = self.rows(model).clone()
        begin_with(model, start)
        assert torch.equal(self.rows(model)[:4], self.rows(start)[:4])
        assert torch.equal(self.rows(model)[4:], own[4:])

    def test_without_logits_as_before(self) -> None:
        start, model = (new_model(depth=1, features=4, seed=seed) for seed in (1, 2))
        begin_with(model, start)
        assert torch.equal(self.rows(model), self.rows(start))
