"""What `make docs` adds to the pages of docs/: the commands, the values, formulas.

MkDocs calls the functions that begin with ``on_``.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import griffe

ROOT = Path(__file__).parents[1]
COMMANDS, VALUES = "<!-- commands -->", "<!-- values -->"
PROGRAM = (
    "import sys; sys.argv[0] = 'shiftseg'; from napari_shiftseg.cli import main; main()"
)
FORMULA = re.compile(
    r'<(span|div) class="arithmatex">\\[(\[](.+?)\\[)\]]</\1>', re.DOTALL
)
NORM = re.compile(r"(\\lVert.+?\\rVert)", re.DOTALL)
LOADED = re.compile(
    r"""<(?:script|img|iframe|link)\b[^>]*?(?:src|href)="(https?:[^"]+)"""
)
RAW = re.compile(r"\.\. \w+::|:(?:math|class|func):")
LINKED = ("canonical", "next", "prev")  # links that load nothing


def on_page_markdown(markdown: str, **_: object) -> str:
    """Put what is generated in the place of its mark."""
    if COMMANDS in markdown:
        markdown = markdown.replace(COMMANDS, commands_page())
    if VALUES in markdown:
        markdown = markdown.replace(VALUES, values_page())
    return markdown


def on_page_content(html: str, **_: object) -> str:
    """Turn formulas into MathML, which browsers show without a script."""
    from latex2mathml.converter import convert

    return FORMULA.sub(
        lambda found: convert(
            NORM.sub(r"{\1}", unescape(found[2])),  # what stands after it, of all of it
            display="block" if found[1] == "div" else "inline",
        ),
        html,
    )


def on_post_page(output: str, **_: object) -> str:
    """Refuse a page that would load anything from the web, or shows raw markup."""
    from mkdocs.exceptions import PluginError

    for found in LOADED.finditer(output):
        if not any(f'rel="{kind}"' in found[0] for kind in LINKED):
            raise PluginError(f"the page loads {found[1]}: put a copy into docs/")
    if found := RAW.search(output):
        raise PluginError(f"{found[0]} of a docstring is not turned into Markdown")
    return output


def help_of(*words: str) -> str:
    """Return what ``shiftseg WORDS --help`` prints, 80 columns wide."""
    there = [str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"COLUMNS": "80", "PYTHONPATH": os.pathsep.join(there)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *words, "--help"],
        env=environment, capture_output=True, text=True, check=True, encoding="utf-8",
    )  # fmt: skip
    return done.stdout


def command_names(help_text: str) -> list[str]:
    """Return the names below *Commands* in the help of the program."""
    return re.findall(
        r"^  ([a-z][\w-]*)", help_text.partition("Commands:")[2], re.MULTILINE
    )


def commands_page() -> str:
    """Return the help of the program and of every command, each with a heading."""
    program = help_of()
    parts = [_fenced("shiftseg", program)]
    parts += [
        _fenced(f"shiftseg {name}", help_of(name)) for name in command_names(program)
    ]
    return "\n".join(parts)


def _fenced(title: str, text: str) -> str:
    return f"## {title}\n\n```text\n{text.rstrip()}\n```\n"


def values_page() -> str:
    """Return a block for every class that a public function takes or returns."""
    import griffe

    package = griffe.load(
        "napari_shiftseg", search_paths=[ROOT / "src"], resolve_aliases=True
    )
    named = [_itself(package[str(name)]) for name in package.exports or ()]
    asked = [
        paths for one in named if one.is_function for paths in _around(package, one)
    ]
    inside = [path for one in asked for path in _around(package, package[one])]
    ordered = sorted({*asked, *inside}, key=lambda path: path.rpartition(".")[2])
    return "\n".join(f"::: {package.path}.{path}\n" for path in ordered)


def _around(package: griffe.Module, found: Any) -> list[str]:
    """Return the classes that a function takes and gives, or a class holds."""
    if found.is_function:
        notes = [found.returns, *(p.annotation for p in found.parameters)]
    else:
        notes = [one.annotation for one in found.attributes.values()]
    return [path for note in notes for path in _classes_in(package, note)]


def _classes_in(package: griffe.Module, annotation: Any) -> Iterator[str]:
    """Return the paths of the package's own classes in an annotation."""
    import griffe

    names = annotation.iterate() if isinstance(annotation, griffe.Expr) else ()
    for name in names:
        path = getattr(name, "canonical_path", "")
        if path.startswith(f"{package.path}."):
            target = _itself(package[path.removeprefix(f"{package.path}.")])
            if target.is_class:
                yield target.path.removeprefix(f"{package.path}.")


def _itself(found: Any) -> griffe.Object:
    """Return what a name stands for, where it is imported from elsewhere."""
    return found.final_target if found.is_alias else found
