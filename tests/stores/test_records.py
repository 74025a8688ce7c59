"""A run may replace its own files, and no others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from napari_shiftseg.stores.folders import (
    Run,
    checksums,
    refuse_to_overwrite,
    written_by,
)

if TYPE_CHECKING:
    from pathlib import Path

RUN = Run("segment", ("/a/cells.tif", "channel 1"))


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A record of two files."""
    for name in ("a.tif", "b.tif"):
        (tmp_path / name).write_text(name)
    files = {name: tmp_path / name for name in ("a.tif", "b.tif")}
    known = {**RUN.about(), "sha256": checksums(files)}
    (tmp_path / "a.json").write_text(json.dumps(known))
    return tmp_path / "a.json"


def test_its_files_are_known_again(record: Path) -> None:
    assert written_by(RUN, record) == {"a.json", "a.tif", "b.tif"}


def test_a_file_that_was_changed_is_the_users(record: Path) -> None:
    record.with_name("a.tif").write_text("corrected by hand")
    record.with_name("b.tif").unlink()
    assert written_by(RUN, record) == {"a.json"}


@pytest.mark.parametrize(
    "other",
    [
        Run("mend", RUN.inputs),
        Run("segment", ("/b/cells.tif", "channel 1")),
        Run("segment", ("/a/cells.tif", "channel 2")),
        Run("segment", ("/a/cells.tif",)),
    ],
)
def test_another_run_owns_nothing(record: Path, other: Run) -> None:
    assert written_by(other, record) == set()


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\xff", b"[1]", b'{"sha256": {"a.tif": ""}}', b"[" * 10_000],
)
def test_a_record_of_others_owns_nothing(record: Path, content: bytes) -> None:
    record.write_bytes(content)
    assert written_by(RUN, record) == set()


def test_a_record_reaches_into_no_other_folder(record: Path, tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    sums = checksums({"../a.tif": tmp_path / "a.tif"})
    known: dict[str, Any] = {**RUN.about(), "sha256": sums}
    (below / "a.json").write_text(json.dumps(known))
    assert written_by(RUN, below / "a.json") == {"a.json"}


def test_others_are_refused_by_name(record: Path, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.tif", "b.tif", "new.tif")]
    refuse_to_overwrite(paths, {"a.tif", "b.tif"})
    refuse_to_overwrite(paths, overwrite=True)
    refuse_to_overwrite(paths[2:])
    with pytest.raises(
        FileExistsError, match=r"a file b\.tif that no older figure wrote.*choose"
    ):
        refuse_to_overwrite(paths, {"a.tif"}, kind="figure")
