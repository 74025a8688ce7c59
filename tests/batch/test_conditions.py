"""Images grouped by their first folder, in figures worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from pathlib import Path

from napari_shiftseg.batch.conditions import (
    NO_FOLDER,
    Condition,
    conditions,
    incomparable,
)
from napari_shiftseg.batch.order import BatchRow


def row(condition, objects, median_area=nan, status="done"):
    return BatchRow(
        Path("a.tif"), "a", status, condition, objects=objects, median_area=median_area
    )


ROWS = [
    row("treated", 7, 30.0),
    row("control", 10, 20.0),
    row("control", 20, 26.0),
    row("control", 0, status="skipped"),
    row("control", 99, 99.0, "failed"),
]


def test_what_failed_does_not_count_and_what_was_done_before_does():
    control, treated = conditions(ROWS)
    assert control == Condition("control", (10, 20, 0), (20.0, 26.0))
    assert treated == Condition("treated", (7,), (30.0,))


def test_figures():
    control = conditions(ROWS)[0]
    assert (control.images, control.total) == (3, 30)
    assert (control.mean_objects, control.median_area) == (10.0, 23.0)


def test_images_without_objects_have_no_area():
    (found,) = conditions([row("", 0)])
    assert (found.name, found.mean_objects, found.median_area) == (NO_FOLDER, 0, None)


def test_nothing_done_is_no_condition():
    assert conditions([row("a", 3, 4.0, "failed")]) == ()


def test_sizes_are_in_units_where_all_images_have_them():
    sizes = {"median_area_um2": 5.0, "density_mm2": 1.0}
    (one,) = conditions([replace(row("", 7, 20.0), in_units=sizes)] * 2)
    assert (one.areas, one.size.column) == ((5.0, 5.0), "median_area_um2")
    mixed = [replace(row("", 7, 20.0), in_units=sizes), row("", 7, 30.0)]
    (one,) = conditions(mixed)
    assert (one.areas, one.size.column) == ((20.0, 30.0), "median_area")
    failed = [mixed[0], replace(mixed[1], status="failed")]
    assert conditions(failed)[0].size.title == "median area (µm²)"


def sized(axes, *shape, model="nuclei"):
    return replace(row("a", 1), axes=axes, shape=shape, model=model)


def test_what_cannot_be_compared_is_said():
    plane = sized("YX", 40, 50)
    assert incomparable([plane, plane, *ROWS]) == ()
    larger, series = sized("YX", 80, 50), sized("TYX", 3, 40, 50)
    volume = sized("ZYX", 9, 40, 50, model="nuclei-3d")
    assert incomparable([larger, plane])[0].startswith("images of 40 × 50 to 80 × 50")
    assert incomparable([plane, series])[0].startswith("1 to 3 frames an image")
    assert incomparable([plane, volume])[0].startswith("1 volume beside planes")
    assert incomparable([volume, volume]) == ()
    assert len(incomparable([plane, larger, series, volume])) == 3
