"""The program from its first line to its exit status: streams, signals, faults."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from napari_shiftseg.cli import commands as app
from napari_shiftseg.cli import entry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROGRAM = "import sys; from napari_shiftseg.cli import main; main()"
ON_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="a shell's redirections")


def run(*arguments: str, after: str = "", **env: str) -> Any:
    """Run the program in a process of its own, its streams redirected by a shell."""
    words = [sys.executable, "-c", PROGRAM, *arguments]
    if after:
        words = ["sh", "-c", f'"$@" {after}', "sh", *words]
    return subprocess.run(
        words, capture_output=True, check=False, env={**os.environ, **env}
    )


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[Exception], None]:
    """Let the program raise something."""

    def breaks(error: Exception) -> None:
        def run(_: object) -> int:
            raise error

        monkeypatch.setattr(app, "run", run)

    return breaks


class TestStreams:
    @ON_POSIX
    @pytest.mark.parametrize(
        ("after", "said"),
        [
            (">/dev/full", b"cannot be written (No space left on device)"),
            (">&-", b"was closed before all was printed"),
            ("| true", b""),  # its status is that of the pipe
        ],
    )
    def test_nothing_can_be_printed(self, after: str, said: bytes) -> None:
        if "full" in after and not os.path.exists("/dev/full"):
            pytest.skip("no such device")
        ran = run("--version", after=after)
        assert ran.returncode == (entry.NOT_PRINTED if said else 0)
        assert said in ran.stderr
        assert ran.stderr.count(b"\n") <= 1
        assert b"None" not in ran.stderr

    @ON_POSIX
    @pytest.mark.parametrize("after", ["2>&-", "2>/dev/full"])
    def test_nothing_can_be_remarked(self, after: str) -> None:
        if "full" in after and not os.path.exists("/dev/full"):
            pytest.skip("no such device")
        ran = run("mend", after=after)
        assert (ran.returncode, ran.stdout) == (entry.BAD_INPUT, b"")
        ran = run("--version", after=after)
        assert ran.returncode == 0
        assert ran.stdout.startswith(b"shiftseg ")

    @pytest.mark.parametrize(
        ("encoding", "expected"),
        [
            ("utf-8", "2⁴ µ → é \\x1b[31m \\u202e \\xff"),
            ("cp1252", "2^4 µ -> é \\x1b[31m \\u202e \\xff"),
            ("ascii", "2^4 u -> \\xe9 \\x1b[31m \\u202e \\xff"),
        ],
    )
    def test_what_an_encoding_lacks_is_written_plainly(
        self, monkeypatch: pytest.MonkeyPatch, encoding: str, expected: str
    ) -> None:
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        monkeypatch.setattr(sys, "stderr", io.StringIO())
        entry.prepare()
        print("2⁴ µ → é \x1b[31m \u202e \udcff")
        sys.stdout.flush()
        assert raw.getvalue().decode(encoding).rstrip() == expected


class TestFaults:
    def test_a_fault_of_ours_is_one_line(self, broken, capsys) -> None:
        broken(ZeroDivisionError("division by zero"))
        assert entry.status_of([]) == entry.BUG
        said = capsys.readouterr().err
        assert said.count("\n") == 1
        assert "ZeroDivisionError: division by zero in test_entry.py:" in said
        assert "SHIFTSEG_DEBUG=1" in said

    def test_and_all_details_where_they_are_asked_for(
        self, broken, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken(ZeroDivisionError("division by zero"))
        monkeypatch.setenv("SHIFTSEG_DEBUG", "1")
        with pytest.raises(ZeroDivisionError):
            entry.status_of([])

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (OSError(28, "No space left on device"), "No space left on device: make"),
            (PermissionError(13, "Permission denied", "/a"), "/a: Permission denied"),
            (MemoryError(), "memory does not suffice (the machine has no more): take"),
            (RuntimeError("can't allocate memory: 9 TB\nmore"), "memory: 9 TB): take"),
            (MemoryError("a tile of 4 does not fit"), "shiftseg: a tile of 4 does not"),
            (ValueError("a\x1b[2J\nb" + "c" * 10**6), "shiftseg: a\\x1b[2J bccc"),
        ],
    )
    def test_bad_input_is_one_line(
        self, broken, capsys, error: Exception, said: str
    ) -> None:
        broken(error)
        assert entry.status_of([]) == entry.BAD_INPUT
        line = capsys.readouterr().err
        assert said in line
        assert line.count("\n") == 1
        assert len(line) < 2000
        assert "None" not in line

    def test_ctrl_c_that_a_library_wraps(self, broken, capsys) -> None:
        try:
            raise ImportError("initialization failed") from KeyboardInterrupt()
        except ImportError as error:
            broken(error)
        before = signal.getsignal(signal.SIGINT)
        assert entry.status_of([]) == entry.STOPPED
        signal.signal(signal.SIGINT, before)
        assert capsys.readouterr().err == "shiftseg: stopped\n"

    def test_a_plain_error_is_no_ctrl_c(self, broken) -> None:
        broken(ValueError("no"))
        assert entry.status_of([]) == entry.BAD_INPUT


class TestInterruptions:
    def test_an_import_ends_before_it_is_left(self, monkeypatch, tmp_path: Path):
        came = []
        interruption = entry._Interruption()
        monkeypatch.setattr(interruption, "again", lambda: came.append("later"))
        (tmp_path / "asked_while_imported.py").write_text(
            "import sys\nsys.asked(2, sys._getframe())\n", encoding="utf-8"
        )
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(sys, "asked", interruption, raising=False)
        import asked_while_imported  # noqa: F401

        assert came == ["later"]
        with pytest.raises(KeyboardInterrupt):
            interruption(2, None)

    @ON_POSIX
    def test_in_the_first_second(self) -> None:
        program = (
            "import os, signal, sys\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from napari_shiftseg.cli import main\n"
            "class Finder:\n"
            "    def find_spec(self, name, *_):\n"
            "        if name == 'typer': os.kill(os.getpid(), signal.SIGINT)\n"
            "sys.meta_path.insert(0, Finder())\n"
            "main()\n"
        )
        words = [sys.executable, "-c", program, "inspect", "disks", "--self-test"]
        ran = subprocess.run(words, capture_output=True, check=False)
        assert (ran.returncode, ran.stdout) == (130, b"")
        assert ran.stderr == b"shiftseg: stopped\n"

    def test_a_call_in_another_thread_is_not_waited_for(self) -> None:
        program = (
            "import time\n"
            "from concurrent.futures import ThreadPoolExecutor\n"
            "from napari_shiftseg.cli import commands, main\n"
            "def run(_):\n"
            "    ThreadPoolExecutor(1).submit(time.sleep, 3600)\n"
            "    raise KeyboardInterrupt\n"
            "commands.run = run\n"
            "main()\n"
        )
        words = [sys.executable, "-c", program]
        ran = subprocess.run(words, capture_output=True, check=False, timeout=600)
        assert (ran.returncode, ran.stderr) == (130, b"shiftseg: stopped\n")


class TestPatterns:
    """Shells replace ``*.tif`` by files, but where none matches, and on Windows."""

    def test_one_that_matches_nothing(self, shiftseg, tmp_path: Path) -> None:
        for command in ("segment", "compare", "sweep"):
            ran = shiftseg(command, tmp_path / "*.tif", "-o", tmp_path / "o")
            ran.assert_refused(f"no file matches {tmp_path / '*.tif'}: give the names")
        ran = shiftseg("segment", tmp_path / "a.tif", "-o", tmp_path / "o")
        ran.assert_refused("a.tif': there is no such file")

    def test_on_windows_they_are_replaced_here(self, monkeypatch, tmp_path: Path):
        for name in ("b.tif", "a.tif", "c.png"):
            (tmp_path / name).touch()
        files = [str(tmp_path / name) for name in ("a.tif", "b.tif")]
        given = ["sweep", str(tmp_path / "*.tif"), str(tmp_path / "*.npy")]
        assert app._expanded(given) == given
        monkeypatch.setattr(sys, "platform", "win32")
        assert app._expanded(given) == ["sweep", *files, given[2]]
