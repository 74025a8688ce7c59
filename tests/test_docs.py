"""What the documents say is there: files, headings, samples."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from napari_shiftseg.samples.catalogue import SAMPLES

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Names that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ +(.*)$", CODE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def broken(document: Path) -> list[str]:
    """Links of a document that lead to nothing on this machine; web links aside."""
    wrong = []
    for link in LINK.findall(CODE.sub("", document.read_text(encoding="utf-8"))):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if re.match(r"[a-z]+:", link):
            continue
        if not target.exists() or (
            anchor and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_local_links_lead_somewhere(document: Path) -> None:
    assert broken(document) == []


def test_there_are_links_to_test() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    local = [link for link in LINK.findall(text) if "://" not in link]
    assert {"CITATION.cff", "docs/seam-faults.md", "docs/segment.png"} <= set(local)


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# One thing: *two*, three\n```\n# no heading\n```")
    (tmp_path / "a.md").write_text(
        "# Here\n[b](b.md) [gone](c.md) ![pic](d.png) [here](#here) [there](#there)\n"
        "[one](b.md#one-thing-two-three) [no](b.md#no-heading) [web](https://x.org/y)\n"
        "```\n[code](e.md)\n```\n"
    )
    assert broken(tmp_path / "a.md") == ["c.md", "d.png", "#there", "b.md#no-heading"]


def test_every_sample_is_described() -> None:
    page = (ROOT / "docs" / "python-and-shell.md").read_text(encoding="utf-8")
    for name, entry in SAMPLES.items():
        assert f"| `{name}` | {entry.size} | {entry.purpose} |" in page
