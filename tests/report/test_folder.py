"""A folder for results is made, or refused before any work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.report.folder import (
    kept_if_used,
    refuse_to_overwrite,
    writable_folder,
    written_before,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_a_folder_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    assert writable_folder(folder) == folder
    assert list(folder.iterdir()) == []


def work_that_fails(folder: Path, writes: bool) -> None:
    with kept_if_used(folder) as made:
        assert made == folder
        assert folder.is_dir()
        if writes:
            (folder / "half").write_text("x")
        raise ValueError("wrong")


def test_a_folder_that_was_made_for_nothing_goes(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrong"):
        work_that_fails(tmp_path / "new" / "folder", writes=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_was_there_or_is_used_stays(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(ValueError, match="wrong"):
        work_that_fails(tmp_path / "there", writes=False)
    with pytest.raises(ValueError, match="wrong"):
        work_that_fails(tmp_path / "used", writes=True)
    with kept_if_used(tmp_path / "done"):
        pass
    assert {path.name for path in tmp_path.iterdir()} == {"there", "used", "done"}


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_the_way(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(OSError, match=r"cannot write.*taken.*another folder"):
        writable_folder(tmp_path / "taken" / below)
    assert (tmp_path / "taken").read_text() == "mine"


class TestWhatWasWrittenBefore:
    NAMES = ("a.json", "a.png", "b.png")

    def test_is_what_the_record_says_of_names_that_are_ours(
        self, tmp_path: Path
    ) -> None:
        record = tmp_path / "a.json"
        record.write_text('{"files": ["a.json", "a.png", "mine.txt"]}')
        assert written_before(record, self.NAMES) == {"a.json", "a.png"}

    @pytest.mark.parametrize(
        "text",
        ['{"files": ["a.png"]}', '{"files": "a.json"}', '["a.json"]', "no JSON", "{}"],
    )
    def test_is_nothing_where_the_record_is_not_ours(
        self, tmp_path: Path, text: str
    ) -> None:
        (tmp_path / "a.json").write_text(text)
        assert written_before(tmp_path / "a.json", self.NAMES) == set()

    def test_is_nothing_without_a_record(self, tmp_path: Path) -> None:
        assert written_before(tmp_path / "a.json", self.NAMES) == set()


def test_a_file_of_the_same_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_text("mine")
    refuse_to_overwrite(tmp_path, {"a.png"}, "figure")
    with pytest.raises(
        FileExistsError, match=r"a file b\.png that is not of an older figure.*choose"
    ):
        refuse_to_overwrite(tmp_path, {"a.png", "b.png"}, "figure")
