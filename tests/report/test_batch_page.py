"""The page of a batch needs nothing but itself, and names are text on it."""

from __future__ import annotations

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser
from math import nan
from pathlib import Path
from urllib.parse import unquote

import pytest

from napari_shiftseg.batch.finding import Item
from napari_shiftseg.batch.journal import BatchJournal
from napari_shiftseg.batch.order import BatchOrder, BatchOutcome, BatchRow
from napari_shiftseg.report import batch_page as module
from napari_shiftseg.report.batch_page import batch_page

EVIL = '=1,"<script>alert(1)</script>'
JPEG = b"\xff\xd8\xff picture of "


class Page(HTMLParser):
    """Tags, links and pictures of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.pictures, self.words = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.append(tag)
        if tag == "a":
            self.links.append(known["href"])
        if tag == "img":
            self.pictures.append(known["src"])

    def handle_data(self, data):
        self.words += data


def row_of(folder, name, objects=10, status="done", **more):
    """A row whose table lies in its place."""
    table = folder / "out" / f"{name}_objects.csv"
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_text("label,area,confidence\n1,20,0.9\n2,40,\n")
    report = table.with_name(f"{table.name}.json")
    report.write_text("{}")
    return BatchRow(
        folder / "in" / f"{name}.tif", name, status, name.rpartition("/")[0],
        objects=objects, density=1234.5, median_area=30.0, foreground_share=0.25,
        confidence=0.9, seconds=1.0, settings_hash="abc", model="m",
        files={"objects": table, "report": report}, **more,
    )  # fmt: skip


def outcome_of(folder, rows, keep=True):
    """An outcome, and the pictures of its images in the journal."""
    output = folder / "out"
    for row in rows if keep else ():
        if row.status == "failed":
            continue
        item = Item(row.source, row.folder, row.name)
        picture = JPEG + row.name.encode()
        BatchJournal(output).record(item, row, {}, picture)
    order = BatchOrder((folder / "in",), output)
    files = {"summary": output / "summary.csv", "page": output / "batch.html"}
    return BatchOutcome(order, tuple(rows), files, 2.0)


@pytest.fixture
def rows(tmp_path):
    names = [f"a/{n}" for n in range(6)] + [f"b/{n}" for n in range(3)]
    return [row_of(tmp_path, name) for name in names]


def test_nothing_comes_from_elsewhere_and_nothing_runs(tmp_path, rows):
    text = batch_page(outcome_of(tmp_path, rows))
    page = Page(text)
    assert "script" not in page.tags
    assert not re.search(r"https?://", text)
    assert all(source.startswith("data:image/") for source in page.pictures)
    pictures = [p for p in page.pictures if "jpeg" in p]
    known = {b64decode(p.partition(",")[2]) for p in pictures}
    assert known == {JPEG + row.name.encode() for row in rows}
    assert sum("png" in p for p in page.pictures) == 2  # conditions, and all objects
    assert "9 images, 90 objects" in page.words


def test_links_are_relative_and_lead_to_files(tmp_path, rows):
    page = Page(batch_page(outcome_of(tmp_path, rows)))
    assert "../in/a/0.tif" in page.links
    assert "a/0_objects.csv" in page.links
    assert "summary.csv" in page.links
    assert not any(link.startswith(("/", "file")) for link in page.links)


def test_names_are_text(tmp_path):
    rows = [
        row_of(tmp_path, EVIL.replace("/", "_"), notes=("<i>odd</i> & so on",)),
        BatchRow(Path(tmp_path, "x<b>.tif"), "x<b>", "failed", error="no <u> image"),
    ]
    text = batch_page(outcome_of(tmp_path, rows))
    page = Page(text)
    assert not {"script", "b", "i", "u"} & set(page.tags)
    assert EVIL.replace("/", "_") in page.words
    assert "no <u> image" in page.words
    linked = [unquote(link) for link in page.links]
    assert f"../in/{EVIL.replace('/', '_')}.tif" in linked


def test_bytes_that_are_no_text_are_shown_and_linked(tmp_path):
    name = "bad\udcff"
    row = BatchRow(tmp_path / f"{name}.tif", name, "failed", error="no image")
    text = batch_page(outcome_of(tmp_path, [row], keep=False))
    text.encode("utf-8")
    assert "bad\\xff" in Page(text).words
    assert "../bad%FF.tif" in Page(text).links


def test_what_looks_odd_and_what_failed_stand_first(tmp_path, rows):
    odd = row_of(tmp_path, "a/odd", objects=0)
    failed = BatchRow(tmp_path / "f.tif", "f", "failed", error="it is empty")
    words = Page(batch_page(outcome_of(tmp_path, [*rows, odd, failed]))).words
    assert "1 failed; 1 looks odd" in " ".join(words.split())
    places = [words.index(w) for w in ("it is empty", "no objects", "seconds")]
    assert places == sorted(places)


def test_of_very_many_images_the_odd_ones_keep_their_pictures(
    tmp_path, rows, monkeypatch
):
    monkeypatch.setattr(module, "MOST_PICTURES", 3)
    odd = row_of(tmp_path, "b/odd", objects=0)
    page = Page(batch_page(outcome_of(tmp_path, [*rows, odd])))
    pictures = {b64decode(p.partition(",")[2]) for p in page.pictures if "jpeg" in p}
    names = {"a/0", "a/1", "b/odd"}
    assert pictures == {JPEG + name.encode() for name in names}
    assert "Pictures of 3 images are shown" in page.words


def test_where_all_failed_there_are_no_plots(tmp_path):
    rows = [BatchRow(tmp_path / "f.tif", "f", "failed", error="it is empty")]
    page = Page(batch_page(outcome_of(tmp_path, rows)))
    assert page.pictures == []
    assert "it is empty" in page.words


def test_what_is_not_known_is_a_dash(tmp_path):
    row = row_of(tmp_path, "a/0", objects=0, in_units={"median_area_um2": nan})
    other = row_of(tmp_path, "a/1")
    words = Page(batch_page(outcome_of(tmp_path, [row, other]))).words
    assert "median area (µm²)" in words
    assert "nan" not in words
    assert words.count("–") == 2


def test_of_very_many_objects_every_nth_is_drawn(monkeypatch):
    monkeypatch.setattr(module, "MOST_VALUES", 100)
    values = module._Values()
    for number in range(1000):
        values.add(number)
    assert len(values.kept) <= 100
    steps = {b - a for a, b in zip(values.kept, values.kept[1:], strict=False)}
    assert steps == {values.step}
    assert values.kept[0] == 0
    assert values.kept[-1] > 1000 - 2 * values.step


def test_what_was_decided_mended_and_left_over_is_told(tmp_path):
    units = {"density_mm2": 12.25, "median_volume_um3": 165.5}
    row = row_of(tmp_path, "a/0", decided=("taken <so>",), in_units=units)
    mended = replace(
        row, name="a/1", files={**row.files, "edits": tmp_path / "out/e.json"}
    )
    outcome = replace(outcome_of(tmp_path, [row, mended]), left_over=("a/gone",))
    words = Page(batch_page(outcome)).words
    assert "density (mm⁻²)" in words
    assert "median volume (µm³)" in words
    assert words.count("165.5") == 3  # once of the condition
    assert words.count("10 objects, mended") == 1
    assert "taken <so>" in words
    assert "Results whose image is no longer there: a/gone." in words
