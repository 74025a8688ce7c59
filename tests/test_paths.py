"""What docs/architecture.md names is there: files on a path, tests of a promise."""

from __future__ import annotations

import re
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from torch import Tensor

import napari_shiftseg as shiftseg
from napari_shiftseg.geometry.tiling import TilePlan
from napari_shiftseg.mending.changes import Change
from napari_shiftseg.mending.edit_lists import EditStore, UndoStep
from napari_shiftseg.mending.edits import Merge
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.mending.replay import contradicted
from napari_shiftseg.pipeline.result import Segmentation
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

ROOT = Path(shiftseg.__file__).parent
TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "architecture.md"
LOOKS = "*looks*"
SIDE, WINDOW = 100, 20
READS = 204  # pixels that a tile of 20 reads, along each axis


@dataclass(frozen=True)
class Column:
    """What a table says of one value: files on its way, and those that look."""

    passed: tuple[str, ...]
    looking: tuple[str, ...]

    @property
    def core(self) -> set[str]:
        """All files but those of the widgets."""
        files = {*self.passed, *self.looking}
        return {file for file in files if not file.startswith("gui/")}


def column(heading: str, name: str) -> Column:
    """Read a column of the table below a heading."""
    text = PAGE.read_text(encoding="utf-8").partition(f"### {heading}")[2]
    rows = re.findall(r"^\|(.+)\|$", text.partition("\n##")[0], re.MULTILINE)
    table = [[cell.strip() for cell in row.split("|")] for row in rows]
    at = table[0].index(name)
    cells = [(file, row[at]) for row in table[1:] for file in named(row[0])]
    return Column(
        tuple(file for file, cell in cells if cell and not cell.startswith(LOOKS)),
        tuple(file for file, cell in cells if cell.startswith(LOOKS)),
    )


def named(cell: str) -> list[str]:
    """Return the files in a cell."""
    return re.findall(r"`([\w/]+\.py)`", cell)


@contextmanager
def given(holds: Callable[[str, Any], bool]) -> Iterator[set[str]]:
    """Collect the files of which a function is given a value that `holds` knows."""
    files: set[str] = set()

    def look(frame: FrameType, event: str, _: Any) -> None:
        code = frame.f_code
        path = Path(code.co_filename)
        if event != "call" or ROOT not in path.parents:
            return
        if any(holds(name, frame.f_locals[name]) for name in arguments(code, frame)):
            files.add(path.relative_to(ROOT).as_posix())

    before = sys.getprofile(), threading.getprofile()
    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield files
    finally:
        sys.setprofile(before[0])
        threading.setprofile(before[1])


def arguments(code: CodeType, frame: FrameType) -> list[str]:
    """Return the names that a function is called with, but for *args and **others."""
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return [name for name in names if name in frame.f_locals]


def anywhere(holds: Callable[[Any], bool], value: Any, depth: int = 3) -> bool:
    """Whether a value is one, or a list or dataclass that has one in it."""
    if holds(value):
        return True
    if not depth:
        return False
    inside: list[Any] = []
    if isinstance(value, (list, tuple)):
        inside = list(value)
    elif is_dataclass(value) and not isinstance(value, type):
        inside = [getattr(value, one.name, None) for one in fields(value)]
    return any(anywhere(holds, one, depth - 1) for one in inside)


@pytest.fixture
def image() -> np.ndarray:
    return shiftseg.read_image("disks").data[:SIDE, :SIDE].copy()


def segmented(image: np.ndarray, holds: Callable[[str, Any], bool]) -> set[str]:
    """The files of a run by OpenVINO, which has compiled the network, and by torch."""
    model, how = shiftseg.load_model("disks"), {"window": WINDOW, "device": "cpu"}
    shiftseg.embed(image, model, engine="openvino", **how)
    with given(holds) as files:
        for engine in ("openvino", "torch"):
            shiftseg.segment(image, model, stitching="naive", engine=engine, **how)
    return files


@pytest.mark.usefixtures("one_thread")
def test_the_files_that_an_image_passes(image: np.ndarray) -> None:
    def is_image(value: Any) -> bool:
        if isinstance(value, np.ndarray) and np.shares_memory(value, image):
            return True
        if isinstance(value, (np.ndarray, Tensor)):
            return value.shape[-2:] == (READS, READS)  # a tile, as the network reads it
        return isinstance(value, Segmentation)

    files = segmented(image, lambda _, value: anywhere(is_image, value))

    assert files == column("A window and an image", "`image`").core


@pytest.mark.usefixtures("one_thread")
def test_the_files_that_a_window_passes(image: np.ndarray) -> None:
    def is_window(value: Any) -> bool:
        return isinstance(value, (Settings, TilePlan, Segmentation))

    files = segmented(
        image,
        lambda name, value: (
            is_window(value) or (name == "window" and value in (WINDOW, (WINDOW,) * 2))
        ),
    )

    assert files == column("A window and an image", "`window`").core


def test_the_files_that_a_merge_passes() -> None:
    labels = np.array([[1, 1, 0, 2, 2]], dtype=np.int32)
    frame, store = Mending(labels, np.zeros((3, 1, 5)), labels > 0), EditStore([])

    with given(
        lambda _, v: anywhere(lambda one: isinstance(one, (Merge, Change)), v)
    ) as files:
        edit = Merge(((0, 0), (0, 3)))
        change = frame.change_of(edit)
        assert not list(contradicted(frame, change))
        frame.record(edit, change)
        store.do(UndoStep((edit,), (change,)))

    assert files == column("A click that merges", "what happens").core
    assert change.pixels == 2  # those of object 2


@pytest.mark.parametrize(
    ("heading", "name", "said"),
    [
        ("A window and an image", "`window`", r"A window passes (\d+) files"),
        ("A window and an image", "`image`", r"an image (\d+)\."),
        ("A click that merges", "what happens", r"A merge passes (\d+) files"),
    ],
)
def test_the_number_of_files_is_that_of_the_table(
    heading: str, name: str, said: str
) -> None:
    found = re.search(said, PAGE.read_text(encoding="utf-8"))

    assert found
    assert int(found[1]) == len(column(heading, name).passed)


def test_a_file_that_is_given_the_value_is_seen() -> None:
    with given(lambda name, _: name == "window") as files:
        shiftseg.plan_tiles((64, 64), shiftseg.new_model(depth=2).shape, window=8)

    assert {"geometry/tiling.py", "geometry/window.py"} <= files
    assert "inference/predict.py" not in files


def missing(table: str) -> list[str]:
    """Return the tests named in a table that are not there."""
    wrong = []
    for file, name in re.findall(r"`(tests/[\w/.]*)(?:::(\w+))?`", table):
        path = TESTS.parent / file
        if not path.exists() or (
            name and f"def {name}(" not in path.read_text(encoding="utf-8")
        ):
            wrong.append(f"{file}::{name}")
    return wrong


def test_tests_of_the_promises_are_there() -> None:
    table = PAGE.read_text(encoding="utf-8").partition("## What it promises")[2]
    rows = [row for row in table.splitlines() if row.startswith("| ")][1:]

    assert [row for row in rows if "`tests/" not in row] == []
    assert missing(table) == []


def test_a_test_that_is_not_there_is_found() -> None:
    here = "tests/test_paths.py"
    table = f"| `{here}::missing` | `{here}::gone` `tests/no.py` `tests/stores/` |"

    assert missing(table) == [f"{here}::gone", "tests/no.py::"]
