"""An image on disk is compared where one looks; nothing else of it is read."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest

from napari_shiftseg.gui.compare.run import CompareTask
from napari_shiftseg.gui.parts import large
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.samples.catalogue import disks

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def read():
    """Places that were read, (row, column) of the first pixel."""
    return []


@pytest.fixture
def lazy(read):
    """A function that makes an array of which is known what was read."""

    def make(pixels):
        def part(block_info):
            (place,) = (block_info[None]["array-location"],)
            read.append(tuple(start for start, _ in place))
            return pixels[tuple(slice(*side) for side in place)]

        return da.map_blocks(
            part, chunks=tuple((40,) * (n // 40) for n in pixels.shape),
            dtype=pixels.dtype, meta=np.zeros((0, 0), pixels.dtype),
        )  # fmt: skip

    return make


def test_the_part_in_view_is_compared(viewer, compare, press, lazy, read, monkeypatch):
    monkeypatch.setattr(large, "AT_ONCE", 24**2)
    sample = disks((400, 400), 13, 5)
    viewer.add_image(lazy(sample.image), name="disks", contrast_limits=(0, 1))
    viewer.add_labels(lazy(sample.labels.astype(np.int32)), name="disks · truth")
    form = compare.form
    assert form.region.is_in_view
    assert "in view: 24 × 24 pixels (rows 188–211" in compare.note.text.value
    read.clear()
    press(compare)

    assert "24 × 24 pixels (rows 188–211" in compare.panel.result.value
    assert compare.view.compared.comparison.naive.result.labels.shape == (24, 24)
    assert compare.view.compared.comparison.naive.objects is not None
    assert read
    assert {row for row, _ in read} <= {80, 120, 160, 200, 240, 280}
    np.testing.assert_array_equal(
        compare.view.compared.truth[188:212, 188:212], sample.labels[188:212, 188:212]
    )


def test_an_image_in_memory_is_compared_as_a_whole(viewer, compare, monkeypatch):
    monkeypatch.setattr(large, "AT_ONCE", 24**2)
    viewer.add_image(disks((44, 52), 13, 5).image, name="disks")
    assert not compare.form.region.is_in_view
    assert "in view" not in compare.note.text.value


@pytest.mark.parametrize("shape", [(100_000, 100_000), (1, 100_000, 100_000)])
def test_no_more_of_a_truth_is_held_than_the_part(shape):
    truth = da.ones(shape, dtype=np.int32, chunks=500)
    settings = Settings(region=((0, 100), (50_000, 50_200)))
    labels = CompareTask("disks", None, settings, truth, is_part=True).labels()
    assert labels.shape == (100_000, 100_000)
    assert labels.labels.shape == (164, 328)
    there = labels[0:100, 50_000:50_200]
    assert there.shape == (100, 200)
    assert (there == 1).all()
