"""The table of a run into a store: beside it, and that of the labels in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from napari_shiftseg.distributed import table
from napari_shiftseg.metrics.measuring import measure
from napari_shiftseg.stores.tables import read_table


def test_it_is_the_table_of_the_whole(stored) -> None:
    report = stored.run()
    found = read_table(Path(report["table"]))
    assert Path(report["table"]) == stored.folder / "out_objects.csv"
    expected = measure(stored.labels(), stored.image)
    assert len(found["label"]) == report["objects"] > 5
    for name, column in expected.items():
        np.testing.assert_allclose(found[name], column, rtol=1e-12, err_msg=name)


def test_a_stack_is_measured_as_volumes(make_stored, make_blobs) -> None:
    stored = make_stored(make_blobs((3, 30, 31)))
    found = read_table(Path(stored.run()["table"]))
    expected = measure(stored.labels(), stored.image)
    assert "centroid_z" in found
    np.testing.assert_array_equal(found["area"], expected["area"])


def test_of_many_volumes_there_is_no_solidity(make_stored, make_blobs, monkeypatch):
    monkeypatch.setattr(table, "MOST_HULLS", 3)
    stored = make_stored(make_blobs((3, 30, 31)))
    assert "solidity" not in read_table(Path(stored.run()["table"]))


def test_grey_values_are_of_the_part_that_is_predicted(make_stored) -> None:
    stored = make_stored(border="valid")
    found = read_table(Path(stored.run()["table"]))
    offset = stored.in_memory.offset
    assert offset != (0, 0)
    shape = stored.labels().shape
    part = stored.image[
        tuple(slice(o, o + n) for o, n in zip(offset, shape, strict=True))
    ]
    expected = measure(stored.labels(), part, offset=offset)
    for name in ("mean_intensity", "centroid_y", "bbox_x0"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)


def test_a_table_of_others_is_not_replaced(stored) -> None:
    mine = stored.folder / "out_objects.csv"
    mine.write_text("mine")
    with pytest.raises(FileExistsError, match=r"out_objects\.csv is already there"):
        stored.run()
    assert mine.read_text() == "mine"
