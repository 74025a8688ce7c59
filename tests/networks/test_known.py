"""Networks that were made elsewhere: opened, looked into, and used as any model."""

from __future__ import annotations

import pickle
import warnings
from copy import deepcopy

import numpy as np
import pytest
import torch
from napari.layers import Image
from torch import nn

import napari_shiftseg as shiftseg
from napari_shiftseg.detection.proposals import object_proposals
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.gui.parts.result_layers import result_layers
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun, segmentation_run
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.inference.views import check_views
from napari_shiftseg.networks.loading import known
from napari_shiftseg.networks.loading.foreign import (
    Output,
    assumed_uses,
    foreground_logit,
)
from napari_shiftseg.networks.loading.models import load_model, read_config, trust
from napari_shiftseg.networks.opening.trust import Untrusted
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust


class Net(nn.Module):
    """A net of period 4, padded with zeros."""

    def __init__(self, ndim=2, channels=1, outputs=1, head=None):
        super().__init__()
        convolution = {2: nn.Conv2d, 3: nn.Conv3d}[ndim]
        pooling = {2: nn.MaxPool2d, 3: nn.MaxPool3d}[ndim]
        self.first = convolution(channels, 4, 3, padding=1)
        self.pool = pooling(4)
        self.bottom = convolution(4, 4, 3, padding=1)
        self.up = nn.Upsample(scale_factor=4, mode="nearest")
        self.last = convolution(8, outputs, 3, padding=1)
        self.head = head or nn.Identity()
        for layer in (self.first, self.bottom, self.last):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, x):
        fine = torch.relu(self.first(x))
        coarse = self.up(torch.relu(self.bottom(self.pool(fine))))
        return self.head(self.last(torch.cat([fine, coarse], 1)))


def saved(path, net, size=(16, 16), channels=1):
    """Write a net, as ONNX or TorchScript."""
    example = torch.zeros(1, channels, *size)
    if path.suffix == ".onnx":
        dim = torch.export.Dim.DYNAMIC
        free = (dict.fromkeys(range(2, 2 + len(size)), dim),)
        with warnings.catch_warnings():  # within onnxscript
            warnings.simplefilter("ignore")
            torch.onnx.export(
                net.eval(), (example,), path, dynamic_shapes=free, verbose=False
            )
    else:
        torch.jit.trace(net.eval(), example).save(str(path))
    return path


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: tmp_path / "cache")
    monkeypatch.setattr("napari_shiftseg.networks.loading.models.TRUSTED", set())


@pytest.fixture
def image():
    y, x = np.indices((70, 61))
    return np.sin(x / 3) * np.cos(y / 4) + np.random.default_rng(0).random((70, 61))


@pytest.fixture
def onnx(tmp_path):
    torch.manual_seed(1)
    return saved(tmp_path / "net.onnx", Net(head=nn.Sigmoid()))


def test_a_network_predicts_in_tiles_as_in_one_pass(onnx, image):
    model = load_model(onnx)

    assert model.config.shape.period == (4, 4)
    whole = shiftseg.embed(image, model, stitching="whole")
    cropped = shiftseg.embed(image, model, window=8)
    naive = shiftseg.embed(image, model, window=9, stitching="naive")
    assert abs(cropped - whole).max() < 1e-6
    assert abs(naive - whole).max() > 1e-3


def test_what_was_found_is_kept_until_the_file_changes(onnx, monkeypatch, tmp_path):
    first = read_config(onnx)
    monkeypatch.setattr(known, "find", None)  # is not asked again

    assert read_config(onnx) == first
    assert load_model(onnx).config == first
    assert len([*(tmp_path / "cache" / "networks").iterdir()]) == 1

    saved(onnx, Net(outputs=2))
    with pytest.raises(TypeError):
        read_config(onnx)


def test_what_cannot_be_kept_is_found_again(onnx, tmp_path):
    (tmp_path / "cache").write_text("no folder")

    assert read_config(onnx) == read_config(onnx)


def test_what_is_kept_and_damaged_is_found_again(onnx, tmp_path):
    first = read_config(onnx)
    (place,) = (tmp_path / "cache" / "networks").iterdir()
    place.write_text('{"name": 3}')

    assert read_config(onnx) == first


def test_copies_and_pickles_predict_alike(onnx, image):
    model = load_model(onnx)
    expected = shiftseg.embed(image, model)

    for other in (deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_array_equal(shiftseg.embed(image, other), expected)


def test_code_is_run_only_where_it_is_trusted(tmp_path, image):
    path = saved(tmp_path / "net.pt", Net(head=nn.Sigmoid()))

    with pytest.raises(Untrusted, match="TorchScript program") as refusal:
        load_model(path)
    by_sum = load_model(path, trusted=[refusal.value.sha256])
    trust(refusal.value.sha256.upper())

    expected = shiftseg.embed(image, by_sum, engine="torch")
    found = shiftseg.embed(image, load_model(path), engine="torch")
    np.testing.assert_array_equal(found, expected)
    sent = pickle.loads(pickle.dumps(by_sum))
    np.testing.assert_array_equal(shiftseg.embed(image, sent, engine="torch"), expected)


@pytest.mark.parametrize("given", ["", "me", "a" * 63, "g" * 64])
def test_only_a_sum_is_trusted(given):
    with pytest.raises(ValueError, match="64 hexadecimal digits"):
        trust(given)


def test_torch_and_openvino_agree_on_a_network_of_torch(tmp_path, image):
    path = saved(tmp_path / "net.pt", Net(head=nn.Sigmoid()))
    with pytest.raises(Untrusted) as refusal:
        load_model(path)
    trust(refusal.value.sha256)
    model = load_model(path)

    ours = shiftseg.embed(image, model, engine="torch")
    theirs = shiftseg.embed(image, model, engine="openvino")

    assert abs(ours - theirs).max() < 1e-5


def test_objects_do_not_depend_on_tiles_or_blocks(onnx, image, tmp_path):
    model = load_model(onnx)
    settings = {"foreground_threshold": 0.6, "min_size": 3, "prominence": 0.3}

    whole = shiftseg.segment(image, model, stitching="whole", **settings)
    tiled = shiftseg.segment(image, model, window=8, **settings)
    report = shiftseg.segment_to_store(
        image, model, tmp_path / "out.zarr", window=8, **settings
    )

    assert whole.labels.max() > 3
    np.testing.assert_array_equal(tiled.labels, whole.labels)
    assert report["objects"] == whole.labels.max()


def test_a_volume_and_channels(tmp_path):
    volume = saved(tmp_path / "volume.onnx", Net(ndim=3), (8, 8, 8))
    colours = saved(tmp_path / "colours.onnx", Net(channels=3), channels=3)
    random = np.random.default_rng(0).random

    model = load_model(volume)
    assert model.config.ndim == 3
    pixels = random((9, 14, 15))
    whole = shiftseg.embed(pixels, model, stitching="whole")
    assert abs(shiftseg.embed(pixels, model, window=4) - whole).max() < 1e-5

    model = load_model(colours)
    assert model.config.in_channels == 3
    assert shiftseg.embed(random((3, 20, 21)), model).shape == (1, 20, 21)


def test_views_average_outputs(onnx, image):
    model = load_model(onnx)

    one, four = (shiftseg.embed(image, model, views=n) for n in (1, 4))

    assert four.shape == one.shape == (1, *image.shape)
    flipped = [
        np.flip(shiftseg.embed(np.flip(image, axes), model), [a + 1 for a in axes])
        for axes in ((), (0,), (1,), (0, 1))
    ]
    assert abs(four - np.mean(flipped, axis=0)).max() < 1e-6


def test_what_outputs_are_taken_for():
    def uses(outputs):
        return [output.use for output in assumed_uses(np.array(outputs)[None])]

    probability, pair = np.full((1, 4), 0.3), np.array([[0.7] * 4, [0.3] * 4])
    assert uses(probability) == ["probability"]
    assert uses(pair) == ["other", "probability"]
    assert uses([[0.7] * 4, [0.9] * 4]) == ["probability", "boundary"]
    assert uses(np.full((1, 4), -3.0)) == ["logit"]
    assert uses(np.full((3, 4), -3.0)) == ["embedding"] * 3


def test_the_foreground_is_made_of_what_there_is():
    outputs = torch.tensor([[[0.2, 0.5], [3.0, 0.5]]])

    def logit(*uses):
        named = tuple(Output(use=use) for use in uses)
        return foreground_logit(outputs, named)[0, 0].tolist()

    assert logit("probability", "boundary") == pytest.approx([np.log(0.25), 0])
    assert logit("other", "logit") == [3.0, 0.5]
    assert logit("other", "distance") == [2.0, -0.5]
    assert min(logit("other", "boundary")) > 20


def test_a_file_that_changed_is_not_taken_for_the_one_that_was_sent(onnx):
    sent = pickle.dumps(load_model(onnx))
    torch.manual_seed(2)
    saved(onnx, Net(head=nn.Sigmoid()))

    with pytest.raises(ValueError, match=r"net\.onnx was changed since it was opened"):
        pickle.loads(sent)


def test_it_is_found_from_another_folder(onnx, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = load_model("net.onnx")

    assert model.config.source == str(onnx.resolve())
    monkeypatch.chdir("/")
    assert pickle.loads(pickle.dumps(model)).config == model.config


def test_what_is_no_embedding_is_not_called_one(onnx, image):
    model = load_model(onnx)
    result = shiftseg.segment(image, model, window=8)

    assert result.gives == model.config.gives == "prediction"
    kinds = [how["name"] for _, how, _ in layers_of(result)]
    assert kinds[0].startswith("outputs · net")
    verdict = shiftseg.self_test(image, model, window=8)
    assert "embedding" not in verdict.verdict


def layers_of(result):
    source = LayerSource.of(Image(np.zeros(result.labels.shape)))
    return result_layers(result, source, "net")


def test_outputs_of_a_direction_are_not_averaged_over_views(onnx):
    config = read_config(onnx)
    flows = config.model_copy(update={"outputs": (Output(use="flow"),)})

    check_views(4, config)
    check_views(1, flows)
    with pytest.raises(ValueError, match=r"direction \(flow\) cannot be averaged"):
        check_views(4, flows)


def test_proposals_need_modes(onnx, image):
    with pytest.raises(ValueError, match="are made by watershed"):
        object_proposals(image, load_model(onnx))


def test_a_run_with_tiles_of_another_network_is_refused(onnx, image):
    source = LayerSource.of(Image(image))
    plan = plan_tiles(image.shape, read_config(onnx).shape, 8)
    run = SegmentationRun(str(onnx), source, Settings(window=8), plan=plan)
    saved(onnx, Net(outputs=3, head=nn.Sigmoid()))

    with pytest.raises(ValueError, match="was changed since it was chosen"):
        exhaust(segmentation_run(run))
