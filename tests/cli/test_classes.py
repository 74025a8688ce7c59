"""Classes on the command line: learnt from tables, written with what is segmented."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_shiftseg import segment
from napari_shiftseg.networks.unet import UNet, load_unet, new_model, save_model
from napari_shiftseg.samples.shapes import CLASSES, shapes
from napari_shiftseg.stores.class_tables import read_classes

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = ("--depth", 1, "--features", 4, "--channels", 4, "--window", 16, "--steps", 2)
FOLDERS = ("images", "--truth", "labels", "--classes", "classes")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images in a folder, labels and tables of classes in others; we are there."""
    monkeypatch.chdir(tmp_path)
    for folder in ("images", "labels", "classes"):
        Path(folder).mkdir()
    for name in ("a", "b"):
        sample = shapes((48, 48), diameter=(8, 14), seed=len(name))
        np.save(f"images/{name}.npy", sample.image)
        np.save(f"labels/{name}.npy", sample.labels)
        rows = [f"{label},{of}" for label, of in sample.classes.items()]
        Path(f"classes/{name}.csv").write_text("\n".join(["label,class", *rows]))
    return tmp_path


@pytest.fixture
def classed() -> UNet:
    """A model of classes that takes all of an image for an object, or a few."""
    model = new_model(depth=1, features=4, foreground=True, classes=CLASSES)
    with torch.no_grad():
        model.head.bias[3] += 20
    save_model(model, "classed.safetensors")
    return load_unet("classed.safetensors")


@pytest.fixture
def image(rng: np.random.Generator) -> NDArray[np.float32]:
    pixels = rng.random((2, 24, 30)).astype(np.float32)
    np.save("stack.npy", pixels)
    np.save("one.npy", pixels[0])
    return pixels


def table(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


class TestTrain:
    def test_on_tables_of_classes(self, shiftseg) -> None:
        ran = shiftseg("train", *FOLDERS, *SMALL, "-o", "m.safetensors", "--json")
        assert ran.status == 0, ran.stderr
        known = sorted({*read_classes(Path("classes/a.csv")).values()})
        assert json.loads(ran.stdout)["classes"] == known
        assert load_unet("m.safetensors").config.classes == tuple(known)
        assert "classes" in table("m.csv")[0]

    def test_on_a_sample_with_classes_of_its_own(self, shiftseg) -> None:
        ran = shiftseg(
            "train", "shapes", "--classes", "shapes", *SMALL, "-o", "m.safetensors"
        )
        assert ran.status == 0, ran.stderr
        assert load_unet("m.safetensors").config.classes == CLASSES
        ran = shiftseg("train", "shapes", *SMALL, "-o", "plain.safetensors")
        assert load_unet("plain.safetensors").config.classes == ()

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ("label,class\n1,disk\n2,star\n", "have no class in b.csv: give each"),
            ("label,class\n", "classes names no class"),
            ("label,kind\n1,disk\n", "a.csv: a table of classes has the columns"),
        ],
    )
    def test_tables_that_do_not_do(self, shiftseg, rows, said) -> None:
        for name in ("a", "b"):
            Path(f"classes/{name}.csv").write_text(rows)
        ran = shiftseg("train", *FOLDERS, *SMALL, "-o", "m.safetensors")
        assert ran.status == 2
        assert said in ran.stderr
        assert not Path("m.safetensors").exists()

    def test_one_class_only(self, shiftseg, classed) -> None:
        for name in ("a", "b"):
            ids = np.unique(np.load(f"labels/{name}.npy"))[1:]
            rows = "\n".join(["label,class", *(f"{label},disk" for label in ids)])
            Path(f"classes/{name}.csv").write_text(rows)
        ran = shiftseg("train", *FOLDERS, *SMALL, "-o", "m.safetensors")
        assert ran.status == 2
        assert "classes names one class alone, 'disk', but two" in ran.stderr
        ran = shiftseg(  # which has others, so that one is no fault
            "train", *FOLDERS, "--start", "classed.safetensors",
            "--window", 16, "--steps", 1, "-o", "m.safetensors",
        )  # fmt: skip
        assert ran.status == 0, ran.stderr

    def test_classes_without_labels(self, shiftseg) -> None:
        ran = shiftseg("train", "images", "--classes", "classes", "-o", "m.safetensors")
        assert ran.status == 2
        assert "true labels of images are missing" in ran.stderr

    def test_with_a_model_to_begin_with(self, shiftseg, classed, home) -> None:
        begin = ("--start", "classed.safetensors", "--window", 16, "--steps", 2)
        ran = shiftseg(
            "train", "images", "--truth", "labels", *begin, "-o", "m.safetensors"
        )
        assert ran.status == 2
        assert "needs the class of every object" in ran.stderr
        ids = np.unique(np.load("labels/a.npy"))[1:]
        rows = "\n".join(f"{label},hexagon" for label in ids)
        Path("classes/a.csv").write_text(f"label,class\n{rows}\n")
        ran = shiftseg(
            "train", "images/a.npy", "--truth", "labels/a.npy",
            "--classes", "classes/a.csv", *begin, "-o", "m.safetensors",
        )  # fmt: skip
        assert ran.status == 2
        assert "a.csv has the class hexagon, but the network tells disk" in ran.stderr


class TestSegment:
    def test_a_table_stands_beside_the_labels(self, shiftseg, classed, image) -> None:
        options = ("-m", "classed.safetensors", "-o", "out", "--window", 8)
        ran = shiftseg("segment", "one.npy", *options, "--json")
        assert ran.status == 0, ran.stderr
        result = segment(image[0], classed, window=8, device="cpu")
        (found,) = result.classes
        assert result.objects
        rows = table("out/one_classes.csv")
        assert [int(row["label"]) for row in rows] == found.ids.tolist()
        assert [row["class"] for row in rows] == [*found.of]
        sure = [float(row["confidence"]) for row in rows]
        assert sure == pytest.approx(found.confidence.tolist(), abs=1e-4)
        report = json.loads(ran.stdout)
        assert report["classes"] == found.counts
        assert report["files"]["classes"].endswith("one_classes.csv")
        assert read_classes(Path("out/one_classes.csv")) == found.by_id
        again = shiftseg("segment", "one.npy", *options)  # replaces its own
        assert again.status == 0
        assert f"{found.counts['star']} star" in again.stdout

    def test_of_planes_it_says_which(self, shiftseg, classed, image) -> None:
        options = ("-m", "classed.safetensors", "-o", "out", "--window", 8)
        assert shiftseg("segment", "stack.npy", *options).status == 0
        assert table("out/stack_classes.csv")[0].keys() == {
            "label", "class", "confidence",
        }  # fmt: skip
        options = (*options, "--no-link-planes")
        assert shiftseg("segment", "stack.npy", *options).status == 0
        rows = table("out/stack_classes.csv")
        (axis,) = rows[0].keys() - {"label", "class", "confidence"}
        assert {row[axis] for row in rows} == {"0", "1"}

    def test_a_table_of_the_users_is_left(self, shiftseg, classed, image) -> None:
        Path("out").mkdir()
        Path("out/one_classes.csv").write_text("mine")
        ran = shiftseg("segment", "one.npy", "-m", "classed.safetensors", "-o", "out")
        assert ran.status == 2
        assert Path("out/one_classes.csv").read_text() == "mine"

    def test_without_classes_there_is_none(self, shiftseg, image) -> None:
        save_model(new_model(depth=1, features=4), "plain.safetensors")
        ran = shiftseg("segment", "one.npy", "-m", "plain.safetensors", "-o", "out")
        assert ran.status == 0
        assert not Path("out/one_classes.csv").exists()
