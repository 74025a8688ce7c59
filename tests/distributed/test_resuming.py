"""A run that was stopped goes on; nothing is lost, nothing replaced unasked."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from dataclasses import replace
from math import prod
from pathlib import Path
from threading import Event
from time import sleep

import numpy as np
import pytest
import torch
import zarr

from napari_shiftseg.distributed import arrays, passes, segmenting
from napari_shiftseg.distributed.blocks import Blocks
from napari_shiftseg.distributed.crew import threads
from napari_shiftseg.distributed.order import StoreOrder
from napari_shiftseg.distributed.segmenting import segment_to_store_steps
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.networks.unet import save_model
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.stores.axes import Distance
from napari_shiftseg.stores.reading import Source, read_image

MAIN = "from napari_shiftseg.cli import main; main()"


def stop_after(stored, stage, done, **options):
    """Leave a run when so many blocks of a pass are done."""
    with threads(1) as crew:
        steps = segment_to_store_steps(stored.order(**options), crew)
        for progress in steps:
            if progress.stage == stage and progress.done >= done:
                steps.close()
                return
    pytest.fail(f"the run never came to {stage} {done}")


@pytest.mark.parametrize(
    ("stage", "done"),
    [("predicting", 2), ("separating", 2), ("clustering", 2), ("writing", 1)],
)
def test_a_stopped_run_goes_on_where_it_was(stored, stage, done, monkeypatch):
    stop_after(stored, stage, done, block=1)
    assert not (stored.folder / "out.zarr").exists()
    predicted, embed = [], passes.embed

    def noted(job, number, **more):
        predicted.append(number)
        return embed(job, number, **more)

    monkeypatch.setattr(passes, "embed", noted)

    report = stored.run(block=1, resume=True)

    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)
    if stage == "predicting":
        assert 0 < len(predicted) < report["blocks"]
    else:
        assert not predicted
    assert not list(stored.folder.glob("*unfinished*"))


def number_of_files(folder):
    return sum(len(files) for *_, files in os.walk(folder))


def test_a_killed_process_loses_nothing(stored):
    """Killed by the system in the middle, again and again, until it is done."""
    save_model(stored.model, stored.folder / "net.safetensors")
    np.save(stored.folder / "image.npy", stored.image)
    command = [
        sys.executable, "-c", MAIN, "segment", "image.npy", "-o", "out.zarr", "-m",
        "net.safetensors", "--window", "2", "--chunk", "5", "--resume", "--json",
        "--device", "cpu",
    ]  # fmt: skip
    work, killed = stored.folder / "out.zarr.unfinished", 0
    while killed < 3:
        with subprocess.Popen(
            command, cwd=stored.folder, stdout=subprocess.DEVNULL
        ) as running:
            before = number_of_files(work)
            while running.poll() is None and number_of_files(work) < before + 5:
                sleep(0.01)
            if running.poll() is not None:
                break
            running.kill()
        killed += 1

    done = subprocess.run(
        command, cwd=stored.folder, capture_output=True, text=True, check=True
    )

    assert killed, "otherwise nothing was tried"
    report = json.loads(done.stdout)
    stored.settings["window"] = 2
    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)
    assert report["objects"] == stored.in_memory.objects


def test_the_same_command_again_tells_what_was_found(stored):
    report = stored.run()

    assert stored.run(resume=True) == json.loads(json.dumps(report))


def test_a_run_under_way_is_not_begun_anew_unasked(stored):
    stop_after(stored, "predicting", 1)

    with pytest.raises(
        FileExistsError,
        match=r"is an unfinished run: .*resume=True",
    ):
        stored.run()


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"chunk": 8}, "chunk was 16 and is 8"),
        ({"kinds": ("labels", "gradient")}, "save was "),
    ],
)
def test_another_run_is_refused_with_the_difference(stored, changed, named):
    stop_after(stored, "predicting", 1)

    with pytest.raises(ValueError, match=named):
        stored.run(resume=True, **changed)


def test_other_axes_sizes_and_place_are_another_run(stored):
    """The numbers are the same, what the store says of them is not."""
    report = stored.run()
    usual = stored.order().source
    for named, changed in {
        "axes was 'YX' and is 'ZX'": {"axes": "ZX"},
        "calibration was ": {"calibration": {"Y": Distance(0.5, "µm")}},
        "origin was ": {"origin": {"Y": 40.0}},
    }.items():
        with pytest.raises(FileExistsError, match=named):
            run_of(stored, replace(usual, **changed))
    assert run_of(stored, usual)["labels_sha256"] == report["labels_sha256"]


def test_an_image_without_a_path_may_have_another_name(stored):
    stop_after(stored, "predicting", 1)

    assert run_of(stored, replace(stored.order().source, name="b"))["objects"]


def run_of(stored, source, **options):
    with threads(1) as crew:
        order = replace(stored.order(), source=source)
        return exhaust(segment_to_store_steps(order, crew, True, **options))


def test_files_of_another_format_are_not_gone_on_from(stored, monkeypatch):
    stop_after(stored, "predicting", 1)
    monkeypatch.setattr("napari_shiftseg.distributed.order.FORMAT", 0)

    with pytest.raises(ValueError, match=r"format was \d+ and is 0"):
        stored.run(resume=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_killed_when_the_store_has_its_name(stored, monkeypatch, overwrite):
    """Of a run that replaced a store: only its folder is left to be removed."""
    stored.run(chunk=8)
    source, remove = stored.order().source, segmenting.remove

    def killed(folder):
        if folder.name.endswith(".unfinished"):
            raise KeyboardInterrupt
        remove(folder)

    with threads(1) as crew:
        steps = segment_to_store_steps(stored.order(), crew, overwrite=True)
        next(steps)
        monkeypatch.setattr(segmenting, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            exhaust(steps)
    monkeypatch.setattr(segmenting, "remove", remove)
    assert (stored.folder / "out.zarr.unfinished").exists()
    made = (stored.folder / "out.zarr").stat().st_ino

    report = run_of(stored, source, overwrite=overwrite)

    assert report["objects"] == stored.in_memory.objects
    assert (stored.folder / "out.zarr").stat().st_ino == made
    names = sorted(path.name for path in stored.folder.iterdir())
    assert names == ["out.zarr", "out_objects.csv"]


def test_nobody_writes_once_a_run_is_left(stored, monkeypatch):
    """Its folder is another process's then, though the crew is still there."""
    begun, ended, embed = Event(), Event(), passes.embed

    def slow(*block, **more):
        begun.set()
        sleep(0.2)
        ended.set()
        embed(*block, **more)

    monkeypatch.setattr(passes, "embed", slow)
    with threads(1) as crew:
        steps = segment_to_store_steps(stored.order(block=1), crew)
        while not begun.is_set():
            next(steps)
        steps.close()
        assert ended.is_set()
        assert not crew.watch.stop.is_set()


def test_another_window_and_another_model_are_named(stored):
    stop_after(stored, "predicting", 1)
    stored.settings["window"] = 14
    with (
        torch_changed(stored.model),
        pytest.raises(ValueError, match=r"weights was .*; window was 12 and is 14"),
    ):
        stored.run(resume=True)


def torch_changed(model):
    """Change a weight for a while."""
    import contextlib

    @contextlib.contextmanager
    def changed():
        with torch.no_grad():
            model.head.bias[0] += 1
        yield
        with torch.no_grad():
            model.head.bias[0] -= 1

    return changed()


def test_an_input_that_changed_is_refused(stored, tmp_path):
    path = tmp_path / "image.npy"
    np.save(path, stored.image)
    order = stored.order
    stored.order = lambda *names, **options: replace(
        order(*names, **options), source=read_image(path)
    )
    stop_after(stored, "predicting", 1)
    np.save(path, stored.image + 1)

    with pytest.raises(ValueError, match="the image has changed"):
        stored.run(resume=True)


def test_another_store_is_not_replaced_unasked(stored):
    zarr.create_group(str(stored.folder / "out.zarr"), attributes={"mine": 1})

    for resume in (False, True):
        with pytest.raises(FileExistsError, match="add overwrite=True to replace it"):
            stored.run(resume=resume)
    assert zarr.open_group(str(stored.folder / "out.zarr")).attrs["mine"] == 1

    with threads(1) as crew:
        for _ in segment_to_store_steps(stored.order(), crew, overwrite=True):
            pass
    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)
    names = sorted(path.name for path in stored.folder.iterdir())
    assert names == ["out.zarr", "out_objects.csv"]


@pytest.mark.parametrize("window", [None, 64])
@pytest.mark.parametrize(
    ("size", "ndim"), [((1228, 1228), 2), ((5, 2048, 2048), 2), ((96, 256, 256), 3)]
)
def test_a_run_that_is_stopped_loses_a_small_part(small_model, size, ndim, window):
    """Where nobody chose a window, one tile would hold all that memory allows."""
    image = np.broadcast_to(np.float32(0), size)
    source = Source("image", image, "TZYX"[-len(size) :])
    settings = Settings(window=window, device="cpu")
    model = small_model(ndim)
    order = StoreOrder(source, model, settings, Path("out.zarr"))

    blocks = Blocks.of(order.plan, order.block_pixels)

    largest = max(prod(s.stop - s.start for s in block.box) for block in blocks)
    assert largest <= max(prod(size) / 6, 2**20)
    alone = plan_tiles(size[-ndim:], model.shape, None)
    assert len(Blocks.of(alone)) == 1, "otherwise nothing was tried"


def test_a_full_disk_is_said_and_can_be_gone_on_from(stored, monkeypatch):
    usual, left = arrays.write_durably, iter(range(9))

    def full(path, write):
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        usual(path, write)

    monkeypatch.setattr(arrays, "write_durably", full)
    said = r"the disk is full, what was done is kept: .*resume=True"
    with pytest.raises(OSError, match=said):
        stored.run(block=1)
    monkeypatch.setattr(arrays, "write_durably", usual)

    stored.run(block=1, resume=True)

    np.testing.assert_array_equal(stored.labels(), stored.in_memory.labels)


def test_what_is_not_there_is_not_said_to_be_kept(stored, monkeypatch):
    def full(*_, **more):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(passes, "embed", full)

    with pytest.raises(OSError, match=r"the disk is full: free some .*resume=True"):
        stored.run(block=1)


def test_a_file_has_its_name_once_it_is_whole(tmp_path, monkeypatch):
    path, synced = tmp_path / "a.npy", []
    monkeypatch.setattr(os, "fsync", lambda _: synced.append(path.exists()))

    arrays.save(path, np.arange(3))

    assert synced == [False]
    assert np.load(path).tolist() == [0, 1, 2]

    def fails(file):
        file.write(b"half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        arrays.write_durably(path, fails)
    assert np.load(path).tolist() == [0, 1, 2]
    assert [p.name for p in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize(
    ("settings", "options", "said"),
    [
        ({"diameter": 20}, {}, "leave out diameter and region"),
        ({"region": ((0, 9), (0, 9))}, {}, "leave out diameter and region"),
        ({}, {"chunk": 0}, "a chunk must be 1 pixel or more, got 0"),
        ({"views": 2, "border": "valid"}, {}, 'border "valid" predicts other pixels'),
        ({"kernel": "learnt-spread"}, {}, "take the kernel"),
    ],
)
def test_what_a_store_cannot_be_is_refused(stored, settings, options, said):
    stored.settings |= settings

    with pytest.raises(ValueError, match=said):
        stored.run(**options)
    assert not list(stored.folder.iterdir())
