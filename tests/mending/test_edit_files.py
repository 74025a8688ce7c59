"""Files of edits: written whole, read again, wrong ones refused."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from napari_shiftseg.mending.edit_lists import EditList, read_edits, write_edits
from napari_shiftseg.mending.edits import Delete, Paint, Split

EDITS = EditList(
    (
        Delete(((1, 2),)),
        Split((((3, 4),), ((5, 6), (5, 7)))),
        Paint((0, 0), (2, 2), ((1, 2),), (9, 9)),
    ),
    {"bandwidth": 0.7, "kernel": "flat"},
    "nuclei",
    "cells",
)


def delete(x: str) -> str:
    """Write a file of one edit at a position that begins so."""
    edit = '{"kind": "delete", "points": [[' + x + ", 1]]}"
    return f'{{"version": 1, "edits": [{edit}]}}'


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    write_edits(path, EDITS)
    assert read_edits(path) == EDITS
    assert json.loads(path.read_text()) == {
        "version": 1,
        "edits": [
            {"kind": "delete", "points": [[1, 2]], "frame": []},
            {"kind": "split", "seeds": [[[3, 4]], [[5, 6], [5, 7]]], "frame": []},
            {
                "kind": "paint", "corner": [0, 0], "shape": [2, 2], "runs": [[1, 2]],
                "to": [9, 9], "number": None, "frame": [],
            },
        ],
        "clustering": {"bandwidth": 0.7, "kernel": "flat"},
        "model": "nuclei",
        "image": "cells",
    }  # fmt: skip


def test_a_file_without_model_and_image_is_read(tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    path.write_text('{"version": 1, "edits": [], "clustering": {"bandwidth": 2}}')
    assert read_edits(path) == EditList((), {"bandwidth": 2})


def test_a_failure_leaves_the_older_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "edits.json"
    write_edits(path, EDITS)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"):
            write_edits(path, EditList(()))
    assert read_edits(path) == EDITS
    assert [p.name for p in tmp_path.iterdir()] == ["edits.json"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "edits.json cannot be read as edits: it is empty"),
        ("{", "edits.json cannot be read as edits: Expecting property name"),
        ("[]", "edits are an object of version, edits, clustering"),
        ('{"edits": []}', "version 1 of a list of edits is read, got None"),
        ('{"version": 2, "edits": []}', "got 2"),
        ('{"version": 1, "edits": [], "window": 2}', "an object of version, edits"),
        ('{"version": 1, "edits": [], "model": 3}', "model must be a name .* got 3"),
        ('{"version": 1, "edits": [], "image": []}', "image must be a name .* got"),
        ('{"version": 1}', "edits must be a list"),
        ('{"version": 1, "edits": [{"kind": "glue"}]}', "edit 1: the kind of an edit"),
        (
            '{"version": 1, "edits": [{"kind": "delete", "points": [[1, -2]]}]}',
            "edit 1: delete: a position is whole pixels",
        ),
        (
            '{"version": 1, "edits": [], "clustering": {"bandwidth": -1}}',
            "clustering: bandwidth: Input should be greater than 0",
        ),
        (
            '{"version": 1, "edits": [], "clustering": {"bandwidth": 1e-10}}',
            "clustering: bandwidth: the bandwidth must be at least 1e-09, got 1e-10$",
        ),
        ('{"version": 1, "edits": [], "clustering": {"width": 1}}', "width: Extra"),
        ('{"version": 1, "edits": [], "clustering": 3}', "clustering: Input should be"),
        (
            '{"version": 1, "edits": [{"kind": ["merge"]}]}',
            r"edit 1: .* got \['merge'\]",
        ),
        ('{"version": 1, "edits": [{"kind": {}}]}', "edit 1: the kind of an edit"),
        ('{"version": 1, "edits": ' + "[" * 10**5 + "]" * 10**5, "nests too deeply"),
        ('{"version": NaN, "edits": []}', "NaN is no number in JSON"),
        (delete("1e3"), "points: Input should be a valid integer, got 1000.0"),
        (delete("9" * 4000), r"whole pixels from 0 upward, got .*\.\.\.9+, 1\)"),
        (delete("9" * 5000), "edits.json cannot be read as edits: "),
        (delete("[" * 300 + "]" * 300), r"got \[\[\[\[\.\.\.\]\]\]\]"),
        (
            '{"version": 1, "edits": [], "model": "' + "m" * 10**6 + '"}',
            "a name in quotes",
        ),
    ],
)
def test_wrong_files(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "edits.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=reason) as caught:
        read_edits(path)
    assert len(str(caught.value)) < 400


def test_a_mark_of_the_byte_order_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    path.write_text(delete("2"), encoding="utf-8-sig")  # as editors on Windows do
    assert read_edits(path).edits == (Delete(((2, 1),)),)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes of this kind")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "edits.json")
    for path in (tmp_path / "edits.json", Path(os.devnull)):
        with pytest.raises(ValueError, match="it is no file but a device or a pipe"):
            read_edits(path)


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    with path.open("wb") as file:
        file.truncate(10**8 + 1)
    with pytest.raises(ValueError, match="100,000,001 bytes, at most 100,000,000"):
        read_edits(path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder, a file of edits is"):
        read_edits(tmp_path)


def test_a_picture_is_no_list_of_edits(tmp_path: Path) -> None:
    path = tmp_path / "edits.json"
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ValueError, match=r"edits.json is no text"):
        read_edits(path)
