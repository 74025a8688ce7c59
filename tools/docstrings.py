"""Docstrings for the site: formulas and tables of reStructuredText as Markdown."""

from __future__ import annotations

import re
from textwrap import dedent

import griffe

ROLE = re.compile(r":math:`(.+?)`", re.DOTALL)
ON_ONE_LINE = re.compile(r"^\.\. math:: (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^\.\. math::\n\n((?: +.*\n|\n)+)", re.MULTILINE)
RULE = re.compile(r"=+(?: +=+)+")
CELLS = re.compile(r" {2,}")


def to_markdown(docstring: str) -> str:
    """Return a docstring with its formulas and tables as Markdown has them."""
    text = ROLE.sub(r"\\(\1\\)", docstring)
    text = ON_ONE_LINE.sub(r"\\[\1\\]", text)
    text = BLOCK.sub(lambda found: f"\\[{dedent(found[1]).strip()}\\]\n\n", text)
    return _tables(text)


def _tables(text: str) -> str:
    """Replace tables between rules of equals signs by those of Markdown."""
    lines: list[str] = []
    rules = 0
    for line in text.splitlines():
        if RULE.fullmatch(line.strip()):
            rules = (rules + 1) % 3
            if rules == 2:
                lines.append("| --- | --- |")
        elif rules:
            lines.append(f"| {' | '.join(CELLS.split(line.strip(), 1))} |")
        else:
            lines.append(line)
    return "\n".join(lines)


class Markdown(griffe.Extension):
    """Turn every docstring into Markdown when it is read."""

    def on_object(self, *, obj: griffe.Object, **_: object) -> None:
        """Take a function, class, module or attribute as griffe has read it."""
        if obj.docstring:
            obj.docstring.value = to_markdown(obj.docstring.value)
