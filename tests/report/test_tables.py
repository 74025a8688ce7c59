"""Tables, and what a spreadsheet reads of them."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.pipeline.sweep import sweep
from napari_shiftseg.report.figures_of_merit import (
    Table,
    figures_table,
    profile_table,
    sweep_table,
    write_csv,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_every_figure_of_both_sides(by_disks) -> None:
    table = figures_table(by_disks)
    assert table.header == (
        "figure", "naive", "cropped", "difference", "low", "high", "better",
    )  # fmt: skip
    naive, cropped = by_disks.naive.figures(), by_disks.cropped.figures()
    assert {row[0]: row[1:3] for row in table.rows} == {
        key: (naive[key], cropped[key]) for key in naive
    }
    judged = {row[0]: row[3:] for row in table.rows}
    known = by_disks.differences["ap50"]
    assert judged["ap50"] == (known.value, known.low, known.high, "cropped")
    assert judged["seam_z"] == (None, None, None, "cropped")
    assert judged["objects"] == (None,) * 4


def test_the_profile_offset_by_offset(by_disks, tmp_path: Path) -> None:
    table = profile_table(by_disks)
    assert len(table.rows) == 2 * 20
    write_csv(tmp_path / "a.csv", table)
    header, *rows = read(tmp_path / "a.csv")
    naive, cropped = by_disks.naive, by_disks.cropped
    for name, profiles in (
        ("naive", naive.seams.profile),
        ("untiled_naive", naive.untiled.profile),
        ("cropped", cropped.seams.profile),
        ("untiled_cropped", cropped.untiled.profile),
    ):
        for axis, profile in enumerate(profiles):
            column = [row[header.index(name)] for row in rows if row[0] == str(axis)]
            assert column[len(profile) :] == [""] * (20 - len(profile))
            found = np.array(column[: len(profile)], dtype=float)
            np.testing.assert_array_equal(found, profile)


def test_a_sweep_window_by_window(small_model, rng, tmp_path: Path) -> None:
    points = sweep(rng.normal(size=(31, 42)), small_model(2, 2), [(6, 8), 8])
    write_csv(tmp_path / "a.csv", sweep_table(points))
    header, *rows = read(tmp_path / "a.csv")
    assert [row[header.index("window")] for row in rows] == ["6x8", "8x8"]
    ratios = [row[header.index("seam_ratio")] for row in rows]
    assert ratios == [repr(point.seams.ratio) for point in points]
    assert {row[header.index("ap50")] for row in rows} == {""}
    assert sweep_table([]).rows == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (0.1, "0.1"),
        ([24, 96, 96], "24x96x96"),
        ('a, "b"\n<c>', 'a, "b"\n<c>'),
        ("µ", "µ"),
        (True, "True"),
        ("=1+1", "'=1+1"),
        (-0.5, "-0.5"),
    ],
)
def test_values(tmp_path: Path, value: Any, text: str) -> None:
    write_csv(tmp_path / "a.csv", Table(("x", "y"), ((value, 1),)))
    assert read(tmp_path / "a.csv") == [["x", "y"], [text, "1"]]
