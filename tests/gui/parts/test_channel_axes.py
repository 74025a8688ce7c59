"""Channels are chosen, and never run through as frames."""

import dask.array as da
import numpy as np
import pytest
import tifffile
from napari.components import Dims
from napari.layers import Image

from napari_shiftseg.gui.parts.models import leading_axes
from napari_shiftseg.gui.parts.source import (
    LayerSource,
    channel_in_view,
    first_channel,
    frame_in_view,
    layer_shape,
    source_in_view,
)
from napari_shiftseg.gui.parts.viewer import taken_note
from napari_shiftseg.networks.unet_config import ModelConfig

TWO = ModelConfig.new(depth=2)
THREE = ModelConfig.new(ndim=3, depth=2)


def labelled(data, labels, **options):
    return Image(data, name="img", axis_labels=labels, **options)


def dims(*point):
    ranges = [(0, 100, 1)] * len(point)
    return Dims(ndim=len(point), range=ranges, point=point)


@pytest.mark.parametrize("label", ["c", "C", "channel", " Channels "])
def test_an_axis_is_known_by_its_label(label):
    data = np.arange(3 * 4 * 5).reshape(3, 4, 5)
    layer = labelled(data, (label, "y", "x"), scale=(7, 2, 3), translate=(1, 5, 6))
    assert layer_shape(layer) == (4, 5)
    source = source_in_view(layer, dims(15, 0, 0), 0)  # 1 + 2 · 7
    assert source.channel.words == "channel 3 of 3"
    assert source.title == "img c3"
    np.testing.assert_array_equal(source.pixels(), data[2])
    placed = source.placed((), 2)
    np.testing.assert_allclose(placed["scale"], (2, 3))
    np.testing.assert_allclose(placed["translate"], (5, 6))
    assert placed["axis_labels"] == ("y", "x")
    said = taken_note(layer, dims(15, 0, 0))
    assert said == "Only channel 3 of 3 is read, the one at the slider."


@pytest.mark.parametrize(
    "labels", [("t", "y", "x"), ("z", "y", "x"), ("-3", "-2", "-1")]
)
def test_other_axes_are_frames(labels):
    layer = labelled(np.zeros((3, 4, 5)), labels)
    assert first_channel(layer) is None
    assert layer_shape(layer) == (3, 4, 5)
    assert leading_axes(layer, TWO) == 1


def test_channels_between_others_lie_at_all_positions_of_the_slider():
    """Napari aligns the last axes: without this one time would stand at channels."""
    data = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    layer = labelled(data, ("t", "c", "y", "x"), scale=(9, 1, 2, 2))
    source = source_in_view(layer, dims(9, 1, 0, 0), 0)
    np.testing.assert_array_equal(source.pixels(), data[:, 1:2])
    assert frame_in_view(layer, dims(9, 1, 0, 0), 2) == (1, 0)
    result = Image(source.pixels(), **source.placed((), 4))
    assert result.axis_labels == layer.axis_labels
    for channel in range(3):
        at = np.round(result.world_to_data((9, channel, 4, 6)))
        np.testing.assert_array_equal(at, (1, 0, 2, 3))


def test_lazy_channels_stay_lazy():
    layer = labelled(da.zeros((2, 3, 4, 5), chunks=1), ("z", "c", "y", "x"))
    assert isinstance(LayerSource.of(layer).pixels(), da.Array)


@pytest.mark.parametrize(("axes", "at"), [("CYX", 0), ("TCYX", 1), ("ZCYX", 1)])
@pytest.mark.parametrize("kind", [{"ome": True}, {"imagej": True}])
def test_an_axis_is_known_by_the_file(tmp_path, axes, at, kind):
    data = np.zeros((3, 2, 4, 5)[-len(axes) :], np.uint16)
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, data, metadata={"axes": axes}, **kind)
    layer = Image(tifffile.imread(path))
    assert first_channel(layer) is None
    layer._source = layer.source.model_copy(update={"path": str(path)})
    assert first_channel(layer).axis == at
    assert channel_in_view(layer, dims(*(1,) * len(axes))).index == 1


@pytest.mark.parametrize("shape", [(40, 50, 2), (40, 50, 1), (64, 64, 31), (40, 50, 3)])
def test_channels_at_the_end_are_refused(shape):
    layer = Image(np.zeros(shape), rgb=False)
    with pytest.raises(ValueError, match="channel_axis=-1"):
        leading_axes(layer, TWO)


def test_a_model_of_several_channels_is_not_given_one_of_them():
    layer = labelled(np.zeros((2, 40, 50)), ("c", "y", "x"))
    both = TWO.model_copy(update={"in_channels": 2})
    with pytest.raises(ValueError, match="reads 2 channels together"):
        leading_axes(layer, both)
    assert leading_axes(Image(np.zeros((2, 40, 50))), both) == 0


def test_channels_within_what_a_model_reads_are_refused():
    layer = labelled(np.zeros((8, 2, 40, 50)), ("z", "c", "y", "x"))
    with pytest.raises(ValueError, match="channel_axis=1"):
        leading_axes(layer, THREE)
    layer = labelled(np.zeros((2, 8, 40, 50)), ("c", "z", "y", "x"))
    assert leading_axes(layer, THREE) == 0


@pytest.mark.parametrize(("colour", "at"), [("red", 0), ("green", 1), ("blue", 2)])
def test_one_colour(colour, at):
    data = np.random.default_rng(0).random((4, 5, 3))
    layer = Image(data, rgb=True, name="img")
    source = LayerSource.of(layer, colour=colour)
    np.testing.assert_array_equal(source.pixels(), data[..., at])
    assert source.title == f"img {colour}"
    assert (
        taken_note(layer, dims(0, 0), colour)
        == f"Of the colours only {colour} is read."
    )
    assert "grey" in taken_note(layer, dims(0, 0))
