"""The table of the objects of a run: of images, series, planes, parts and classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_shiftseg.metrics.measuring import measure
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.progress import exhaust
from napari_shiftseg.results.confidence import object_confidence
from napari_shiftseg.results.measuring import Measuring, axes_of_run
from napari_shiftseg.results.table import file_table_steps, object_table_steps
from napari_shiftseg.stores.axes import Distance
from napari_shiftseg.stores.reading import Source

pytestmark = pytest.mark.usefixtures("one_thread")
UM = {
    axis: Distance(size, "µm") for axis, size in zip("ZYX", (2, 0.5, 0.25), strict=True)
}


@pytest.fixture
def model(small_model):
    return small_model(2, 2, foreground=True)


def table_of(pixels, model, axes="YX", calibration=None, **settings: Any):
    leading = axes[: len(axes) - 2 - ("C" in axes)].lower()
    result = segment(pixels, model, window=8, device="cpu", axes=[*leading], **settings)
    source = Source("a", pixels, axes, calibration or {})
    return result, exhaust(file_table_steps(result, model, source))


def test_it_is_what_is_measured_and_how_sure_it_is(model, rng) -> None:
    pixels = rng.random((24, 28))
    result, table = table_of(pixels, model, calibration=UM)
    measured = measure(result.labels, pixels, (0.5, 0.25))
    sure = object_confidence(result, model)
    assert list(table) == [*measured, *list(sure)[1:]]
    assert result.objects > 3
    for name, column in (measured | sure).items():
        np.testing.assert_array_equal(table[name], column)


def test_objects_of_linked_planes_are_volumes(model, rng) -> None:
    pixels = rng.random((3, 24, 28))
    result, table = table_of(pixels, model, "ZYX", UM)
    measured = measure(result.labels, pixels, (2, 0.5, 0.25))
    assert "volume_um3" in table
    np.testing.assert_array_equal(table["centroid_z"], measured["centroid_z"])
    assert len(table["confidence"]) == result.objects


@pytest.mark.parametrize(("axes", "column"), [("TYX", "frame"), ("ZYX", "plane")])
def test_frames_and_planes_that_are_not_linked(model, rng, axes, column) -> None:
    pixels = rng.random((3, 24, 28))
    result, table = table_of(pixels, model, axes, link_planes=False)
    assert len(table["label"]) == result.objects
    for label, at in zip(table["label"], table[column], strict=True):
        assert (result.labels[at] == label).any()


def test_a_part_lies_in_the_full_image(model, rng) -> None:
    pixels = rng.random((40, 44))
    result, table = table_of(pixels, model, region=((8, 32), (12, 40)))
    assert result.offset == (8, 12)
    full = np.zeros(pixels.shape, int)
    full[tuple(slice(*side) for side in result.region)] = result.labels
    expected = measure(full, pixels)
    for name in ("centroid_y", "bbox_x0", "bbox_y1", "mean_intensity"):
        np.testing.assert_array_equal(table[name], expected[name])


def test_classes_stand_after_the_label(small_model, rng) -> None:
    model = small_model(2, 2, foreground=True, classes=("disk", "star"))
    result, table = table_of(rng.random((24, 28)), model)
    assert list(table)[:3] == ["label", "class", "class_confidence"]
    (found,) = result.classes
    assert table["class"].tolist() == [*found.of]
    np.testing.assert_array_equal(table["class_confidence"], found.confidence)


def test_several_channels(small_model, rng) -> None:
    model = small_model(2, 2, foreground=True, in_channels=2)
    pixels = rng.random((2, 24, 28))
    result, table = table_of(pixels, model, "CYX")
    for n in (1, 2):
        alone = measure(result.labels, pixels[n - 1])["mean_intensity"]
        np.testing.assert_array_equal(table[f"mean_intensity_{n}"], alone)


@pytest.mark.parametrize(("axes", "shape"), [("ZCYX", (2, 2)), ("TZCYX", (3, 2, 2))])
def test_as_many_channels_as_linked_planes(small_model, rng, axes, shape) -> None:
    model = small_model(2, 2, foreground=True, in_channels=2)
    pixels = rng.random((*shape, 24, 28))
    result, table = table_of(pixels, model, axes)
    measured = measure(result.labels, pixels[..., 1, :, :], axes=axes.replace("C", ""))
    assert len(table["label"]) == len(measured["label"]) > 3
    for name in ("mean_intensity", "max_intensity"):
        np.testing.assert_array_equal(table[f"{name}_2"], measured[name])


def test_no_objects(model, rng) -> None:
    result, table = table_of(rng.random((24, 28)), model, min_size=10_000)
    assert result.objects == 0
    assert {len(column) for column in table.values()} == {0}
    assert {"label", "confidence", "cut"} <= set(table)


@pytest.mark.parametrize(
    ("leading", "spatial", "linked", "expected"),
    [
        ("", 2, None, ("YX", None)),
        ("z", 2, 0, ("ZYX", 0)),
        ("z", 2, None, ("PYX", None)),
        ("tz", 2, 1, ("TZYX", 1)),
        ("tz", 2, None, ("TPYX", None)),
        ("t", 2, 0, ("TYX", None)),  # tracks: a row in each frame
        ("t", 3, None, ("TZYX", None)),
        ("zt", 2, 0, ("TZYX", 0)),
        ("qq", 2, None, ("TPYX", None)),
    ],
)
def test_axes(leading: str, spatial: int, linked: Any, expected: Any) -> None:
    assert axes_of_run([*leading], len(leading), spatial, linked) == expected


def test_some_objects_measured_anew_are_as_all_of_them(rng) -> None:
    labels = np.kron(np.arange(12).reshape(3, 4), np.ones((6, 5), int))
    light = rng.random((2, *labels.shape))
    measuring = Measuring("YX", None, (0.5, 0.5), (100, 200), (), light)
    every = exhaust(measuring.steps(labels))
    some = measuring.some(labels, (), (slice(3, 18), slice(4, 20)), {6, 11})
    rows = np.isin(every["label"], [6, 11])
    for name in every:
        np.testing.assert_allclose(some[name], every[name][rows], rtol=1e-12)


def test_without_image_and_size(model, rng) -> None:
    result = segment(rng.random((24, 28)), model, window=8, device="cpu")
    table = exhaust(object_table_steps(result, model))
    assert "confidence" in table
    assert not {"mean_intensity", "area_um2"} & set(table)
