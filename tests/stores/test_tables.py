"""Tables as CSV: read back the same, no formula in them, whole or not at all."""

from __future__ import annotations

import csv
import errno
import os
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_shiftseg.stores.tables import read_table, write_table

if TYPE_CHECKING:
    from pathlib import Path

NASTY = (
    "=1+1", "+1", "-x", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'quoted", "a,b",
    'say "no"', "two\nlines", "a\r\nb", "µm", "", " =1", "−",
)  # fmt: skip


def test_columns_come_back(tmp_path: Path) -> None:
    table = {
        "label": np.array([1, 2**40, 3]), "mean": np.array([0.1, np.nan, 1e-300]),
        "cut": np.array([True, False, True]), "class": np.array(["=a", "b,c", ""]),
        "=name": np.array([1.5, 2, -3]),
    }  # fmt: skip
    write_table(tmp_path / "a.csv", table)
    found = read_table(tmp_path / "a.csv")
    assert list(found) == list(table)
    for name, column in table.items():
        np.testing.assert_array_equal(found[name], column)
        assert found[name].dtype.kind == column.dtype.kind


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)


@given(st.lists(st.sampled_from(NASTY) | TEXT, min_size=1))
def test_any_text_comes_back_and_is_no_formula(tmp_path_factory, texts) -> None:
    path = tmp_path_factory.mktemp("t") / "a.csv"
    write_table(path, {"name": np.array([*texts, "word"], dtype=object)})
    assert read_table(path)["name"].tolist() == [*texts, "word"]
    with path.open(newline="", encoding="utf-8") as file:
        fields = [field for row in csv.reader(file) for field in row]
    assert not [field for field in fields if field[:1] in tuple("=+-@\t\r\n") and field]


def test_pandas_reads_it(tmp_path: Path) -> None:
    write_table(
        tmp_path / "a.csv", {"label": np.array([1, 2]), "x": np.array([0.5, np.nan])}
    )
    found = pd.read_csv(tmp_path / "a.csv")
    assert found["label"].tolist() == [1, 2]
    assert np.isnan(found["x"][1])


def test_no_rows(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", {"label": np.zeros(0, int), "x": np.zeros(0)})
    assert {name: len(x) for name, x in read_table(tmp_path / "a.csv").items()} == {
        "label": 0, "x": 0
    }  # fmt: skip


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.csv"
    write_table(path, {"label": np.array([1])})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"no space left.*a\.csv"):
        write_table(path, {"label": np.array([2])})
    assert read_table(path)["label"].tolist() == [1]
    assert [*tmp_path.iterdir()] == [path]


def test_a_file_that_another_program_holds_open_is_named(tmp_path, monkeypatch) -> None:
    path = tmp_path / "a.csv"
    write_table(path, {"label": np.array([1])})

    def locked(*_: object) -> None:  # as Windows says it
        raise PermissionError(errno.EACCES, "used by another process", str(path))

    monkeypatch.setattr(os, "replace", locked)
    with pytest.raises(PermissionError, match=r"a\.csv"):
        write_table(path, {"label": np.array([2])})
    assert read_table(path)["label"].tolist() == [1]


def test_columns_of_two_lengths(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"one length, got \[1, 2\]"):
        write_table(tmp_path / "a.csv", {"a": np.zeros(1), "b": np.zeros(2)})


@pytest.mark.parametrize(
    ("text", "said"),
    [("a,b\n1\n", "row 2 of a.csv has 1 fields"), ("\xff", "no table")],
)
def test_what_is_no_table_is_said(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ValueError, match=said):
        read_table(tmp_path / "a.csv")
