"""Classes in a training: their loss, their windows, what cannot be learnt."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from napari_shiftseg.embeddings.losses import ClassLoss
from napari_shiftseg.networks.unet import build
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.shapes import CLASSES, shapes
from napari_shiftseg.training.classes import class_names, classes_to_learn
from napari_shiftseg.training.defaults import (
    TrainingRequest,
    fine_tuned_config,
    object_config,
)
from napari_shiftseg.training.fit import Training
from napari_shiftseg.training.pairs import read_pairs, to_learn
from napari_shiftseg.training.recipes import USUAL_LOSSES, object_recipe
from napari_shiftseg.training.step import Log
from napari_shiftseg.training.stopping import Validation
from napari_shiftseg.training.windows import Augmentation, RandomWindows

pytestmark = pytest.mark.usefixtures("one_thread")
NETWORK = {"depth": 1, "features": 4, "normalization": "none"}
NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def sample() -> Sample:
    return shapes((72, 72), diameter=(8, 14), seed=1)


class TestLoss:
    def test_is_the_mean_of_minus_log_probabilities(self, rng) -> None:
        logits = torch.from_numpy(rng.normal(size=(3, 4, 5)))
        classes = torch.from_numpy(rng.integers(-1, 3, (4, 5)))
        each = []
        for y in range(4):
            for x in range(5):
                if classes[y, x] >= 0:
                    power = logits[:, y, x].exp()
                    each.append(-(power[classes[y, x]] / power.sum()).log().item())
        assert ClassLoss()(logits, classes).item() == pytest.approx(np.mean(each))
        heavy = ClassLoss(weight=2.5)(logits, classes).item()
        assert heavy == pytest.approx(2.5 * np.mean(each))

    def test_of_pixels_without_a_class_is_nought(self) -> None:
        logits = torch.ones(3, 2, 2, requires_grad=True)
        loss = ClassLoss()(logits, torch.full((2, 2), -1))
        loss.backward()
        assert loss.item() == 0
        assert not logits.grad.any()

    def test_a_pixel_without_a_class_has_no_gradient(self) -> None:
        logits = torch.zeros(3, 1, 2, requires_grad=True)
        ClassLoss()(logits, torch.tensor([[-1, 2]])).backward()
        assert not logits.grad[:, 0, 0].any()
        assert logits.grad[:, 0, 1].tolist() == pytest.approx([1 / 3, 1 / 3, -2 / 3])


class TestWindows:
    @pytest.mark.parametrize("augmentation", [None, Augmentation()])
    def test_a_class_goes_where_its_label_goes(self, sample, augmentation) -> None:
        config = ModelConfig.new(depth=1, foreground=True, classes=CLASSES)
        windows = RandomWindows(
            [sample, replace(sample, image=sample.image + 1)], config, (24, 24),
            "mirror", augmentation,
        )  # fmt: skip
        seen = set()
        for place in islice(windows.places(np.random.default_rng(0)), 12):
            _, labels, classes = windows[place]
            assert classes.shape == labels.shape == (24, 24)
            for label, number in zip(labels.ravel(), classes.ravel(), strict=True):
                if label <= 0:
                    assert number == -1
                else:
                    assert CLASSES[number] == sample.classes[int(label)]
                    seen.add(int(number))
        assert seen == {0, 1, 2}

    def test_without_a_head_there_are_two(self, sample) -> None:
        windows = RandomWindows([sample], ModelConfig.new(depth=1), (24, 24))
        assert len(windows[next(windows.places(np.random.default_rng(0)))]) == 2

    def test_unknown_pixels_have_no_class(self) -> None:
        labels = np.array([[-1, 0, 4], [9, 4, -1]])
        known = Sample(labels.astype(float), labels, classes={4: "b", 9: "a"})
        numbers = classes_to_learn(known, NAMES, "the image").at(labels)
        assert numbers.tolist() == [[-1, -1, 1], [0, 1, -1]]


class TestRefused:
    @pytest.mark.parametrize(
        ("classes", "message"),
        [
            (None, "image 1 of 1 has no classes, but the network tells a, b, c apart"),
            ({1: "a"}, "^object 2 of image 1 of 1 has no class"),
            ({}, "^objects 1, 2 of image 1 of 1 have no class"),
            ({1: "a", 2: "d"}, "has the class d, but the network tells a, b, c apart"),
        ],
    )
    def test_by_the_windows(self, classes, message) -> None:
        labels = np.zeros((40, 40), dtype=np.int32)
        labels[5:9], labels[20:30] = 1, 2
        sample = Sample(labels.astype(np.float32), labels, classes=classes)
        config = ModelConfig.new(depth=1, foreground=True, classes=NAMES)
        with pytest.raises(ValueError, match=message):
            RandomWindows([sample], config, (8, 8))

    def test_a_model_of_classes_goes_on_with_classes_alone(self) -> None:
        start = object_config("start", classes=NAMES)
        with pytest.raises(ValueError, match="needs the class of every object"):
            fine_tuned_config("new", start)
        assert fine_tuned_config("new", start, classes=("a",)).classes == NAMES
        plain = object_config("plain")
        assert fine_tuned_config("new", plain, classes=("x", "y")).classes == ("x", "y")
        with pytest.raises(ValueError, match="got one, 'x'"):
            fine_tuned_config("new", plain, classes=("x",))

    def test_a_sample_without_classes(self, tmp_path) -> None:
        name = type(tmp_path)("disks")
        with pytest.raises(ValueError, match="sample disks has no classes"):
            read_pairs(name, None, classes=name)


class TestTraining:
    def recipe(self, steps: int, kind: str = "discriminative", **more):
        loss = USUAL_LOSSES[kind]
        return object_recipe(24, steps, loss=loss, **more)

    @pytest.mark.parametrize("loss", ["discriminative", "cosine", "spatial"])
    def test_with_every_kind_of_embedding(self, sample, loss, tmp_path) -> None:
        config = object_config("shapes", loss, classes=CLASSES, **NETWORK)
        recipe = self.recipe(4, config.embedding)
        training = Training([sample], config, recipe, device="cpu")
        assert training.terms[-2:] == ("foreground", "classes")
        log = Log(tmp_path / "log.csv", training.terms)
        for step in training.steps():
            log.add(step)
            assert step.terms["classes"] > 0
        model = training.model()
        assert model.config.provenance.loss["classes_weight"] == 1

    def test_classes_are_learnt(self, sample) -> None:
        """Objects whose brightness says what they are; not those of one brightness."""
        of = {label: ("dim", "light")[label % 2] for label in sample.classes}
        bright = np.select([sample.labels == 0, sample.labels % 2 == 1], [0, 1], 0.4)
        told = replace(sample, image=bright.astype(np.float32), classes=of)
        names = ("dim", "light")
        config = object_config("s", classes=names, **(NETWORK | {"features": 8}))
        recipe = self.recipe(120, learning_rate=1e-2, augmentation=None)
        last = []
        for image in (bright, sample.labels > 0):
            known = replace(told, image=image.astype(np.float32))
            steps = Training([known], config, recipe, device="cpu").steps()
            last.append(np.mean([step.terms["classes"] for step in steps][-40:]))
        assert last[0] < 0.85 * last[1]

    def test_the_classes_count_where_it_goes_on(self, sample, tmp_path) -> None:
        config = object_config("s", classes=CLASSES, **NETWORK)
        first = Training([sample], config, self.recipe(3), device="cpu")
        next(first.steps())
        first.save(tmp_path / "s.training")
        Training([sample], config, self.recipe(3), device="cpu").resume(
            tmp_path / "s.training"
        )
        other = Training(
            [sample], config, self.recipe(3, classes=ClassLoss(2.0)), device="cpu"
        )
        with pytest.raises(ValueError, match="other settings"):
            other.resume(tmp_path / "s.training")

    def test_it_begins_with_a_model_without_classes(self, sample) -> None:
        start = build(object_config("start", **NETWORK), seed=3)
        config = fine_tuned_config("new", start.config, classes=CLASSES)
        training = Training(
            [sample], config, self.recipe(1), Validation(), start, "cpu"
        )
        assert training.model().config.classes == CLASSES


def test_names_are_in_alphabetical_order():
    samples = [
        Sample(np.zeros(2), np.zeros(2, int), classes=of)
        for of in ({1: "b", 2: "a"}, None, {1: "c"})
    ]
    assert class_names(samples) == ("a", "b", "c")


def test_regions_and_planes_keep_their_classes(sample):
    config = object_config("s", classes=CLASSES, **NETWORK)
    labels = sample.labels.copy()
    labels[:, 30:] = -1
    known = {i: sample.classes[i] for i in np.unique(labels[labels > 0]).tolist()}
    partly = Sample(sample.image, labels, classes=known)
    (pair,) = to_learn([partly], config, 24)
    assert pair.sample.classes == known
    stack = Sample(np.stack([sample.image] * 2), np.stack([sample.labels] * 2))
    pairs = to_learn([replace(stack, classes=sample.classes)], config, 24)
    assert [pair.sample.classes for pair in pairs] == [sample.classes] * 2


def test_none_is_asked_by_default():
    assert TrainingRequest().classes is None
