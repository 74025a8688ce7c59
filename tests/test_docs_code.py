"""Every code block of README.md and docs/ does what it says.

Python blocks of a page run one after the other; a ``text`` block that follows is what
they print. Shell blocks run on small files, but for those marked ``parsed only``.
"""

from __future__ import annotations

import re
import shlex
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tifffile

from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Ran

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(ROOT.glob("docs/**/*.md")),
]
BLOCK = re.compile(
    r"(?P<mark><!-- parsed only: [^>]+-->\n)?^```(?P<language>\w+)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
ELSEWHERE = {  # programs that are not ours, and the words that they are used with
    "git": ("clone",),
    "cd": ("napari-shiftseg",),
    "python": (
        "-m",
        "benchmarks/batch.py",
        "benchmarks/blocks.py",
        "benchmarks/boundaries.py",
        "benchmarks/confidence.py",
        "benchmarks/dsb2018.py",
        "benchmarks/embeddings.py",
        "benchmarks/grid.py",
        "benchmarks/memory.py",
        "benchmarks/proposals.py",
        "benchmarks/scaling.py",
        "benchmarks/semantic_instances.py",
        "benchmarks/volumes.py",
    ),
    "python3": ("-m",),
    "napari": (),
    "make": ("demo", "docs", "test"),
    "source": (".venv/bin/activate",),
    "activate": (),
}
FILES = {"json": "edits.json", "yaml": "settings.yaml"}  # as the pages call them


@dataclass(frozen=True)
class Block:
    """A code block of a page."""

    language: str
    code: str
    is_parsed_only: bool


def blocks_of(page: str) -> list[Block]:
    """Every fenced block of a page, in order."""
    return [
        Block(found["language"], found["code"], bool(found["mark"]))
        for found in BLOCK.finditer(page)
    ]


def pages_with(language: str) -> list[Any]:
    """Pages with a block of a language, named for the list of tests."""
    return [
        pytest.param(page, id=page.relative_to(ROOT).as_posix())
        for page in PAGES
        if any(block.language == language for block in _blocks(page))
    ]


@cache
def _blocks(page: Path) -> list[Block]:
    return blocks_of(page.read_text(encoding="utf-8"))


def run_python(blocks: list[Block]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Run the Python blocks; return their names, and what was printed and expected."""
    names: dict[str, Any] = {"__name__": "page"}
    printed = []
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block.language == "python":
            out, code = StringIO(), compile(block.code, "<page>", "exec")
            if block.is_parsed_only:
                continue
            with redirect_stdout(out):
                exec(code, names)
            if following and following.language == "text":
                printed.append((out.getvalue(), following.code))
    return names, printed


def commands(code: str) -> Iterator[list[str]]:
    """Every command of a shell block, in words; what a loop holds, too."""
    for line in code.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words:
            ends = [n for n, word in enumerate(words) if word.endswith(";")]
            end = ends[0] + 1 if ends else len(words)
            command, words = [word.rstrip(";") for word in words[:end]], words[end:]
            if command[0] == "do":
                command = command[1:]
            if command[0] not in ("for", "done"):
                yield command


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Path:
    """The files that the pages speak of: an image, its truth, images to train on."""
    sample = make_sample("nuclei")
    places, side = {"a": (0, 280), "b": (160, 280), "c": (320, 280)}, 96
    for part in ("train", "val"):
        for kind, whole in (("images", sample.image), ("labels", sample.labels)):
            (tmp_path / part / kind).mkdir(parents=True)
            for name, (y, x) in places.items():
                cut = whole[y : y + side, x : x + side]
                tifffile.imwrite(tmp_path / part / kind / f"{name}.tif", cut)
    (tmp_path / "image.tif").write_bytes((tmp_path / "val/images/a.tif").read_bytes())
    (tmp_path / "truth.tif").write_bytes((tmp_path / "val/labels/a.tif").read_bytes())
    planes = np.stack([sample.image[:96, 280:376]] * 2)
    tifffile.imwrite(tmp_path / "stack.tif", planes, metadata={"axes": "ZYX"})
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_blocks_print_what_the_page_says(page: Path, folder: Path) -> None:
    _, printed = run_python(_blocks(page))

    for was, said in printed:
        assert was == said


def test_a_block_that_prints_something_else_is_found(folder: Path) -> None:
    page = "```python\nx = 2\n```\n```python\nprint(x)\n```\n\n```text\n3\n```\n"

    assert run_python(blocks_of(page))[1] == [("2\n", "3\n")]


def test_the_widget_of_the_page_is_one(folder: Path, qapp: object) -> None:
    page = next(p for p in PAGES if p.name == "extend.md")
    blocks = [b for b in _blocks(page) if b.language == "python"]
    names, _ = run_python([blocks[0], blocks[-1]])

    widget = names["segment_with_disks"]()

    assert widget.window.value == 64
    assert widget(image=names["image"]).max() == names["truth"].max()


@pytest.mark.parametrize("page", pages_with("sh"))
def test_shell_blocks_run(
    page: Path, folder: Path, shiftseg: Callable[..., Ran]
) -> None:
    blocks = _blocks(page)
    for block in blocks:
        if block.language in FILES:
            (folder / FILES[block.language]).write_text(block.code, encoding="utf-8")
    for block in blocks:
        if block.language == "sh" and not block.is_parsed_only:
            for program, *arguments in commands(block.code):
                if program == "shiftseg":
                    ran = shiftseg(*arguments)
                    assert ran.status == 0, (arguments, ran.stderr)


@pytest.mark.parametrize("page", [*pages_with("sh"), *pages_with("powershell")])
def test_shell_blocks_name_what_there_is(
    page: Path, shiftseg: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for block in _blocks(page):
        if block.language not in ("sh", "powershell"):
            continue
        for program, *arguments in commands(block.code.replace("\\", "/")):
            if program == "shiftseg":
                command, *rest = arguments
                texts = (shiftseg(command, h).stdout for h in ("--help", "--help-all"))
                known = options("".join(texts))
                assert {word for word in rest if word.startswith("-")} <= known
            else:
                name = program.rpartition("/")[2]
                assert name in {*ELSEWHERE, "py"}, program
                words = ELSEWHERE.get(name, ("-m",))
                assert not words or arguments[0] in words


def options(help_text: str) -> set[str]:
    """Every option that a help text names."""
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", help_text))


def test_commands_of_a_block_are_found() -> None:
    code = 'a b  # c\nfor f in x/*.tif; do shiftseg segment "$f" -o out; done\n'

    assert list(commands(code)) == [
        ["a", "b"],
        ["shiftseg", "segment", "$f", "-o", "out"],
    ]
