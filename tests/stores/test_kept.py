"""What is kept in the cache is read again, or found anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.stores.kept import read_kept, write_kept

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "kept.json"
    assert read_kept(path) is None
    write_kept(path, '{"a": [1, "é"]}')
    assert read_kept(path) == {"a": [1, "é"]}
    assert [each.name for each in path.parent.iterdir()] == ["kept.json"]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "kept.json"
    path.write_bytes(content)
    assert read_kept(path) is None


def test_a_cache_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    write_kept(tmp_path / "file" / "kept.json", "{}")
    assert read_kept(tmp_path / "file" / "kept.json") is None
