"""A file is there whole, or the older one is."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from napari_shiftseg.stores import whole_file
from napari_shiftseg.stores.whole_file import all_or_none, whole_or_not_at_all

if TYPE_CHECKING:
    from pathlib import Path

ON_POSIX = pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")


def write(path: Path, text: str) -> None:
    with whole_or_not_at_all(path) as unfinished:
        unfinished.write_text(text)


def write_half(path: Path, error: Exception) -> None:
    with whole_or_not_at_all(path) as unfinished:
        unfinished.write_text("half")
        raise error


def test_it_takes_the_name_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with whole_or_not_at_all(path) as unfinished:
        assert unfinished.parent == tmp_path
        assert unfinished.read_text() == ""
        unfinished.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(ValueError, match="wrong"):
        write_half(path, ValueError("wrong"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_killed_while_writing_it_leaves_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    script = (
        "import os, sys, pathlib\n"
        "from napari_shiftseg.stores.whole_file import whole_or_not_at_all\n"
        "with whole_or_not_at_all(pathlib.Path(sys.argv[1])) as unfinished:\n"
        "    unfinished.write_text('half')\n"
        "    os._exit(9)\n"
    )
    ran = subprocess.run([sys.executable, "-c", script, path], check=False)
    assert ran.returncode == 9
    assert path.read_text() == "old"
    assert [p.suffix for p in tmp_path.iterdir() if p != path] == [".unfinished"]
    write(path, "new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]  # what the killed one left is gone


def test_what_others_leave_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a process that runs, of another machine, of another file, of another name."""
    running = whole_file.unfinished_name("a.txt")
    gone = running.replace(f"-{os.getpid()}-", f"-{2**31 - 1}-")
    others = [
        running,
        whole_file.unfinished_name("b.txt").replace(f"-{os.getpid()}-", "-2147483647-"),
        ".a.txt.unfinished",
        "a.txt.unfinished",
    ]
    monkeypatch.setattr(whole_file, "_machine", lambda: "0" * 8)
    others.append(whole_file.unfinished_name("a.txt").replace(str(os.getpid()), "1"))
    monkeypatch.undo()
    for name in (gone, *others):
        (tmp_path / name).write_text("")
    write(tmp_path / "a.txt", "new")
    assert {p.name for p in tmp_path.iterdir()} == {"a.txt", *others}


def test_an_interruption_waits_for_all_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C between the names leaves neither file without the other."""
    replace, paths = os.replace, [tmp_path / "one", tmp_path / "two"]

    def interrupted(new: str, path: str) -> None:
        if path in paths:  # threads of other tests may replace files of theirs
            signal.raise_signal(signal.SIGINT)
        replace(new, path)

    def write_both() -> None:
        with all_or_none(paths) as (one, two):
            one.write_text("1")
            two.write_text("2")

    monkeypatch.setattr(os, "replace", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            write_both()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert [path.read_text() for path in paths] == ["1", "2"]
    assert sorted(tmp_path.iterdir()) == paths


def test_several_are_written_together(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("old")

    def fail() -> None:
        with all_or_none([one, two]) as (first, second):
            first.write_text("new")
            second.write_text("new")
            raise ValueError("late")

    with pytest.raises(ValueError, match="late"):
        fail()
    assert one.read_text() == "old"
    assert list(tmp_path.iterdir()) == [one]
    with all_or_none([one, two]) as (first, second):
        first.write_text("new")
        second.write_text("new, too")
    assert (one.read_text(), two.read_text()) == ("new", "new, too")


@pytest.mark.parametrize("has_links", [True, False])
def test_a_name_that_cannot_be_taken_leaves_all_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    """As on Windows, where another program holds the last file open."""
    older, store, new, held = (tmp_path / name for name in ("a", "b.zarr", "c", "d"))
    store.mkdir()
    (store / "0").write_text("old")
    for path in (older, held):
        path.write_text("old")
    replace = os.replace

    def replaced(this: Path, path: Path) -> None:
        if path == held:
            raise PermissionError(13, "another program holds it", str(path))
        replace(this, path)

    def no_link(*_: Path) -> None:
        raise OSError(1, "no hard links")

    def write() -> None:
        paths = [store, new, held] if not has_links else [older, store, new, held]
        with all_or_none(paths, [store]) as parts:
            for part in parts:
                (part / "1" if part.is_dir() else part).write_text("new")

    monkeypatch.setattr(os, "replace", replaced)
    if not has_links:
        monkeypatch.setattr(os, "link", no_link)
    with pytest.raises(PermissionError, match="holds it"):
        write()
    assert sorted(tmp_path.iterdir()) == [older, store, held]
    assert os.listdir(store) == ["0"]
    assert (older.read_text(), held.read_text()) == ("old", "old")


def test_what_lies_at_the_unfinished_name_is_not_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda _: "00000000")
    bait = tmp_path / whole_file.unfinished_name("a.txt")
    bait.write_text("another's")
    with pytest.raises(FileExistsError, match=r"a\.txt"):
        write(tmp_path / "a.txt", "new")
    assert bait.read_text() == "another's"


@ON_POSIX
def test_permissions_are_kept_and_new_ones_follow_the_umask(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("")
    old.chmod(0o640)
    before = os.umask(0o027)
    try:
        write(old, "x")
        write(new, "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert stat.S_IMODE(new.stat().st_mode) == 0o640
    write(new.with_name("usual"), "x")
    usual = stat.S_IMODE(new.with_name("usual").stat().st_mode)
    assert usual == 0o666 & ~before


@ON_POSIX
def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    link = tmp_path / "link"
    link.symlink_to("target")
    write(link, "new")
    assert (tmp_path / "target").read_text() == "mine"
    assert not link.is_symlink()
    assert link.read_text() == "new"


@ON_POSIX
def test_a_pipe_is_refused_and_stays(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match=r"a pipe or a device.*pipe"):
        write(tmp_path / "pipe", "new")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


def test_a_read_only_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("mine")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anything
    with pytest.raises(PermissionError, match="read-only"):
        write(tmp_path / "a", "new")
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize("named", [True, False])
def test_an_error_names_the_file_that_was_meant(tmp_path: Path, named: bool) -> None:
    def fill_the_disk() -> None:
        with whole_or_not_at_all(tmp_path / "a.txt") as unfinished:
            raise OSError(28, "No space left on device", *[str(unfinished)] * named)

    with pytest.raises(OSError, match="No space left") as told:
        fill_the_disk()
    assert told.value.filename == str(tmp_path / "a.txt")


def test_an_error_without_a_number_names_it_too(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"a\.txt cannot be written: Not enough space"):
        write_half(tmp_path / "a.txt", OSError("Not enough space"))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as told:
        write(tmp_path / "no" / "a.txt", "x")
    assert told.value.filename == str(tmp_path / "no" / "a.txt")
