"""Mended labels of a batch: files, row and tables follow; the untouched stays."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import yaml

from napari_shiftseg.batch.again import KEPT
from napari_shiftseg.batch.carried import carried_over, touched
from napari_shiftseg.batch.journal import BatchJournal
from napari_shiftseg.batch.mended import mended_steps
from napari_shiftseg.batch.order import BatchOrder
from napari_shiftseg.batch.run import batch_steps
from napari_shiftseg.batch.tables import summary_table
from napari_shiftseg.cli.commands import run
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.mending.edit_lists import EditList, read_edits
from napari_shiftseg.mending.edits import Delete
from napari_shiftseg.networks.unet import build, save_model
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.stores.label_sum import labels_sum
from napari_shiftseg.stores.reading import read_labels
from napari_shiftseg.stores.tables import read_table


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A small model of one channel, and one of two."""
    folder = tmp_path_factory.mktemp("m")
    made = {}
    for channels in (1, 2):
        config = ModelConfig.new(
            name="small", depth=2, features=2, in_channels=channels,
            clustering=Clustering(bandwidth=0.02, min_size=3),
        )  # fmt: skip
        made[channels] = str(
            save_model(build(config), folder / f"{channels}.safetensors")
        )
    return made


@pytest.fixture
def model(models):
    return models[1]


@pytest.fixture
def outcome(model, tmp_path):
    """A batch of two images and a file that is none; the first has a pixel size."""
    random = np.random.default_rng(0)
    about = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25, "axes": "YX"}
    for name in ("control/a", "treated/b"):
        path = tmp_path / "images" / f"{name}.tif"
        path.parent.mkdir(parents=True)
        pixels = random.random((40, 50)).astype(np.float32)
        tifffile.imwrite(path, pixels, ome=True, metadata=about)
        about = {"axes": "YX"}
    (tmp_path / "images" / "treated" / "c.tif").write_bytes(b"II*\0")
    order = BatchOrder(
        (tmp_path / "images",), tmp_path / "out", model, Settings(window=4)
    )
    return exhaust(batch_steps(order, page))


def page(outcome):
    return f"{sum(row.objects for row in outcome.rows)} objects"


def mend(outcome, labels, edits=(), row=0):
    output, known = outcome.order.output, EditList(edits, {}, "small", "a")
    steps = mended_steps(output, outcome.rows, outcome.rows[row], labels, known, page)
    return exhaust(steps)


def labels_of(row):
    return read_labels("labels", row.files["labels"])


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_deleted_object_is_gone_everywhere(outcome):
    row, output = outcome.rows[0], outcome.order.output
    labels = labels_of(row)
    gone, before = int(labels.max()), row.objects
    labels[labels == gone] = 0
    edit = Delete(((3, 4),))
    new = mend(outcome, labels, (edit,))
    assert new.objects == before - 1 > 0
    np.testing.assert_array_equal(labels_of(new), labels)
    table = read_table(new.files["objects"])
    assert table["label"].tolist() == sorted(set(np.unique(labels).tolist()) - {0})
    assert new.median_area == np.median(table["area"])
    assert read_edits(new.files["edits"]).edits == (edit,)
    report = json.loads(new.files["report"].read_text())
    assert (report["objects"], report["edits"]) == (new.objects, 1)
    summary = rows_of(output / "summary.csv")
    assert [r["objects"] for r in summary] == [
        str(new.objects), str(outcome.rows[1].objects), "",
    ]  # fmt: skip
    every = rows_of(output / "objects.csv")
    assert len(every) == new.objects + outcome.rows[1].objects
    assert [r["image"] for r in rows_of(output / "failures.csv")] == ["treated/c"]
    total = new.objects + outcome.rows[1].objects
    assert (output / "batch.html").read_text() == f"{total} objects"


@pytest.mark.parametrize("number", [0, 1])
def test_labels_as_they_were_are_measured_as_they_were(outcome, number):
    row = outcome.rows[number]
    before, pixels = read_table(row.files["objects"]), row.files["labels"].read_bytes()
    assert ("area_um2" in before) is (number == 0)
    assert "mean_intensity" in before
    new = mend(outcome, labels_of(row), row=number)
    table = read_table(new.files["objects"])
    assert set(table.pop("looked_at")) == {""}
    assert list(table) == list(before)
    for name, values in table.items():
        np.testing.assert_array_equal(values, before[name])
    assert row.files["labels"].read_bytes() == pixels
    same = ("objects", "density", "median_area", "confidence", "in_units", "seconds")
    assert [getattr(new, n) for n in same] == [getattr(row, n) for n in same]


@pytest.mark.parametrize("axes", ["TYX", "ZYX", "TZYX", "ZCYX"])
def test_stacks(models, tmp_path, axes):
    (tmp_path / "images").mkdir()
    pixels = np.random.default_rng(0).random((2, 2, 40, 50)[-len(axes) :])
    about = {"axes": axes, "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.25}
    path = tmp_path / "images" / "a.tif"
    tifffile.imwrite(path, pixels.astype(np.float32), ome=True, metadata=about)
    order = BatchOrder(
        (tmp_path / "images",), tmp_path / "out", models[1 + ("C" in axes)],
        Settings(window=4),
    )  # fmt: skip
    outcome = exhaust(batch_steps(order, page))
    (row,) = outcome.rows
    assert not row.error
    before = read_table(row.files["objects"])
    table = read_table(mend(outcome, labels_of(row)).files["objects"])
    assert set(table.pop("looked_at")) == {""}
    for name, values in table.items():
        np.testing.assert_array_equal(values, before[name])


def test_objects_that_were_not_touched_keep_what_is_known(outcome):
    row = outcome.rows[0]
    before, labels = read_table(row.files["objects"]), labels_of(row)
    edited = int(labels.max())
    y, x = np.argwhere(labels == edited)[0]
    labels[y, x] = 0
    table = read_table(mend(outcome, labels).files["objects"])
    assert list(table) == [*before, "looked_at"]
    is_edited = table["label"] == edited
    assert is_edited.sum() == 1
    assert np.isnan(table["confidence"][is_edited]).all()
    assert set(table["looked_at"][is_edited]) == {"edited"}
    assert set(table["looked_at"][~is_edited]) == {""}
    for name in ("area", "confidence", "margin", "cut"):
        np.testing.assert_array_equal(
            table[name][~is_edited], before[name][before["label"] != edited]
        )
    size = before["area"][before["label"] == edited]
    assert table["area"][is_edited] == size - 1


def test_what_was_found_right_is_told(outcome):
    row = outcome.rows[0]
    labels = labels_of(row)
    one, two, three = np.unique(labels)[1:4].tolist()
    labels[tuple(np.argwhere(labels == three)[0])] = 0
    known = EditList((), {}, "small", "a")
    steps = mended_steps(
        outcome.order.output, outcome.rows, row, labels, known, page, {one, three}
    )
    table = read_table(exhaust(steps).files["objects"])
    looked = dict(
        zip(table["label"].tolist(), table["looked_at"].tolist(), strict=True)
    )
    assert [looked.get(n, "edited") for n in (one, two, three)] == [
        "right",
        "",
        "edited",
    ]
    confidence = table["confidence"][table["label"] == one]
    assert not np.isnan(confidence).any()


def test_the_settings_make_mended_labels_again(outcome):
    labels = labels_of(outcome.rows[0])
    y, x = np.argwhere(labels == labels.max())[0].tolist()
    labels[labels == labels.max()] = 0
    new = mend(outcome, labels, (Delete(((y, x),)),))
    known = yaml.safe_load(new.files["settings"].read_text(encoding="utf-8"))
    assert list(known)[:4] == ["command", "image", "edits", "model"]
    assert (known["command"], known["edits"]) == ("mend", new.files["edits"].name)
    assert known["made"]["objects"] == new.objects
    output = outcome.order.output / "again"
    run(["mend", "--config", str(new.files["settings"]), "-o", str(output)])
    np.testing.assert_array_equal(
        read_labels("labels", output / "a_labels.tif"), labels
    )
    assert known["made"]["labels_sha256"] == labels_sum(labels)


def test_mending_twice_remembers_the_first(outcome):
    labels = labels_of(outcome.rows[0])
    one, two = np.unique(labels)[1:3]
    labels[tuple(np.argwhere(labels == one)[0])] = 0
    new = mend(outcome, labels)
    labels[tuple(np.argwhere(labels == two)[0])] = 0
    again = replace(outcome, rows=(new, *outcome.rows[1:]))
    table = read_table(mend(again, labels).files["objects"])
    looked = dict(zip(table["label"].tolist(), table["looked_at"], strict=True))
    assert {label for label, how in looked.items() if how} == {one, two} & set(looked)


def test_a_batch_that_goes_on_leaves_mended_labels(outcome):
    labels = labels_of(outcome.rows[0])
    labels[labels == labels.max()] = 0
    new = mend(outcome, labels)
    order = replace(outcome.order, resume=True)
    rows = exhaust(batch_steps(order, page)).rows
    assert (rows[0].status, rows[0].objects) == ("skipped", new.objects)
    np.testing.assert_array_equal(labels_of(rows[0]), labels)
    assert BatchJournal(order.output).thumbnail(rows[0])


def test_a_batch_that_begins_anew_keeps_them_and_counts_them(outcome):
    labels = labels_of(outcome.rows[0])
    labels[labels == labels.max()] = 0
    new = mend(outcome, labels)
    other = replace(outcome.order, settings=Settings(window=24))
    for order in (outcome.order, other):
        again = exhaust(batch_steps(order, page))
        row = again.rows[0]
        assert (row.status, row.objects) == ("skipped", new.objects)
        assert row.decided[-1] == KEPT
        assert summary_table(again.rows)["status"].tolist()[:2] == ["mended", "done"]
        np.testing.assert_array_equal(labels_of(row), labels)
    anew = exhaust(batch_steps(replace(outcome.order, overwrite=True), page)).rows[0]
    assert (anew.status, anew.is_mended) == ("done", False)


def test_all_objects_deleted(outcome):
    new = mend(outcome, np.zeros((40, 50), np.int32))
    assert new.objects == 0
    assert np.isnan(new.median_area)
    assert len(read_table(new.files["objects"])["label"]) == 0


def test_of_a_batch_that_was_left_the_report_says_what_was_asked(outcome, model):
    output = outcome.order.output
    for name in ("summary.csv", "objects.csv", "failures.csv", "batch.html"):
        (output / name).unlink()
    (output / "batch.json").unlink()
    mend(outcome, labels_of(outcome.rows[0]))
    known = json.loads((output / "batch.json").read_text())
    assert known["given"]["model"] == model
    assert known["settings"]["window"] == [4, 4]


def test_labels_of_another_shape_are_refused(outcome):
    before = labels_of(outcome.rows[0])
    with pytest.raises(ValueError, match=r"40 × 50 pixels, these of 9 × 9"):
        mend(outcome, np.zeros((9, 9), np.int32))
    np.testing.assert_array_equal(labels_of(outcome.rows[0]), before)


def test_an_image_that_has_gone_is_named(outcome):
    outcome.rows[0].source.unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.tif"):
        mend(outcome, labels_of(outcome.rows[0]))


def test_a_summary_that_others_changed_is_not_replaced(outcome):
    path = outcome.order.output / "summary.csv"
    path.write_text("my own notes")
    before = labels_of(outcome.rows[0])
    with pytest.raises(FileExistsError, match=r"summary\.csv"):
        mend(outcome, np.zeros((40, 50), np.int32))
    np.testing.assert_array_equal(labels_of(outcome.rows[0]), before)


def test_touched():
    former = np.array([[1, 1, 0, 2], [3, 3, 0, 2]])
    labels = np.array([[1, 1, 4, 2], [3, 0, 0, 2]])
    assert touched(former, labels) == {3, 4}
    assert touched(former, former) == set()


def test_classes_that_are_called_by_numbers_stay_so():
    old = {"label": np.array([1, 2]), "class": np.array([3, 4])}
    table = carried_over({"label": np.array([1, 2])}, old, {2})
    assert table["class"].tolist() == [3, ""]


def test_a_label_in_several_frames_has_a_row_in_each():
    old = {
        "label": np.array([1, 1]), "frame": np.array([0, 1]), "area": np.array([5, 6]),
        "confidence": np.array([0.1, 0.2]), "class": np.array(["a", "b"]),
    }  # fmt: skip
    now = {name: old[name] for name in ("label", "frame", "area")}
    table = carried_over(now, old, set())
    assert list(table) == ["label", "frame", "area", "confidence", "class", "looked_at"]
    assert table["confidence"].tolist() == [0.1, 0.2]
    assert table["class"].tolist() == ["a", "b"]
