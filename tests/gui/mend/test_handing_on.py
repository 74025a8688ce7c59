"""Saved, copied as a command and as Python: the labels come out again."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import roifile
import tifffile
from napari.layers import Labels, Layer
from qtpy.QtWidgets import QApplication

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.handing_on import HandOn, SaveDialog
from napari_shiftseg.gui.parts.recipes import METADATA_EDITS_FILE, label_image_of
from napari_shiftseg.gui.parts.records import KEPT, LayerSession
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun, segmentation_run
from napari_shiftseg.gui.parts.source import LayerSource, first_channel
from napari_shiftseg.mending.edits import Delete
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import exhaust
from napari_shiftseg.results.labels_saving import SaveOrder
from napari_shiftseg.stores.label_sum import labels_sum

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def segmented_file(viewer, tmp_path, model_file):
    """Open a file and segment it, as Segment does; return the labels."""

    def segment(pixels, axes="", part=False, channel=None, **settings) -> Labels:
        path = tmp_path / "my cells" / "a cell.tif"
        path.parent.mkdir(exist_ok=True)
        tifffile.imwrite(
            path, pixels, photometric="minisblack", ome=True,
            metadata={"axes": axes or "YX", "PhysicalSizeX": 0.5,
                      "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 0.5,
                      "PhysicalSizeYUnit": "µm"},
        )  # fmt: skip
        (image,) = viewer.open(path, plugin="napari")
        source = LayerSource.of(image)
        if channel is not None:
            one = first_channel(image)
            source = LayerSource.of(image, channel=type(one)(one.axis, channel, 2))
        chosen = Settings(**{"bandwidth": 0.02, "device": "cpu", **settings})
        run = SegmentationRun(model_file, source, chosen, is_part=part)
        outcome = exhaust(segmentation_run(run))
        (layer,) = [
            one
            for one in (Layer.create(*each) for each in outcome.layers)
            if isinstance(one, Labels)
        ]
        KEPT.keep(layer, outcome.kept)
        LayerSession.of(layer).measuring = outcome.measuring
        viewer.add_layer(layer)
        return layer

    return segment


@pytest.fixture
def said() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def hand_on(viewer, qtbot, said):
    """The buttons, for the labels that were added last."""

    def labels() -> Labels | None:
        made = [x for x in viewer.layers if METADATA_KEY in x.metadata]
        return made[-1] if made else None

    row = HandOn(viewer, labels, lambda text, kind: said.append((text, kind)))
    qtbot.addWidget(row.native)
    return row


@pytest.fixture
def saved_as(hand_on, qtbot, tmp_path, monkeypatch):
    """Save without a dialog shown; return the folder."""

    def save(*kinds: str, folder: Path | None = None, replace: bool = False) -> Path:
        order = SaveOrder(folder or tmp_path / "out", "a cell", kinds)
        monkeypatch.setattr(HandOn, "ask", staticmethod(lambda dialog: order))
        answer = staticmethod(lambda names: replace)
        monkeypatch.setattr(HandOn, "ask_to_replace", answer)
        hand_on.save.native.click()
        qtbot.waitUntil(lambda: hand_on._job is None, timeout=60_000)
        return order.folder

    return save


def copied(hand_on: HandOn, what: str) -> str:
    getattr(hand_on, what).native.click()
    return QApplication.clipboard().text()


def sum_by_python(script: str, folder: Path, monkeypatch) -> str:
    monkeypatch.chdir(folder)
    ran: dict = {}
    exec(compile(script, "script", "exec"), ran)  # it is what we wrote
    return ran["report"]["labels_sha256"]


def sum_by_command(shiftseg, command: str, folder: Path) -> str:
    words = shlex.split(command)
    words[words.index("-o") + 1] = str(folder / "by command")
    ran = shiftseg(*words[1:], "--json")
    assert ran.status == 0, ran.stderr
    return json.loads(ran.stdout)["labels_sha256"]


RUNS = {
    "plain": ({}, {}),
    "naive": ({}, {"stitching": "naive", "window": 20}),
    "views": ({}, {"views": 2}),
    "region": ({}, {"region": ((4, 30), (8, 40))}),
}


class TestCopied:
    @pytest.mark.parametrize("case", RUNS)
    def test_both_give_the_labels_again(
        self, hand_on, said, segmented_file, noise, shiftseg, tmp_path, monkeypatch,
        case: str,
    ) -> None:  # fmt: skip
        how, settings = RUNS[case]
        labels = segmented_file(noise, **how, **settings)
        then = labels_sum(labels.data)
        command = copied(hand_on, "command")
        assert command in said[-1][0]
        assert said[-1][1] == "note"
        assert sum_by_command(shiftseg, command, tmp_path) == then
        script = copied(hand_on, "python")
        assert sum_by_python(script, tmp_path, monkeypatch) == then

    def test_a_channel(
        self, hand_on, segmented_file, noise, shiftseg, tmp_path, monkeypatch
    ) -> None:
        pixels = np.stack([noise[::-1], noise])
        labels = segmented_file(pixels, "CYX", channel=1)
        then = labels_sum(labels.data)
        command = copied(hand_on, "command")
        assert "--channel 2" in command
        assert sum_by_command(shiftseg, command, tmp_path) == then
        script = copied(hand_on, "python")
        assert sum_by_python(script, tmp_path, monkeypatch) == then

    def test_a_part_read_by_itself(
        self, hand_on, said, segmented_file, noise, tmp_path, monkeypatch
    ) -> None:
        noise[0, 0] = 50  # outside of the part
        labels = segmented_file(noise, part=True, region=((8, 36), (8, 40)))
        script = copied(hand_on, "python")
        assert said[-1][1] == "note"
        again = sum_by_python(script, tmp_path, monkeypatch)
        assert again == labels_sum(labels.data)
        copied(hand_on, "command")
        assert "may be others" in said[-1][0]
        assert said[-1][1] == "warning"

    def test_without_a_file_a_place_is_kept_and_said(
        self, hand_on, said, result
    ) -> None:
        assert "segment IMAGE -o image_again" in copied(hand_on, "command")
        assert "not from a file" in said[-1][0]
        assert "IMAGE = 'IMAGE'  # fill in" in copied(hand_on, "python")
        assert "not from a file" in said[-1][0]

    def test_one_frame_of_a_stack_is_said(self, hand_on, said, result) -> None:
        result.metadata[METADATA_KEY] = result.metadata[METADATA_KEY] | {"frame": (2,)}
        assert "segment IMAGE" in copied(hand_on, "command")
        assert "one frame of a stack" in said[-1][0]

    def test_without_labels_it_is_said(self, hand_on, said) -> None:
        hand_on.command.native.click()
        hand_on.save.native.click()
        assert [kind for _, kind in said] == ["warning", "warning"]


class TestSaved:
    def test_each_kind(self, saved_as, said, segmented_file, noise) -> None:
        labels = segmented_file(noise, region=((4, 30), (8, 40)))
        folder = saved_as("labels", "table", "rois", "geojson", "zarr")
        assert said[-1][0].startswith(f"Saved in {folder}: a cell_labels.tif")
        assert set(os.listdir(folder)) == {
            "a cell_labels.tif", "a cell_objects.csv", "a cell_rois.zip",
            "a cell_objects.geojson", "a cell_labels.zarr", "a cell_settings.yaml",
        }  # fmt: skip
        with tifffile.TiffFile(folder / "a cell_labels.tif") as file:
            assert labels_sum(file.asarray()) == labels_sum(labels.data)
            assert 'PhysicalSizeX="0.5"' in file.ome_metadata
        top, left = labels.metadata[METADATA_KEY]["offset"]
        (corner,) = [
            roi.coordinates(multi=True)
            for roi in roifile.roiread(folder / "a cell_rois.zip")
            if int(roi.name) == labels.data[3, 5]
        ]
        y, x = np.argwhere(labels.data == labels.data[3, 5]).min(axis=0)
        found = np.concatenate(corner).min(axis=0).tolist()
        assert found == [x + left, y + top]
        table = pd.read_csv(folder / "a cell_objects.csv")
        assert len(table) == len(np.unique(labels.data)) - 1
        assert table.centroid_y.min() > top

    def test_settings_give_them_again(
        self, saved_as, segmented_file, noise, shiftseg, tmp_path
    ) -> None:
        labels = segmented_file(noise, stitching="naive", window=20)
        settings = saved_as("labels") / "a cell_settings.yaml"
        ran = shiftseg("segment", "--config", settings, "-o", tmp_path / "2", "--json")
        found = json.loads(ran.stdout)["labels_sha256"]
        assert found == labels_sum(labels.data)

    def test_files_that_are_there_are_asked_about(
        self, saved_as, said, segmented_file, noise, tmp_path
    ) -> None:
        segmented_file(noise)
        (tmp_path / "out").mkdir()
        theirs = tmp_path / "out" / "a cell_labels.tif"
        theirs.write_text("theirs")
        saved_as("labels")
        assert theirs.read_text() == "theirs"
        saved_as("labels", replace=True)
        assert theirs.read_bytes()[:2] == b"II"

    def test_a_place_that_cannot_be_written(
        self, saved_as, said, segmented_file, noise, tmp_path
    ) -> None:
        segmented_file(noise)
        (tmp_path / "a file").write_text("")
        saved_as("labels", folder=tmp_path / "a file" / "out")
        assert said[-1][0].startswith("Nothing was saved: cannot write files into")
        assert said[-1][1] == "error"

    def test_a_time_series_has_tracks(
        self, saved_as, said, segmented_file, noise
    ) -> None:
        labels = segmented_file(np.stack([noise, noise]), "TYX")
        rows = pd.read_csv(saved_as("tracks") / "a cell_tracks.csv")
        assert set(rows.time) == {0, 1}
        for row in rows.itertuples():
            assert labels.data[row.time, row.y, row.x] == row.seg_id

    def test_the_dialog(
        self, viewer, qtbot, segmented_file, noise, tmp_path, hand_on
    ) -> None:
        labels = segmented_file(noise)
        image = label_image_of(viewer, labels)
        where = hand_on._proposed(labels, image)
        assert where == (tmp_path / "my cells" / "a cell_shiftseg", "a cell")
        dialog = SaveDialog(*where, image, ("labels", "table"))
        qtbot.addWidget(dialog.native)
        assert not dialog.boxes["tracks"].enabled
        assert "time" in dialog.boxes["tracks"].tooltip
        dialog.boxes["rois"].value = True
        assert dialog.order == SaveOrder(*where, ("labels", "table", "rois"))

    def test_the_folder_that_was_chosen_is_proposed_again(
        self, viewer, segmented_file, noise, tmp_path, hand_on, saved_as
    ) -> None:
        labels = segmented_file(noise)
        image = label_image_of(viewer, labels)
        proposed, _ = hand_on._proposed(labels, image)
        saved_as("labels", folder=proposed)
        assert hand_on._folder is None  # of the next image it is another one
        saved_as("labels", folder=tmp_path / "mine")
        assert hand_on._proposed(labels, image)[0] == tmp_path / "mine"


class TestMended:
    def test_edits_are_part_of_it(
        self, hand_on, saved_as, said, segmented_file, noise, mend, settled, shiftseg,
        tmp_path, monkeypatch,
    ) -> None:  # fmt: skip
        labels = segmented_file(noise)
        mend.result.value = labels
        settled(mend)
        before = labels_sum(labels.data)
        at = tuple(np.argwhere(labels.data > 0)[0].tolist())
        mend.steering.use([Delete((at,))])
        settled(mend)
        then = labels_sum(labels.data)
        assert then != before
        assert "--edits EDITS.json" in copied(hand_on, "command")
        assert "The edits are not in a file" in said[-1][0]
        script = copied(hand_on, "python")
        assert sum_by_python(script, tmp_path, monkeypatch) == then
        folder = saved_as("labels", "table")
        assert labels.metadata[METADATA_EDITS_FILE] == str(folder / "a cell_edits.json")
        assert LayerSession.known(labels).edits.number_unsaved == 0
        assert sum_by_command(shiftseg, copied(hand_on, "command"), tmp_path) == then
        settings = folder / "a cell_settings.yaml"
        ran = shiftseg("mend", "--config", settings, "-o", tmp_path / "2", "--json")
        assert json.loads(ran.stdout)["labels_sha256"] == then
        assert len(pd.read_csv(folder / "a cell_objects.csv")) == labels.data.max() - 1
