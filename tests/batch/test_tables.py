"""The tables of a batch say of each image and each object what its own files say."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import tifffile

from napari_shiftseg.batch.journal import BatchJournal
from napari_shiftseg.batch.tables import OF_AN_OBJECT, batch_record, summary_table
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.stores.reading import read_labels
from napari_shiftseg.stores.tables import read_table

pytestmark = pytest.mark.usefixtures("one_thread")
EVIL = '=1+1,"q"<b>.tif'


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_an_image_and_a_row_an_object(done):
    outcome, _ = done()
    summary = rows_of(outcome.files["summary"])
    assert [row["image"] for row in summary] == [
        "control/a", "control/b", "treated/c", "treated/d",
    ]  # fmt: skip
    assert [row["status"] for row in summary] == ["done"] * 3 + ["failed"]
    assert summary[3]["objects"] == summary[3]["density"] == ""
    objects = rows_of(outcome.files["objects"])
    for row, known in zip(summary[:3], outcome.rows, strict=False):
        own = [each for each in objects if each["image"] == row["image"]]
        labels = read_labels("labels", known.files["labels"])
        assert len(own) == int(row["objects"]) == labels.max()
        assert [int(o["area"]) for o in own] == np.bincount(labels.ravel())[1:].tolist()
        assert {o["condition"] for o in own} == {row["condition"]}
        assert row["settings_hash"] == known.settings_hash
    (failed,) = rows_of(outcome.files["failures"])
    assert failed["image"] == "treated/d"
    assert "not what its suffix says" in failed["error"]


def test_what_is_linked_over_frames_counts_once(done, images):
    one = tifffile.imread(images / "control" / "a.tif")
    tifffile.imwrite(
        images / "t.tif", np.stack([one] * 3), photometric="minisblack",
        metadata={"axes": "TYX"},
    )  # fmt: skip
    settings = Settings(window=16, link_planes=True)
    outcome, _ = done(inputs=(images / "t.tif", images / "control"), settings=settings)
    whole = {row.name: row for row in outcome.rows}
    row, alone = whole["t"], whole["control/a"]
    table = read_table(row.files["objects"])
    report = json.loads(row.files["report"].read_text())
    assert row.objects == report["objects"] == alone.objects
    assert len(table["label"]) == 3 * alone.objects
    assert row.density == pytest.approx(alone.density)


def test_the_record_is_json_and_says_how_it_was_asked_for(done):
    outcome, _ = done()
    record = json.loads((outcome.order.output / "batch.json").read_text())
    assert (record["images"], record["done"], record["failed"]) == (4, 3, 1)
    assert record["objects"] == sum(row.objects for row in outcome.rows)
    assert record["settings"]["window"] == 16
    assert record["rows"][3]["confidence"] is None  # NaN is no JSON
    text = json.dumps(batch_record(outcome), allow_nan=False)
    assert json.loads(text)["rows"] == record["rows"]


def test_images_of_several_kinds_share_a_table(done, images):
    pixels = np.random.default_rng(1).random((2, 30, 30)).astype(np.float32)
    sized = {"axes": "TYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(images / "t.ome.tif", pixels, metadata=sized)
    outcome, _ = done()
    header, *_ = outcome.files["objects"].read_text().splitlines()
    assert header.split(",")[:3] == [*OF_AN_OBJECT]
    objects = rows_of(outcome.files["objects"])
    assert {row["frame"] for row in objects if row["image"] == "t"} == {"0", "1"}
    assert {row["frame"] for row in objects if row["image"] != "t"} == {""}
    (row,) = [row for row in outcome.rows if row.name == "t"]
    assert row.in_units == pytest.approx(
        {
            "density_mm2": row.objects / (pixels.size * 0.25) * 1e6,
            "median_area_um2": row.median_area * 0.25,
        }
    )
    table = summary_table(outcome.rows)
    known = ~np.isnan(table["density_mm2"])
    assert table["image"][known].tolist() == ["t"]


def test_labels_among_images_and_sizes_are_told(done, images):
    mask = np.zeros((40, 50), np.uint8)
    mask[3:9, 3:9] = mask[20:30, 20:30] = 255
    tifffile.imwrite(images / "control" / "a_mask.tif", mask)
    tifffile.imwrite(
        images / "t.tif", np.stack([mask / 99] * 3), photometric="minisblack",
        metadata={"axes": "TYX"},
    )  # fmt: skip
    outcome, _ = done()
    known = {row["image"]: row for row in rows_of(outcome.files["summary"])}
    assert "looks like a mask, not like an image" in known["control/a_mask"]["notes"]
    assert "looks like" not in known["control/a"]["notes"]
    sides = "frames", "planes", "height", "width"
    assert [known["t"][side] for side in sides] == ["3", "", "40", "50"]
    assert [known["control/a"][side] for side in sides] == ["", "", "40", "50"]
    page = outcome.files["page"].read_text(encoding="utf-8")
    assert "1 to 3 frames an image" in page.split("Conditions</h2>")[1]


def test_names_are_text_in_every_program(done, images):
    tifffile.imwrite(images / EVIL, np.eye(40, dtype=np.float32))
    (images / "@cmd.tif").write_bytes(b"")
    outcome, _ = done()
    name = EVIL.removesuffix(".tif")
    assert name in [row.name for row in outcome.rows]
    summary = outcome.files["summary"].read_text(encoding="utf-8")
    assert '\n"\'=1+1,""q""<b>",' in summary
    assert "\n'@cmd," in outcome.files["failures"].read_text(encoding="utf-8")
    firsts = {row["image"][:1] for row in rows_of(outcome.files["objects"])}
    assert firsts <= {"c", "t", "'"}


def test_files_of_others_are_not_replaced(done, ordered):
    output = ordered().output
    output.mkdir()
    (output / "summary.csv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"summary\.csv that no older batch"):
        done()
    assert (output / "summary.csv").read_text() == "mine"
    assert len(BatchJournal(output).rows()) == 0  # it was said before any work
    done(overwrite=True)
    assert (output / "summary.csv").read_text() != "mine"


def test_tables_of_other_images_are_not_replaced(done, images):
    done()
    with pytest.raises(FileExistsError, match=r"other images, such as .*c\.tif"):
        done(inputs=(images / "control",))
    (images / "treated" / "c.tif").unlink()
    (images / "treated" / "d.tif").unlink()
    outcome, _ = done(inputs=(images / "control",))
    assert len(outcome.rows) == 2


def test_a_table_that_was_edited_is_kept(done):
    outcome, _ = done()
    with outcome.files["summary"].open("a") as file:
        file.write("a remark\n")
    with pytest.raises(FileExistsError, match=r"summary\.csv .* has changed since"):
        done(resume=True)
