"""The command ``mend``: what segment finds, with a list of edits made on it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from napari_shiftseg.cli.segment import _with_clustering
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.mending.edit_lists import EditList, write_edits
from napari_shiftseg.mending.edits import Delete, Merge, Redraw, Split
from napari_shiftseg.mending.replay import mend, replay
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.result import Segmentation

pytestmark = pytest.mark.usefixtures("one_thread")

# the untrained model finds one object that covers the image of 31 × 42 pixels
SPLIT = Split((((5, 5),), ((25, 38),)))
EDITS = [SPLIT, Merge(((5, 5), (25, 38))), Redraw(((5, 5),)), Delete(((30, 41),))]


@pytest.fixture
def image(rng, tmp_path: Path) -> Path:
    np.save(tmp_path / "cells.npy", rng.normal(size=(31, 42)))
    return tmp_path / "cells.npy"


@pytest.fixture
def edit_file(tmp_path: Path) -> Path:
    write_edits(tmp_path / "edits.json", EditList((*EDITS[:3], SPLIT)))
    return tmp_path / "edits.json"


@pytest.fixture
def arguments(image: Path, model_file: Path, edit_file: Path, tmp_path: Path):
    return (
        "mend", image, "-m", model_file, "--edits", edit_file, "-o", tmp_path / "out",
        "--device", "cpu",
    )  # fmt: skip


class TestMend:
    def test_labels_and_report(
        self, shiftseg, arguments, image, model_file, tmp_path
    ) -> None:
        ran = shiftseg(*arguments, "--json")
        assert ran.status == 0
        report = json.loads(ran.stdout)
        assert report["objects_before"] == 1
        assert report["objects"] == 2
        assert report["edits"] == 4
        assert report["applied"] == [1, 2, 4]
        assert report["overruled"] == [{"edit": 2, "by": 4}]
        (left_out,) = report["left_out"]
        assert left_out["edit"] == 3
        assert left_out["reason"].endswith(
            "foreground, which this model does not predict"
        )
        assert (
            "edit 2 (merge at (5, 5), (25, 38)) no longer holds: edit 4" in ran.stderr
        )

        result = segment(np.load(image), load_unet(model_file), device="cpu")
        expected = replay([SPLIT], result.labels, result.embeddings, bandwidth=1e3)
        written = tifffile.imread(tmp_path / "out" / "cells_labels.tif")
        np.testing.assert_array_equal(written, expected.labels)
        assert len(np.unique(written)) == 2 + (0 in written)

    def test_in_words(self, shiftseg, arguments) -> None:
        ran = shiftseg(*arguments)
        assert ran.status == 0
        assert ran.stdout.splitlines()[-1] == (
            "1 objects before, 2 after: 3 of 4 edits applied, 1 of them overruled, "
            "1 left out"
        )

    def test_all_but_the_labels_is_as_segment_writes_it(
        self, shiftseg, arguments, image, model_file, tmp_path
    ) -> None:
        shiftseg(*arguments, "--save", "all")
        shiftseg(
            "segment", image, "-m", model_file, "-o", tmp_path / "s", "--device", "cpu",
            "--save", "all",
        )  # fmt: skip
        names = {p.name for p in (tmp_path / "s").iterdir()}
        found = {p.name for p in (tmp_path / "out").iterdir()}
        assert found == names | {"cells_edits.json"}
        for kind in ("embedding", "gradient"):
            one, other = (
                tifffile.imread(tmp_path / folder / f"cells_{kind}.tif")
                for folder in ("s", "out")
            )
            np.testing.assert_array_equal(one, other)

    def test_the_clustering_of_the_edits_unless_told_otherwise(
        self, shiftseg, arguments, edit_file, tmp_path
    ) -> None:
        write_edits(edit_file, EditList((), {"min_size": 10**6}))
        assert json.loads(shiftseg(*arguments, "--json").stdout)["objects"] == 0
        told = shiftseg(*arguments, "--min-size", 5, "--json")
        assert json.loads(told.stdout)["objects"] == 1
        chosen = _with_clustering(
            Settings(kernel="flat"),
            EditList((), {"kernel": "gaussian", "bandwidth": 2}),
        )
        assert (chosen.kernel, chosen.bandwidth) == ("flat", 2)

    def test_the_model_of_the_edits_unless_told_otherwise(
        self, shiftseg, arguments, edit_file, model_file, tmp_path
    ) -> None:
        without = [a for a in arguments if a not in ("-m", model_file)]
        write_edits(edit_file, EditList((SPLIT,), {}, str(model_file), "cells"))
        report = json.loads(shiftseg(*without, "--json").stdout)
        assert (report["model"], report["applied"]) == ("tiny", [1])
        assert report["made_on"] == {"model": str(model_file), "image": "cells"}
        assert report["notes"] == []
        moved = model_file.parent / "elsewhere" / model_file.name
        write_edits(edit_file, EditList((SPLIT,), {}, str(moved)))
        assert json.loads(shiftseg(*arguments, "--json").stdout)["notes"] == []
        shiftseg(*without).assert_refused("say with -m where it is", "elsewhere")

    def test_another_model_and_another_image_are_named(
        self, shiftseg, arguments, edit_file
    ) -> None:
        write_edits(edit_file, EditList((SPLIT,), {}, "nuclei", "plate 7"))
        notes = json.loads(shiftseg(*arguments, "--json").stdout)["notes"]
        (note,) = notes
        assert "made on the model 'nuclei', not on '" in note
        assert "leave out -m" in note
        outside = Delete(((31, 0),))
        write_edits(edit_file, EditList((outside,), {}, "tiny", "plate 7"))
        notes = json.loads(shiftseg(*arguments, "--json").stdout)["notes"]
        assert notes[1:] == [
            "the edits were made on the image 'plate 7', this is 'cells'"
        ]

    @pytest.mark.parametrize("named", ["nuclei", ""])
    def test_a_clustering_that_a_wrong_model_does_not_know(
        self, shiftseg, arguments, edit_file, model_file, tmp_path, named
    ) -> None:
        """The scope is not at fault, and nothing is left behind."""
        write_edits(edit_file, EditList((), {"scope": "component"}, named))
        if named:
            shiftseg(*arguments).assert_refused("shiftseg: the edits were made on")
        else:
            without = [a for a in arguments if a not in ("-m", model_file)]
            without[1] = "disks"  # a sample, whose own model is taken
            shiftseg(*without).assert_refused("so 'disks' was taken: name the one")
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("{", "edits.json cannot be read as edits"),
            (
                '{"version": 1, "edits": [{"kind": "merge", "points": [[1, 2]]}]}',
                "edit 1: merge: a merge needs 2 points or more",
            ),
        ],
    )
    def test_wrong_edits(
        self, shiftseg, arguments, edit_file, tmp_path, text, said
    ) -> None:
        edit_file.write_text(text)
        shiftseg(*arguments).assert_refused(said)
        assert not (tmp_path / "out").exists()

    def test_no_such_file(self, shiftseg, arguments, edit_file, tmp_path) -> None:
        edit_file.unlink()
        shiftseg(*arguments).assert_refused("edits.json: No such file")
        shiftseg("mend", "disks", "-o", tmp_path).assert_refused("--edits")


@pytest.fixture
def foreground_model(small_model) -> UNet:
    clustering = Clustering(bandwidth=1e3, foreground_threshold=0.1)
    return small_model(2, 2, foreground=True, clustering=clustering)


@pytest.fixture
def result(foreground_model: UNet, rng) -> Segmentation:
    pixels = rng.normal(size=(2, 24, 28))
    return segment(pixels, foreground_model, device="cpu")


class TestOnAResult:
    def test_frames_and_the_foreground(self, foreground_model, result) -> None:
        """A split, and an outline redrawn, in the second of two frames."""
        largest = np.bincount(result.labels[1].ravel())[1:].argmax() + 1
        inside = np.argwhere(result.labels[1] == largest)
        first, last = tuple(inside[0]), tuple(inside[-1])
        edits = [Split(((first,), (last,)), (1,)), Redraw((first,), (1,))]
        mended, outcome = mend(result, foreground_model, edits)
        assert outcome.applied == (1, 2)
        np.testing.assert_array_equal(mended.labels[0], result.labels[0])
        assert mended.labels[1][first] != mended.labels[1][last]
        assert mended.objects == result.objects + 1
        dark = result.logit[1] <= np.log(0.1 / 0.9)
        assert dark.any()
        assert not mended.labels[1][dark].any()

    def test_objects_are_counted_though_numbers_are_missing(self, result) -> None:
        labels = np.array([[[7, 0, 7, 2]], [[0, 0, 3, 3]]], dtype=np.int32)
        padded = np.zeros((2, 24, 28), dtype=np.int32)
        padded[:, :1, :4] = labels
        assert replace(result, labels=padded).objects == 3

    def test_directions_count_for_the_kernel_of_directions(self, small_model) -> None:
        """An embedding twice as long cuts alike under von Mises and Fisher."""
        model = small_model(2, 2, clustering=Clustering(bandwidth=5.0))
        pixels = np.random.default_rng(1).normal(size=(20, 22))
        result = segment(pixels, model, device="cpu")
        result = replace(result, settings=Settings(kernel="von-mises-fisher"))
        labels = np.ones_like(result.labels)
        edits = [Split((((3, 3),), ((15, 18),)))]
        once, twice = (
            mend(
                replace(result, labels=labels, embeddings=result.embeddings * factor),
                model,
                edits,
            )[0].labels
            for factor in (1, 2)
        )
        np.testing.assert_array_equal(once, twice)
