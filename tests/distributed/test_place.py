"""A store says where it lies, and what made it."""

from __future__ import annotations

from dataclasses import replace

import dask.array as da
import numpy as np
import pytest
import zarr

from napari_shiftseg.distributed.crew import threads
from napari_shiftseg.distributed.segmenting import (
    segment_to_store,
    segment_to_store_steps,
)
from napari_shiftseg.progress import exhaust
from napari_shiftseg.stores.axes import Distance
from napari_shiftseg.stores.own_stores import levels_of, record_in
from napari_shiftseg.stores.reading import numbered_anew, read_image, read_labels

SIZES = {"Y": Distance(0.5, "µm"), "X": Distance(0.25, "µm")}


def run_at(stored, origin, **options):
    """Segment the image as if it began there, its pixels of a known size."""
    order = stored.order(**options)
    source = replace(order.source, calibration=SIZES, origin=origin)
    with threads(1) as crew:
        return exhaust(segment_to_store_steps(replace(order, source=source), crew))


def test_labels_lie_where_the_image_lies(stored):
    run_at(stored, {"Y": 100.0}, kinds=("labels", "gradient", "embedding"))

    for part in ("", "gradient", "embedding"):
        found = read_image(stored.folder / "out.zarr" / part, several=3)
        assert found.origin == {"Y": 100.0}
        assert found.calibration == SIZES


def test_a_valid_border_moves_the_labels(stored):
    stored.settings["border"] = "valid"
    report = run_at(stored, {})

    y, x = report["offset"]
    assert y == x > 0
    found = read_image(stored.folder / "out.zarr")
    assert found.origin == {"Y": y * 0.5, "X": x * 0.25}
    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)


def test_the_record_is_that_of_a_run_in_memory(stored):
    report = stored.run()
    result = stored.in_memory

    assert record_in(stored.folder / "out.zarr")["report"] == report
    assert report["engine"] == result.engine
    assert report["reads"] == result.intensity.figures()
    assert report["settings"]["window"] == list(result.plan.window)
    assert report["objects"] == result.objects
    assert report["offset"] == list(result.offset)
    assert report["whole"] == "yx"


def test_frames_have_numbers_of_their_own(make_stored):
    stored = make_stored(image=(3, 40, 44))
    order = stored.order()
    source = replace(order.source, axes="TYX")
    with threads(1) as crew:
        exhaust(segment_to_store_steps(replace(order, source=source), crew))

    path = stored.folder / "out.zarr"
    assert record_in(path)["report"]["whole"] == "yx"
    assert numbered_anew(path) == 1
    assert read_labels("labels", path).shape == (3, 40, 44)


def test_an_image_without_data_is_refused(stored):
    stored.image = np.full_like(stored.image, np.nan)
    stored.settings["ignore_nan"] = True

    with pytest.raises(ValueError, match="all pixels are NaN or masked"):
        stored.run()
    assert not list(stored.folder.iterdir())


def test_planes_without_data_are_named(make_stored):
    stored = make_stored(image=(3, 40, 44), ignore_nan=True)
    stored.image[1] = np.nan

    report = stored.run()

    assert "plane 2 of 3: all pixels are NaN or masked" in report["notes"]
    assert not stored.labels()[1].any()
    assert stored.labels()[0].any()


def test_what_16_bits_change_is_said(stored):
    stored.settings["precision"] = "bfloat16"

    report = stored.run()

    said = [note for note in report["notes"] if "adjusted Rand index" in note]
    expected = [n for n in stored.in_memory.notes if "adjusted Rand index" in n]
    assert said == expected
    assert len(said) == 1


def test_python_names_arguments(stored, tmp_path):
    with pytest.raises(ValueError, match=r"ends with \.zarr, got 'labels'"):
        segment_to_store(stored.image, stored.model, tmp_path / "labels")
    with pytest.raises(ValueError, match="save takes labels, embedding, gradient, got"):
        stored.run(kinds=("labels", "edges"))


def test_levels_are_those_of_the_pyramid(stored):
    stored.run()

    levels = levels_of(stored.folder / "out.zarr")
    assert [path.name for path in levels] == ["0", "1", "2"]


@pytest.mark.parametrize("taken", [lambda it: it, da.from_array, lambda it: it[:]])
@pytest.mark.parametrize("image", ["out.zarr", "out.zarr/0"])
def test_the_image_itself_is_not_replaced(stored, image, taken):
    """It lies at the target, or below, and is given as an array."""
    path = stored.folder / "out.zarr"
    zarr.create_group(str(path))
    pixels = zarr.create_array(
        str(stored.folder / image), data=stored.image, overwrite=True
    )
    given, asked = taken(pixels), {"window": 12, "device": "cpu", "overwrite": True}
    if isinstance(given, np.ndarray):  # nothing of it is lost
        assert segment_to_store(given, stored.model, path, **asked)["objects"]
        return

    with pytest.raises(ValueError, match="holds the image itself"):
        segment_to_store(given, stored.model, path, **asked)
    np.testing.assert_array_equal(pixels[:], stored.image)
