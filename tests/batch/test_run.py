"""A batch: every image ends in a row; what fails, stops or changes loses nothing."""

from __future__ import annotations

import csv
import errno
import json
import os
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_shiftseg.batch import image as one_image
from napari_shiftseg.batch.finding import JOURNAL
from napari_shiftseg.batch.journal import BatchJournal
from napari_shiftseg.batch.order import BatchOrder, BatchProgress, BatchRow
from napari_shiftseg.batch.run import batch_steps, held
from napari_shiftseg.cli.commands import run
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.networks.unet import build, save_model
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.pipeline.segmentation import source_steps
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.report.batch_page import batch_page
from napari_shiftseg.stores.reading import image_for, read_labels
from napari_shiftseg.stores.tables import read_table

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = "control/a", "control/b", "treated/c"


def sums(output):
    """The SHA-256 of all label files."""
    files = sorted(output.rglob("*_labels.tif"))
    return {p.name: sha256(p.read_bytes()).hexdigest() for p in files}


def statuses(outcome):
    return [row.status for row in outcome.rows]


def test_a_row_an_image_as_each_ends(done, ordered, images):
    outcome, rows = done()
    assert [row.name for row in rows] == [
        "control/a", "control/b", "treated/c", "treated/d",
    ]  # fmt: skip
    assert tuple(rows) == outcome.rows
    assert statuses(outcome) == ["done"] * 3 + ["failed"]
    assert "d.tif cannot be read" in rows[3].error
    assert [row.condition for row in rows] == ["control"] * 2 + ["treated"] * 2

    row, model = rows[2], load_model(ordered().model)
    source = image_for(model.config, row.source)
    expected = exhaust(source_steps(source, model, Settings(window=16)))
    labels = read_labels("labels", row.files["labels"])
    np.testing.assert_array_equal(labels, expected.labels)
    assert row.objects == labels.max() > 5
    areas = np.bincount(labels.ravel())[1:]
    assert row.median_area == np.median(areas)
    assert row.foreground_share == pytest.approx((labels > 0).mean())
    assert row.density == pytest.approx(row.objects / labels.size * 1e6)
    assert row.files["labels"] == images.parent / "out" / "treated" / "c_labels.tif"
    assert all(path.is_file() for path in row.files.values())


def test_progress_has_two_levels(ordered):
    steps = [s for s in batch_steps(ordered()) if isinstance(s, BatchProgress)]
    assert {step.total for step in steps} == {4}
    done = [step.done for step in steps]
    assert done == sorted(done)
    within = [s.within for s in steps if s.name == "control/b" and s.within]
    assert max(step.total for step in within if step.stage == "predicting") > 1


def test_the_model_is_loaded_once(done, monkeypatch):
    loaded = []
    monkeypatch.setattr(
        one_image, "load_model", lambda name: loaded.append(name) or load_model(name)
    )
    done()
    assert len(loaded) == 1


def test_what_is_done_is_left_as_it_is(done):
    first, _ = done()
    times = {p: p.stat().st_mtime_ns for p in first.rows[0].files.values()}
    again, _ = done(resume=True)
    assert statuses(again) == ["skipped"] * 3 + ["failed"]
    assert [replace(row, status="done") for row in again.rows[:3]] == [*first.rows[:3]]
    assert {p: p.stat().st_mtime_ns for p in times} == times
    anew, _ = done()
    assert statuses(anew) == ["done"] * 3 + ["failed"]


def test_what_changed_is_done_again(done, images):
    first, _ = done()
    a, b, c = (row.source for row in first.rows[:3])
    os.utime(a, (1, 1))  # as a copy of the same bytes
    tifffile.imwrite(b, tifffile.imread(b)[::-1])
    first.rows[2].files["labels"].unlink()
    again, _ = done(resume=True)
    assert statuses(again) == ["skipped", "done", "done", "failed"]
    assert c.exists()


def test_results_that_were_edited_stay(done):
    first, _ = done()
    table = first.rows[0].files["objects"]
    table.write_text(table.read_text() + "\n")
    again, _ = done(resume=True)
    assert statuses(again) == ["skipped"] * 3 + ["failed"]
    assert table.read_text().endswith("\n\n")


def test_results_that_another_run_replaced_are_made_again(done, ordered):
    first, _ = done()
    row, order = first.rows[0], ordered()
    other = "segment", str(row.source), "-m", order.model, "--bandwidth", "0.5"
    run([*other, "-o", str(row.files["labels"].parent)])
    again, _ = done(resume=True)
    assert statuses(again) == ["done", "skipped", "skipped", "failed"]
    objects = len(read_table(again.rows[0].files["objects"])["label"])
    assert again.rows[0].objects == row.objects == objects


@pytest.mark.parametrize(
    "more",
    [{"settings": Settings(window=8)}, {"save": ("labels", "gradient")}],
    ids=["settings", "save"],
)
def test_other_settings_are_another_run(done, more):
    first, _ = done()
    again, _ = done(resume=True, **more)
    assert statuses(again) == ["done"] * 3 + ["failed"]
    assert again.rows[0].settings_hash != first.rows[0].settings_hash


def test_another_model_of_the_same_name_is_another_run(done, small_file, tmp_path):
    done()
    copy = Path(small_file).read_bytes()
    other = tmp_path / "small.safetensors"
    other.write_bytes(copy[:-1] + bytes([copy[-1] ^ 64]))  # one weight
    again, _ = done(resume=True, model=str(other))
    assert "skipped" not in statuses(again)


def test_a_model_is_recorded_by_its_whole_path(done, small_file, monkeypatch):
    monkeypatch.chdir(Path(small_file).parent)
    outcome, _ = done(model="./small.safetensors")
    row = outcome.rows[0]
    for path in (row.files["report"], outcome.order.output / "batch.json"):
        known = json.loads(path.read_text())["given"]["model"]
        assert known == str(Path(small_file).resolve())
    assert f"model: {Path(small_file).resolve()}" in row.files["settings"].read_text()


@pytest.mark.parametrize("stopped_at", [1, 2])
def test_a_run_that_was_stopped_goes_on(ordered, done, stopped_at):
    whole, _ = done(output=ordered().output.parent / "whole")
    steps, ended = batch_steps(ordered()), 0
    for step in steps:
        ended += isinstance(step, BatchRow)
        if ended == stopped_at and isinstance(step, BatchProgress) and step.within:
            break  # within an image
    steps.close()
    output = ordered().output
    with (output / "summary.csv").open(newline="") as file:  # of what is done
        assert [row["image"] for row in csv.DictReader(file)] == [*NAMES[:stopped_at]]
    assert len(BatchJournal(output).rows()) == stopped_at
    outcome, _ = done(resume=True)
    assert statuses(outcome)[:3] == ["skipped"] * stopped_at + ["done"] * (
        3 - stopped_at
    )
    assert sums(output) == sums(whole.order.output)
    for name in ("objects.csv", "failures.csv"):
        same = (output / name).read_bytes(), (whole.order.output / name).read_bytes()
        assert same[0] == same[1]


def test_a_run_that_is_stopped_tells_of_what_was_done_before(ordered, done):
    before, _ = done()
    steps = batch_steps(ordered(), batch_page)
    next(step for step in steps if isinstance(step, BatchRow))
    steps.close()
    summary = before.files["summary"].read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in summary] == [*NAMES]
    assert before.files["page"].exists()


def test_where_all_fail_the_tables_stay(done, ordered, images, tmp_path):
    before, _ = done()
    kept = {k: p.read_bytes() for k, p in before.files.items() if k != "failures"}
    config = ModelConfig.new(name="deep", ndim=3, depth=1, features=2)
    deep = str(save_model(build(config), tmp_path / "deep.safetensors"))
    after, rows = done(model=deep)
    assert {row.status for row in rows} == {"failed"}
    assert "take a model of as many axes as the image" in rows[0].error
    assert [*after.files] == ["failures"]
    assert len(after.files["failures"].read_text().splitlines()) == 5
    assert {kind: before.files[kind].read_bytes() for kind in kept} == kept
    again, _ = done(resume=True)  # its own tables are known again
    assert statuses(again) == ["skipped"] * 3 + ["failed"]
    assert "page" in again.files


def test_what_is_done_again_says_why(done):
    done()
    outcome, _ = done(resume=True, settings=Settings(window=16, min_size=9))
    assert outcome.rows[0].decided == (
        "done again, for the settings (min_size) are other than before",
    )
    assert (
        done(resume=True, settings=Settings(window=16, min_size=9))[0].rows[0].decided
        == ()
    )


def test_results_of_an_image_that_was_moved_are_named(done, images):
    done()
    (images / "control" / "a.tif").rename(images / "treated" / "e.tif")
    outcome, _ = done(resume=True)
    assert outcome.left_over == ("control/a",)


def test_half_a_record_counts_for_nothing(done, ordered):
    done()
    path = next((ordered().output / JOURNAL).rglob("*.json"))
    path.write_text(path.read_text()[:100])
    again, _ = done(resume=True)
    assert sorted(statuses(again)) == ["done", "failed", "skipped", "skipped"]


def test_a_full_disk_ends_it(ordered, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device", "c_labels.tif")

    monkeypatch.setattr(one_image, "write_with_recipe", full)
    with pytest.raises(OSError, match="No space left"):
        exhaust(batch_steps(ordered()))


def test_a_fault_of_the_program_is_of_one_image(ordered, monkeypatch):
    plain = one_image.thumbnail_of

    def faulty(source, result):
        if source.name == "b":
            raise RuntimeError("a fault")
        return plain(source, result)

    monkeypatch.setattr(one_image, "thumbnail_of", faulty)
    outcome = exhaust(batch_steps(ordered()))
    assert statuses(outcome) == ["done", "failed", "done", "failed"]
    assert "a fault of this program, not of your input" in outcome.rows[1].error


def test_an_image_that_vanishes_is_named(ordered):
    steps, rows = batch_steps(ordered()), []
    for step in steps:
        if isinstance(step, BatchRow):
            rows.append(step)
            (ordered().inputs[0] / "treated" / "c.tif").unlink(missing_ok=True)
    assert [row.status for row in rows] == ["done", "done", "failed", "failed"]
    assert "there is no such file" in rows[2].error


def test_two_runs_cannot_work_in_one_folder(ordered):
    output = ordered().output
    output.mkdir()
    with (
        held(output),
        pytest.raises(BlockingIOError, match=r"another batch is at work in .*out"),
    ):
        exhaust(batch_steps(ordered()))
    exhaust(batch_steps(ordered()))


@pytest.mark.parametrize("more", [{"workers": 3}, {"workers": 3, "resume": True}])
def test_several_at_once_give_the_same(done, ordered, more):
    whole, _ = done(output=ordered().output.parent / "whole")
    outcome, rows = done(**more)
    assert statuses(outcome) == ["done"] * 3 + ["failed"]
    assert {row.name for row in rows} == {row.name for row in outcome.rows}
    assert sums(outcome.order.output) == sums(whole.order.output)
    same = [(one.order.output / "objects.csv").read_bytes() for one in (whole, outcome)]
    assert same[0] == same[1]


def test_a_cluster_gives_the_same(done, ordered):
    distributed = pytest.importorskip("distributed")
    whole, _ = done(output=ordered().output.parent / "whole")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    ) as local:
        outcome, _ = done(scheduler=local.scheduler_address)
    assert statuses(outcome) == ["done"] * 3 + ["failed"]
    assert sums(outcome.order.output) == sums(whole.order.output)


def test_results_go_on_being_called_as_they_were(done, images):
    first, _ = done()
    tifffile.imwrite(images / "control" / "a.tiff", np.eye(40, dtype=np.float32))
    again, _ = done(resume=True)
    names = [row.name for row in again.rows if row.condition == "control"]
    assert names == ["control/a", "control/a_tiff", "control/b"]
    assert again.rows[0].files == first.rows[0].files


def test_what_fails_all_images_is_said_at_once(ordered):
    with pytest.raises(FileNotFoundError, match=r"no model 'nuclee'.*did you mean"):
        exhaust(batch_steps(ordered(model="nuclee")))
    with pytest.raises(ValueError, match="needs a model with a foreground logit"):
        exhaust(batch_steps(ordered(settings=Settings(scope="component"))))
    assert not ordered().output.exists()


def test_an_order_needs_inputs_and_workers(tmp_path):
    with pytest.raises(ValueError, match="got none"):
        BatchOrder((), tmp_path)
    with pytest.raises(ValueError, match="1 worker or more, got 0"):
        BatchOrder((tmp_path,), tmp_path, workers=0)
