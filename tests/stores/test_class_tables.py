"""Tables of classes: what is read, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from napari_shiftseg.stores.class_tables import ClassTable, class_tables, read_classes
from napari_shiftseg.stores.tables import write_table

KNOWN = {1: "disk", 2: "star"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "label,class\n1,disk\n2,star\n"),
        ("a.csv", "\ufefflabel;class;confidence\r\n1;disk;0.9\r\n2; star ;0.4\r\n"),
        ("a.csv", "Y\tlabel\tclass\n0\t1\tdisk\n0\t2\tstar\n1\t1\tdisk\n"),
        ("a.json", '{"1": "disk", "2": "star"}'),
    ],
)
def test_what_is_read(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    assert read_classes(path) == KNOWN


def test_classes_that_look_like_formulas_are_read_as_they_were(tmp_path):
    path = tmp_path / "a_objects.csv"
    write_table(path, {"label": np.array([1, 2]), "class": np.array(["+", "=1"])})
    assert "1,'+" in path.read_text()
    assert read_classes(path) == {1: "+", 2: "=1"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "id,class\n1,disk\n", "no column label: write label,class"),
        ("a.csv", "", "no column label and class"),
        ("a.csv", "label,class\n0,disk\n", "a whole number from 1, got '0'"),
        ("a.csv", "label,class\n1.5,disk\n", "a whole number from 1, got '1.5'"),
        ("a.csv", "label,class\n3,\n", "object 3 has no class"),
        ("a.csv", "label,class\n3\n", "object 3 has no class"),
        ("a.csv", "label,class\n3,a\n3,b\n", "object 3 is both a and b"),
        ("a.json", "{", "a.json is no table of classes"),
        ("a.json", "[1]", "an object of classes by label"),
        ("a.json", '{"1": 2}', "object 1 has no class, got 2"),
    ],
)
def test_what_is_refused(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_classes(path)


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"label,class\n1,\xff\n")
    with pytest.raises(ValueError, match="is no table of classes"):
        read_classes(path)


class TestFolder:
    def test_tables_are_found_by_name(self, tmp_path) -> None:
        (tmp_path / "a.csv").write_text("label,class\n1,disk\n2,star\n")
        (tmp_path / "b_classes.json").write_text('{"1": "disk", "2": "star"}')
        (tmp_path / "notes.txt").write_text("none")
        assert class_tables(tmp_path, ["a", "b"]) == {
            "a": ClassTable("a.csv", KNOWN),
            "b": ClassTable("b_classes.json", KNOWN),
        }

    def test_a_table_for_each_image(self, tmp_path) -> None:
        (tmp_path / "a.csv").write_text("label,class\n1,disk\n")
        with pytest.raises(ValueError, match="no table of classes for b, c"):
            class_tables(tmp_path, ["a", "b", "c"])
        with pytest.raises(ValueError, match="of one image, but there are 2"):
            class_tables(tmp_path / "a.csv", ["a", "b"])
        with pytest.raises(FileNotFoundError):
            class_tables(tmp_path / "none.csv", ["a"])

    def test_two_tables_of_one_image(self, tmp_path) -> None:
        for name in ("a.csv", "a_classes.csv"):
            (tmp_path / name).write_text("label,class\n1,disk\n")
        with pytest.raises(ValueError, match="are both tables of 'a'"):
            class_tables(tmp_path, ["a"])
