"""Training with the mouse: tiny networks, a few steps."""

import gc
from math import inf
from threading import Event

import numpy as np
import pytest
import tifffile
import torch

from napari_shiftseg.embeddings.losses import DiscriminativeLoss
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.intensity_choice import AUTOMATIC, DISPLAYED, GIVEN
from napari_shiftseg.gui.parts.models import OPENED
from napari_shiftseg.gui.parts.records import CorrectionRecord
from napari_shiftseg.gui.train import choice as training_pairs
from napari_shiftseg.gui.train.choice import LayerPair
from napari_shiftseg.intensity.scale import Reading
from napari_shiftseg.metrics.objects import average_precision
from napari_shiftseg.networks.header import own_models, read_unet_config
from napari_shiftseg.networks.unet import build, load_unet, save_model
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.samples import Sample
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.training.defaults import CORRECTION_RATE, RATE, object_config
from napari_shiftseg.training.pairs import opened
from napari_shiftseg.training.partial import corrections
from napari_shiftseg.training.recipes import object_training
from napari_shiftseg.training.stopping import Validation

AMBER, RED = "/* warning */", "/* error */"
SIZE = (84, 92)
TINY = {"depth": 2, "features": 4, "embedding_channels": 4}


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """A worker thread computes with as many threads as the process."""


@pytest.fixture(scope="module")
def nuclei():
    sample = make_sample("nuclei")
    inside = tuple(slice(0, n) for n in SIZE)
    return sample.image[inside], sample.labels[inside]


@pytest.fixture
def trainer(viewer):
    """The Train widget, docked, for a small network and few steps."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Train")
    widget.form.start.value = "nothing"
    widget.form.depth.value = TINY["depth"]
    widget.advanced.features.value = TINY["features"]
    widget.advanced.channels.value = TINY["embedding_channels"]
    widget.advanced.learning_rate.value = 0.01
    widget.advanced.every.value = 20
    widget.form.steps.value = 40
    return widget


@pytest.fixture
def pair(viewer, trainer, nuclei):
    image, labels = nuclei
    place = {"scale": (2, 3), "translate": (10, 20)}
    viewer.add_image(image, name="cells", **place)
    viewer.add_labels(labels, name="true", **place)
    trainer.form.window.value = "36"
    return trainer


def press(widget):
    widget.panel.button.native.click()


@pytest.fixture
def until(qtbot):
    def wait(condition):
        qtbot.waitUntil(condition, timeout=60_000)

    return wait


def captions(widget):
    return [b.text for b in widget.note.buttons if b.native.isVisibleTo(widget.native)]


def colour(label):
    return label.native.styleSheet()


# ------------------------------------------------------------------ a training


def test_image_and_labels_become_a_model(viewer, pair, run, nuclei, models_folder):
    image, _ = nuclei
    assert pair.panel.button.text == "Train"
    run(pair)

    course = pair.course
    assert course.steps == list(range(1, 41))
    assert set(course.terms) == {"pull", "push", "reg", "foreground"}
    foreground = course.terms["foreground"]
    assert np.mean(foreground[-10:]) < 0.8 * np.mean(foreground[:10])
    assert set(course.ap50) == {20, 40}
    best = max(course.ap50, key=course.ap50.get)

    figure = pair.plot.figure
    drawn = {line.get_label(): line.get_xydata() for line in figure.axes[0].lines}
    np.testing.assert_allclose(drawn["pull"][:, 1], course.terms["pull"])
    np.testing.assert_allclose(
        figure.axes[1].lines[0].get_xydata(), list(course.ap50.items())
    )

    model = load_unet("my-model")
    assert model.config.provenance.steps == best
    assert model.config.provenance.window == (36, 36)
    predicted = segment(image, model, device="cpu").labels
    assert predicted.max() > 3
    layer = viewer.layers["validation · cells · my-model"]
    np.testing.assert_array_equal(layer.data, predicted)
    np.testing.assert_allclose(layer.scale, (2, 3))
    np.testing.assert_allclose(layer.translate, (10, 20))

    said = pair.panel.result.value
    kept = f"step {best}, AP50 {course.ap50[best]:.2f} on the images it was trained on"
    assert f"kept as 'my-model': {kept}" in said
    assert (models_folder / "my-model.safetensors").is_file()


def test_the_model_is_in_every_list(viewer, pair, run):
    segment, compare, inspect = (
        viewer.window.add_plugin_dock_widget("napari-shiftseg", name)[1]
        for name in ("Segment", "Compare stitching", "Inspect model")
    )
    choices = [segment.model, compare.form.model, inspect.model]
    assert all("my-model" not in choice.list.choices for choice in choices)
    pair.form.steps.value = 1
    run(pair)
    for choice in choices:
        choice.value = "my-model"
        assert choice.config == read_unet_config("my-model")
    assert "my-model" in pair.form.start.choices
    del segment, compare, inspect, choices, choice  # no canvas may outlive its viewer
    viewer.window.remove_dock_widget("all")
    gc.collect()


def test_the_preview_is_one_layer_and_no_labels_to_train_on(viewer, pair, run):
    pair.advanced.every.value = 4
    pair.form.steps.value = 8
    run(pair)
    assert [la.name for la in viewer.layers] == [
        "cells", "true", "validation · cells · my-model",
    ]  # fmt: skip
    assert [layer.name for layer in pair.form.pairs.truth.choices] == ["true"]
    assert pair.course.before is None  # there was nothing to begin with
    assert "before" not in pair.panel.result.value


@pytest.mark.parametrize("shown", [True, False])
def test_the_preview_does_not_cover_what_is_mended(viewer, pair, run, nuclei, shown):
    record = {METADATA_KEY: {"image": "cells", "settings": {}}}
    result = viewer.add_labels(nuclei[1], name="result", metadata=record, visible=shown)
    pair.form.pairs.truth.value = viewer.layers["true"]
    pair.form.steps.value = 1
    assert ("so that it does not cover the labels" in pair.note.text.value) is shown
    run(pair)
    assert viewer.layers[-1].name == "validation · cells · my-model"
    assert viewer.layers[-1].visible is not shown
    assert result.visible is shown


def test_a_name_that_is_taken_gets_a_number(pair, run):
    pair.form.steps.value = 2
    run(pair)
    first = own_models()["my-model"].read_bytes()
    assert "this one will be 'my-model-2'" in pair.note.text.value
    run(pair)
    assert list(own_models()) == ["my-model", "my-model-2"]
    assert own_models()["my-model"].read_bytes() == first
    assert read_unet_config("my-model-2").name == "my-model-2"


def test_updates_are_few(pair, until, monkeypatch):
    monkeypatch.setattr("napari_shiftseg.gui.train.run.INTERVAL", inf)
    came = []
    pair.panel._on_progress, follow = came.append, pair.panel._on_progress
    pair.form.window.value = "8"
    pair.form.steps.value = 120
    pair.advanced.every.value = 10**6
    press(pair)
    until(lambda: not pair.panel.is_running)
    trained = [progress for progress in came if hasattr(progress, "steps")]
    assert len(trained) == 3  # the validations at 50 and 100 steps, and the end
    for progress in trained:
        follow(progress)
    assert pair.course.steps == list(range(1, 121))  # and none is lost


# ------------------------------------------------------------------ stopping


def test_stop_keeps_the_best_and_a_removed_preview_stays_away(viewer, pair, until):
    pair.form.steps.value = 10**6
    pair.advanced.every.value = 5
    press(pair)
    assert pair.panel.button.text == "Stop and keep the best"
    until(lambda: len(viewer.layers) == 3)
    viewer.layers.pop()
    before = max(1, len(pair.course.ap50))
    until(lambda: len(pair.course.ap50) > before + 1)
    assert "my-model" in own_models()  # a crash would lose one interval
    press(pair)
    assert pair.panel.button.text == "Stopping…"
    until(lambda: not pair.panel.is_running)
    assert pair.panel.button.text == "Train"
    score, step = max((score, -step) for step, score in pair.course.ap50.items())
    assert "Stopped: step" in pair.panel.result.value
    assert f"AP50 {score:.2f}" in pair.panel.result.value
    assert read_unet_config("my-model").provenance.steps == -step
    assert len(viewer.layers) == 2


def test_stop_before_a_validation_keeps_the_last(pair, until):
    pair.form.steps.value = 10**6
    pair.advanced.every.value = 10**6
    press(pair)
    until(lambda: bool(pair.course.steps))
    press(pair)
    until(lambda: not pair.panel.is_running)
    assert "the last step, not validated" in pair.panel.result.value
    assert read_unet_config("my-model").provenance.steps == pair.course.steps[-1]


def test_stop_before_the_first_step_keeps_nothing(viewer, pair, until, monkeypatch):
    to_learn, pressed = LayerPair.to_learn, Event()

    def slow(self, *arguments):
        assert pressed.wait(60)
        return to_learn(self, *arguments)

    monkeypatch.setattr(LayerPair, "to_learn", slow)
    press(pair)
    press(pair)
    pressed.set()
    until(lambda: not pair.panel.is_running)
    assert "There is nothing to keep" in pair.panel.result.value
    assert own_models() == {}
    assert len(viewer.layers) == 2


def test_stop_during_a_validation_does_not_wait_for_it(pair, until, monkeypatch):
    from napari_shiftseg.training import validation

    entered = Event()

    def endless(*_):
        entered.set()
        while True:
            yield "a tile"

    monkeypatch.setattr(validation, "segment_steps", endless)
    pair.form.steps.value = 10**6
    pair.advanced.every.value = 4
    press(pair)
    until(lambda: "validating" in pair.panel.text.value)
    until(entered.is_set)
    press(pair)
    until(lambda: not pair.panel.is_running)
    assert read_unet_config("my-model").provenance.steps == 4


def test_dock_closed_during_a_training(viewer, pair, until):
    pair.form.steps.value = 10**6
    pair.advanced.every.value = 10**6
    press(pair)
    until(lambda: bool(pair.course.steps))
    viewer.window.remove_dock_widget(pair.native)
    until(lambda: "my-model" in own_models())  # kept all the same
    viewer.add_image(np.zeros((5, 5)))  # its events must not reach the dead widget


def test_viewer_closed_during_a_training(make_napari_viewer, nuclei, qtbot):
    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Train")
    viewer.add_image(nuclei[0])
    viewer.add_labels(nuclei[1])
    widget.form.start.value = "nothing"
    widget.form.depth.value = 2
    widget.advanced.features.value = 2
    widget.form.steps.value = 10**6
    widget.advanced.every.value = 4
    widget.panel.button.native.click()
    qtbot.waitUntil(lambda: bool(widget.course.ap50), timeout=60_000)
    worker = widget.panel._job._worker
    viewer.close()
    qtbot.waitUntil(lambda: not worker.is_running, timeout=60_000)
    kept = load_unet("my-model").config.provenance.steps
    assert kept % 4 == 0  # a validated one, perhaps after the viewer was gone


# ------------------------------------------------------------------ advice


def test_what_is_missing_is_asked_for(viewer, trainer, nuclei):
    assert "Open an image" in trainer.note.text.value
    assert not trainer.panel.button.enabled
    viewer.add_image(nuclei[0])
    assert "Add a Labels layer" in trainer.note.text.value
    assert not trainer.panel.button.enabled
    viewer.add_labels(nuclei[1])
    assert trainer.panel.button.enabled
    assert "Training and validation use the same image" in trainer.note.text.value
    assert trainer.form.window.value == "84x92"  # raw outputs 4, 8, 12, … to 244


def test_a_window_below_the_period_is_refused(pair):
    pair.form.window.value = "3"
    assert "below the period 4 × 4" in pair.note.text.value
    assert RED in colour(pair.note.text)
    assert not pair.panel.button.enabled
    assert captions(pair) == ["Use 8", "Use 84x92"]
    pair.note.buttons[0].native.click()
    assert pair.form.window.value == "8"
    assert pair.panel.button.enabled


def test_a_window_of_one_period_is_warned_of(pair):
    pair.form.window.value = "4"
    assert "not above the period 4: expect seams" in pair.note.text.value
    assert AMBER in colour(pair.note.text)
    assert pair.panel.button.enabled
    pair.form.window.value = "5"
    assert AMBER not in colour(pair.note.text)
    assert "It need not be a multiple of it" in pair.note.text.value
    assert "predicts 8 pixels at once, not 5" in pair.note.text.value


def test_a_typed_window_is_kept_and_an_offered_one_follows(viewer, pair, nuclei):
    pair.form.depth.value = 3
    assert pair.form.window.value == "36"
    pair.form.window.value = ""
    pair.form.window.value = pair.form.window._usual
    assert pair.form.window.value == "84x92"  # raw outputs 4, 12, 20, …
    pair.form.depth.value = 4
    assert pair.form.window.value == "84"  # 4, 20, 36, … 84


def test_what_cannot_be_is_refused_in_words(pair):
    for row, text, said in (
        ("window", "200", "the image has only 84 × 92"),
        ("window", "twenty", "A window is a whole number"),
        ("window", "12x12x12", "needs one value or 2"),
        ("model_name", "disks", "the name of a bundled model"),
        ("model_name", "a/b", "letters, digits"),
        ("model_name", "", "letters, digits"),
    ):
        control = getattr(pair.form, row)
        before = control.value
        assert pair.panel.button.enabled
        control.value = text
        assert said in pair.note.text.value
        assert RED in colour(pair.note.text)
        assert not pair.panel.button.enabled
        control.value = before


def test_classes_of_the_labels_are_said_to_be_left_out(pair):
    labels, said = pair.form.pairs.truth.value, "are not learnt here: shiftseg train"
    assert said not in "\n".join(pair.form.notes(about_name=False))
    labels.features = {"index": [1, 2], "class": ["round", "long"]}
    assert f"of labels {labels.name!r} {said}" in "\n".join(
        pair.form.notes(about_name=False)
    )


def test_a_network_too_large_is_refused_in_our_words_alone(pair):
    pair.advanced.features.value, pair.form.depth.value = 128, 6
    said = pair.note.text.value
    assert said.startswith("The number of weights must be at most 1,000,000,000, got")
    assert said.endswith("no network needs it.")
    assert not pair.panel.button.enabled


def test_labels_of_another_image_are_refused(viewer, pair, nuclei):
    pair.form.pairs.truth.value = viewer.add_labels(nuclei[1][:50], name="half")
    assert "84 × 92, got 50 × 92" in pair.note.text.value
    assert not pair.panel.button.enabled
    pair.form.pairs.image.value = viewer.add_image(nuclei[0][:50])
    pair.form.window.value = "36"
    assert pair.panel.button.enabled


def test_labels_without_an_object_are_refused(viewer, pair, run):
    pair.form.pairs.truth.value = viewer.add_labels(np.zeros(SIZE, int), name="empty")
    run(pair)
    assert "there is no object in any label image" in pair.panel.result.value
    assert RED in colour(pair.panel.result)
    assert own_models() == {}


def test_a_loss_that_is_not_finite_keeps_the_last_good(pair, run, monkeypatch):
    total, calls = DiscriminativeLoss.total, []

    def broken(self, *terms):
        calls.append(terms)
        return total(self, *terms) * (np.nan if len(calls) > 25 else 1)

    monkeypatch.setattr(DiscriminativeLoss, "total", broken)
    run(pair)
    said = pair.panel.result.value
    assert "The loss is nan at step 26: lower the learning rate (now 0.01)" in said
    assert "step 25 of 40" in said
    assert AMBER in colour(pair.panel.result)
    assert read_unet_config("my-model").provenance.steps == 20


def test_weights_that_are_not_finite_are_not_kept(pair, run, monkeypatch):
    from napari_shiftseg.training.fit import Training

    def broken(self, images, labels):
        for weight in self._model.parameters():
            weight.data.fill_(np.nan)
        if self.done:
            raise FloatingPointError("the loss is nan")
        return {"loss": 1.0, "pull": 1.0}

    monkeypatch.setattr(Training, "_step", broken)
    run(pair)
    assert "The loss is nan. There is nothing to keep." in pair.panel.result.value
    assert own_models() == {}


def test_too_little_memory_says_what_to_change(pair, run, monkeypatch):
    from napari_shiftseg.training.fit import Training

    def full(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    monkeypatch.setattr(Training, "_step", full)
    run(pair)
    assert "take a smaller window" in pair.panel.result.value


# ------------------------------------------------------------------ more than a pair


def test_fine_tuning_begins_with_the_weights_of_a_model(
    viewer, pair, run, tmp_path, monkeypatch
):
    monkeypatch.setattr(OPENED, "_paths", [])  # samples bring models of their own
    OPENED.look_again()
    start = build(object_config("begun", **TINY), seed=3)
    path = save_model(start, tmp_path / "begun.safetensors")
    # no disks
    assert list(pair.form.start.choices) == ["nothing", "nuclei", "nuclei-3d"]
    OPENED.add(str(path))
    pair.form.depth.value = 3
    pair.form.start.value = str(path)
    assert (pair.form.depth.value, pair.form.depth.enabled) == (2, False)
    pair.advanced.learning_rate.value = 1e-6
    pair.form.steps.value = 1
    run(pair)
    tuned = load_unet("my-model")
    assert tuned.shape == start.shape
    assert tuned.config.name == "my-model"
    for name, weight in start.named_parameters():
        torch.testing.assert_close(tuned.get_parameter(name), weight, atol=1e-5, rtol=0)


@pytest.fixture
def begun(request, pair, nuclei, tmp_path):
    """A model that finds some or all of the nuclei, chosen to begin with; its AP50."""
    least, most = request.param
    config = object_config("begun", **TINY)
    training = object_training(
        [Sample(*nuclei)], Validation(), config, 60, 36, recipe={"learning_rate": 0.01}
    )
    for step in training.steps():  # which one it is depends on the processor
        if step.done > 10 and least < score(training.model(), nuclei) <= most:
            break
    path = save_model(training.model(), tmp_path / "begun.safetensors")
    OPENED.add(str(path))
    pair.form.start.value = str(path)
    return score(load_unet(path), nuclei)


def score(model, nuclei):
    found = segment(nuclei[0], model, device="cpu").labels
    return average_precision(nuclei[1], found)


@pytest.mark.parametrize(
    ("loss", "embedding", "kernel"),
    [
        ("cosine", "spherical", "von-mises-fisher"),
        ("spatial", "spatial", "learnt-spread"),
    ],
)
def test_another_loss(viewer, pair, run, loss, embedding, kernel):
    pair.advanced.loss.value = loss
    assert pair.advanced.channels.enabled is (loss != "spatial")
    run(pair)
    config = load_unet("my-model").config
    assert config.embedding == embedding
    assert config.clustering.kernel == kernel
    assert config.provenance.loss["name"] == loss


@pytest.mark.parametrize(
    ("begun", "rate", "worse"),
    [((0.98, 1), 1e-6, True), ((0.02, 0.98), 0.01, False)],
    indirect=["begun"],
)
def test_the_model_one_begins_with_is_measured_first(pair, run, begun, rate, worse):
    assert begun > 0.02
    pair.advanced.learning_rate.value = rate
    run(pair)
    course = pair.course
    assert course.before == begun
    line = pair.plot.figure.axes[1].lines[1]
    assert set(line.get_ydata()) == {begun}
    said = pair.panel.result.value
    assert f"(before: {begun:.2f}" in said
    assert (max(course.ap50.values()) <= begun) is worse
    assert ("no better than the model it began with" in said) is worse
    assert (AMBER in colour(pair.panel.result)) is worse


def test_folders_of_pairs(viewer, trainer, run, tmp_path, nuclei):
    for kind, data in zip(("images", "labels"), nuclei, strict=True):
        (tmp_path / kind).mkdir()
        for number in range(3):
            tifffile.imwrite(
                tmp_path / kind / f"{number}.tif", np.roll(data, number, 1)
            )
    trainer.form.pairs.kind.value = "folders"
    assert "Choose the folder of images" in trainer.note.text.value
    trainer.form.pairs.image_folder.value = tmp_path / "images"
    assert "Choose the folder of their labels" in trainer.note.text.value
    trainer.form.pairs.truth_folder.value = tmp_path / "labels"
    assert trainer.panel.button.enabled
    assert trainer.form.window.value == ""  # what fits is found when they are read
    trainer.form.steps.value = 4
    run(trainer)
    made = read_unet_config("my-model").provenance
    assert made.window == (84, 92)
    assert made.data.startswith("2 images")  # one is held out
    shown, preview = viewer.layers
    assert preview.name == "validation · images · my-model"
    np.testing.assert_array_equal(shown.data, nuclei[0])
    predicted = segment(nuclei[0], load_unet("my-model"), device="cpu").labels
    np.testing.assert_array_equal(preview.data, predicted)

    tifffile.imwrite(tmp_path / "labels" / "1.tif", np.float32(nuclei[1]) + 0.5)
    run(trainer)
    assert "whole numbers" in trainer.panel.result.value
    assert RED in colour(trainer.panel.result)


def test_planes_with_labels_train_a_2d_network(viewer, trainer, run, nuclei):
    image, labels = (np.stack([plane] * 4) for plane in nuclei)
    labels[[0, 2]] = 0
    viewer.add_image(image, name="stack", scale=(5, 1, 1))
    viewer.add_labels(labels)
    assert trainer.form.network.native.isVisibleTo(trainer.native)
    assert "Of 4 planes, those with labels" in trainer.note.text.value
    trainer.form.steps.value = 2
    run(trainer)
    config = read_unet_config("my-model")
    assert config.ndim == 2
    assert config.provenance.data.startswith("1 image of")  # 1 and 3, 1 is held out
    layer = viewer.layers["validation · stack · my-model"]
    assert layer.data.shape == (1, *SIZE)
    np.testing.assert_allclose(layer.data_to_world((0, 0, 0)), (5, 0, 0))


def test_a_3d_network(viewer, trainer, run):
    sample = make_sample("nuclei-3d")
    inside = (slice(0, 24), slice(0, 40), slice(0, 40))
    viewer.add_image(sample.image[inside])
    viewer.add_labels(sample.labels[inside])
    trainer.form.network.value = 3
    trainer.form.depth.value = 1
    assert trainer.form.window.value == "24x40x40"
    trainer.form.window.value = "16"
    trainer.form.steps.value = 1
    trainer.advanced.features.value = 2
    run(trainer)
    assert read_unet_config("my-model").ndim == 3
    assert viewer.layers[-1].data.shape == (24, 40, 40)


# ------------------------------------------------------------------ corrections


@pytest.fixture
def corrected(viewer, trainer):
    """Two nuclei of a larger image are known, and what is about them."""
    sample = make_sample("nuclei")
    inside = (slice(0, 300), slice(0, 300))
    image, labels = sample.image[inside], sample.labels[inside]
    ids = np.unique(labels[130:170, 130:170])
    known = corrections(labels, ids[ids > 0][:2])
    place = {"scale": (2, 3), "translate": (10, 20)}
    viewer.add_image(image, name="cells", **place)
    viewer.add_labels(known, name="mended", **place)
    trainer.form.window.value = "36"
    return trainer


def test_corrections_are_trained_on_alone(viewer, corrected, run):
    labels = viewer.layers["mended"].data
    share, objects = 100 * (labels >= 0).mean(), len(np.unique(labels[labels > 0]))
    line = f"{share:.2g} % of the pixels count: {objects} objects"
    assert line in corrected.note.text.value
    assert "The rest is not known and does not count" in corrected.note.text.value
    assert "With fewer than ten corrected regions" in corrected.note.text.value
    corrected.form.steps.value = 20
    run(corrected)
    said = corrected.panel.result.value
    assert f"It learnt what is known: {line}." in said
    assert "step 20, AP50" in said
    assert objects in range(2, 8)
    made = read_unet_config("my-model").provenance
    assert f"{objects} objects" in made.data
    preview = viewer.layers[-1]
    assert preview.name == "validation · cells · my-model"
    known = np.argwhere(labels >= 0)
    corner = np.maximum(known.min(0) - 35 - 20, 0)  # window 36, context 40
    assert preview.data.shape[0] < 300
    np.testing.assert_allclose(
        preview.data_to_world((0, 0)), corner * (2, 3) + (10, 20)
    )


def test_of_corrections_four_sentences_are_said(viewer, corrected):
    record = {METADATA_KEY: {"image": "cells", "settings": {}}}
    viewer.add_labels(np.ones((300, 300), int), metadata=record)  # visible
    labels = viewer.layers["mended"]
    CorrectionRecord(9, 0, 1, 1, "nuclei", 2).write(labels)
    corrected.take_corrections(viewer.layers["cells"], labels)
    said = corrected.note.text.value.splitlines()
    assert len(said) == sum(line.count(". ") + 1 for line in said) == 4
    assert said[0] == "9 objects mended or marked right in 1 image."
    assert said[1].startswith("With what is next to them ")
    more = corrected.note.text.tooltip
    assert "so that it does not cover the labels" in more
    assert "must be above the period" in more
    CorrectionRecord(9, 0, 1, 1, "disks", 2).write(labels)
    corrected.form.start.value = "nothing"
    assert "has no foreground logit" in corrected.note.text.value
    assert len(corrected.note.text.value.splitlines()) == 4
    labels.data = np.abs(labels.data)
    corrected.take_corrections(viewer.layers["cells"], labels)
    assert "Training and validation use the same image" in corrected.note.text.value
    assert not corrected.note.text.tooltip


def test_when_it_is_validated(pair):
    pair.advanced.every.value = 0
    for steps, said in {
        10: "validated at the end",
        26: "validated every 25 steps",
        25: "validated at the end",
        3000: "validated every 300 steps",
    }.items():
        pair.form.steps.value = steps
        assert pair.summary.value.endswith(f"; {said}"), steps


def test_labels_that_are_complete_are_not_counted(pair):
    assert "pixels count" not in pair.note.text.value
    assert "Training and validation use the same image" in pair.note.text.value


def test_labels_that_are_too_large_are_counted_when_they_are_read(
    viewer, corrected, run, monkeypatch
):
    monkeypatch.setattr(training_pairs, "MOST_COUNTED", 100)
    corrected.form.window.value = "32"
    assert "pixels count" not in corrected.note.text.value
    corrected.form.steps.value = 1
    run(corrected)
    assert "of the pixels count" in corrected.panel.result.value


def test_labels_of_which_nothing_is_known_are_refused_by_name(viewer, corrected, run):
    nothing = viewer.add_labels(np.full((300, 300), -1), name="empty")
    corrected.form.pairs.truth.value = nothing
    run(corrected)
    assert "no pixel of the labels 'empty' is known" in corrected.panel.result.value
    assert RED in colour(corrected.panel.result)
    assert own_models() == {}


def test_corrected_frames_of_a_series_are_taken(viewer, trainer, run, nuclei):
    image, labels = nuclei
    stack = np.full((5, *SIZE), -1)
    stack[3] = corrections(labels, [labels[labels > 0][0]])
    viewer.add_image(np.stack([image] * 5), name="film")
    viewer.add_labels(stack)
    trainer.form.window.value = "36"
    trainer.form.steps.value = 2
    run(trainer)
    assert read_unet_config("my-model").provenance.data.startswith("1 image of")
    layer = viewer.layers[-1]
    assert layer.data_to_world((0, 0, 0))[0] == 3


def test_a_model_to_begin_with_is_trained_gently(trainer):
    rate = trainer.advanced.learning_rate
    rate.value = RATE
    trainer.form.start.value = "nuclei"
    assert rate.value == CORRECTION_RATE
    trainer.form.start.value = "nothing"
    assert rate.value == RATE
    rate.value = 0.003  # typed
    trainer.form.start.value = "nuclei"
    assert rate.value == 0.003


def test_the_loss_is_that_of_the_model_to_begin_with(trainer, tmp_path, monkeypatch):
    monkeypatch.setattr(OPENED, "_paths", [])
    start = build(object_config("begun", "cosine", **TINY), seed=3)
    OPENED.add(str(path := save_model(start, tmp_path / "begun.safetensors")))
    trainer.form.start.value = str(path)
    assert trainer.advanced.loss.value == "cosine"
    trainer.form.start.value = "nothing"
    assert trainer.advanced.loss.value == "discriminative"
    trainer.advanced.loss.value = "spatial"  # chosen, and kept
    trainer.form.network.value = 3
    assert trainer.advanced.loss.value == "spatial"


def test_a_training_begins_with_the_model_of_nuclei(viewer):
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Train")
    assert widget.form.start.value == "nuclei"
    assert widget.advanced.learning_rate.value == CORRECTION_RATE
    assert not widget.form.depth.enabled


def test_on_a_volume_it_begins_with_the_model_of_volumes(viewer):
    """And with that of planes on an image; a choice of the user's own stays."""
    _, widget = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Train")
    sample, form = make_sample("nuclei-small"), widget.form
    volume = viewer.add_image(sample.image, name="volume")
    viewer.add_labels(sample.labels)
    assert form.start.value == "nuclei-3d"
    assert form.config("a").ndim == 3
    assert form.window.value
    assert widget.panel.button.enabled
    flat = viewer.add_image(sample.image[20], name="plane")
    form.pairs.image.value = flat
    assert form.start.value == "nuclei"
    form.start.value = "nothing"
    form.pairs.image.value = volume
    assert form.start.value == "nothing"


def test_a_mask_is_warned_of(pair, viewer):
    assert "mask" not in pair.note.text.value
    layer = viewer.layers["true"]
    layer.data = np.where(layer.data > 0, 255, 0).astype(np.uint8)
    pair._advise()
    assert "looks like a mask, not like labels" in pair.note.text.value
    assert "all have the id 255" in pair.note.text.value
    assert AMBER in colour(pair.note.text)
    assert pair.panel.button.enabled


def test_labels_without_a_sign_can_be_given_one(pair, viewer):
    layer, button = viewer.layers["true"], pair.form.pairs.signed.native
    before = layer.data.astype("i4")
    for kind, wide in (("u1", "i4"), ("u2", "i4"), ("u4", "i8")):
        layer.data = before.copy()
        pair._advise()
        assert not button.isVisibleTo(pair.native)
        layer.data = before.astype(kind)
        pair._advise()
        assert button.isVisibleTo(pair.native), kind
        button.click()
        assert layer.data.dtype == wide
        np.testing.assert_array_equal(layer.data, before)
        layer.data[0, :3] = -1
        assert not button.isVisibleTo(pair.native)


# ---------------------------------------------------------------- grey values


def test_the_intensity_reaches_the_network(pair, nuclei):
    image, _ = nuclei
    choice = pair.form.intensity
    assert pair.form.task("cpu").reading == Reading()
    assert choice.said.value.startswith("reads ")
    choice.mode.value, choice.values.value = GIVEN, "5:250"
    choice.invert.value = True
    assert choice.said.value == "reads 5 … 250 as 1 … 0"
    assert "Choose this intensity in Segment" in pair.note.text.value
    task = pair.form.task("cpu")
    assert task.reading == Reading((5, 250), True)
    (learnt,) = task.pairs.to_learn(task, print)
    read = opened(learnt.sample, task.config).read(((0, 10), (0, 10)), np.float64)
    np.testing.assert_allclose(read[0], (250 - image[:10, :10]) / 245, atol=1e-6)
    choice.values.value = "7:2"
    assert "the first below the second" in pair.note.text.value
    assert not pair.panel.button.enabled


def test_a_model_tells_how_grey_values_were_read(pair, run):
    pair.form.intensity.mode.value = GIVEN
    pair.form.intensity.values.value = "5:250"
    pair.form.steps.value = 1
    run(pair)
    command = read_unet_config("my-model").provenance.command
    assert command == "napari, Train: cells, true, intensity 5:250"


def test_nothing_is_displayed_of_files(pair):
    choice = pair.form.intensity
    choice.mode.value = DISPLAYED
    pair.form.pairs.kind.value = "folders"
    assert (choice.mode.value, choice.mode.choices) == (AUTOMATIC, (AUTOMATIC, GIVEN))
    assert not choice.said.value
    pair.form.pairs.kind.value = "layers"
    assert DISPLAYED in choice.mode.choices
    assert choice.said.value.startswith("reads ")


def test_corrections_are_read_as_in_the_run(viewer, corrected):
    labels = viewer.layers["mended"]
    CorrectionRecord(9, 0, 1, 1, "nuclei", 2, (100, 1100), True).write(labels)
    corrected.take_corrections(viewer.layers["cells"], labels)
    settings = corrected.form.intensity.settings()
    assert (settings["intensity"], settings["invert"]) == ((100, 1100), True)
