"""The command ``export``: a model and its card in a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from zipfile import ZipFile

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file

from napari_shiftseg.networks.header import bundled_models, read_unet_config
from napari_shiftseg.networks.loading import known
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.report.model_card import model_card
from napari_shiftseg.samples.catalogue import make_sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("one_thread")


def test_weights_and_card(shiftseg, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    ran = shiftseg("export", "disks-w16", "-o", folder, "--json")
    assert (ran.status, ran.stderr) == (0, "")
    path, card = folder / "disks-w16.safetensors", folder / "disks-w16.md"
    assert json.loads(ran.stdout) == {
        "model": "disks-w16", "file": str(path), "card": str(card),
    }  # fmt: skip
    assert sorted(folder.iterdir()) == [card, path]
    source = bundled_models()["disks-w16"]
    before, after = load_file(source), load_file(path)
    assert before.keys() == after.keys()
    for name, weight in before.items():
        assert weight.dtype == after[name].dtype == torch.float16
        assert torch.equal(weight, after[name])
    assert read_unet_config(path) == read_unet_config(source)
    assert card.read_text(encoding="utf-8") == model_card(load_unet(source))


def test_another_card_is_replaced_when_asked_and_the_rest_left_alone(
    shiftseg, model_file, tmp_path: Path
) -> None:
    (tmp_path / "tiny.md").write_text("old")
    (tmp_path / "notes.md").write_text("mine")
    shiftseg("export", model_file, "-o", tmp_path).assert_refused("tiny.md", "export")
    assert (tmp_path / "tiny.md").read_text() == "old"
    assert not (tmp_path / "tiny.safetensors").exists()
    ran = shiftseg("export", model_file, "-o", tmp_path, "--overwrite")
    assert (ran.status, ran.stderr) == (0, "")
    assert ran.stdout == f"tiny.safetensors and its card tiny.md are in {tmp_path}\n"
    assert (tmp_path / "tiny.md").read_text(encoding="utf-8").startswith("# tiny\n")
    assert (tmp_path / "notes.md").read_text() == "mine"


def test_onto_itself(shiftseg, small_model, tmp_path: Path) -> None:
    path = save_model(small_model(2, 1, name="one"), tmp_path / "one.safetensors")
    before = path.read_bytes()
    assert shiftseg("export", path, "-o", tmp_path).status == 0
    assert path.read_bytes() == before


def test_a_name_with_a_path_in_it_stays_in_the_folder(
    shiftseg, small_model, tmp_path: Path
) -> None:
    name = "../up and/away"
    path = save_model(small_model(2, 1, name=name), tmp_path / "m.safetensors")
    assert shiftseg("export", path, "-o", tmp_path / "out").status == 0
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "up-and-away.md", "up-and-away.safetensors",
    ]  # fmt: skip
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.safetensors", "out"]


def test_refused(shiftseg, model_file, tmp_path: Path) -> None:
    shiftseg("export", "stars", "-o", tmp_path).assert_refused("no model 'stars'")
    (tmp_path / "file").write_text("")
    ran = shiftseg("export", model_file, "-o", tmp_path / "file")
    ran.assert_refused("the path is a file, or leads through one")


class TestPackage:
    """With ``--bioimageio`` a model becomes a package that other programs run."""

    @pytest.fixture(autouse=True)
    def nothing_known(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        folder = tmp_path / "cache"
        monkeypatch.setattr(known, "user_cache_path", lambda *_, **__: folder)

    def test_what_it_says(self, shiftseg, model_file, tmp_path: Path) -> None:
        folder = tmp_path / "out"
        options = "--author", "Ada", "--author", "Bo", "--license", "MIT", "--json"
        ran = shiftseg("export", model_file, "--bioimageio", "-o", folder, *options)
        assert (ran.status, ran.stderr) == (0, "")
        path = folder / "tiny.zip"
        assert json.loads(ran.stdout) == {"model": "tiny", "file": str(path)}
        assert list(folder.iterdir()) == [path]
        with ZipFile(path) as file:
            said = yaml.safe_load(file.read("bioimageio.yaml"))
            assert "weights.pt" not in file.namelist()
        assert said["authors"] == [{"name": "Ada"}, {"name": "Bo"}]
        assert said["license"] == "MIT"
        again = shiftseg("export", model_file, "--bioimageio", "-o", folder)
        again.assert_refused("there is a file", "tiny.zip", "--overwrite")
        more = ("--bioimageio", "-o", folder, "--overwrite", "--torchscript")
        assert shiftseg("export", model_file, *more).stdout == (
            f"tiny.zip, a BioImage.IO package, is in {folder}\n"
        )
        with ZipFile(path) as file:
            assert "weights.pt" in file.namelist()

    @pytest.mark.parametrize("name", ["disks", "nuclei"])
    def test_loaded_back_it_finds_the_same_objects(
        self, shiftseg, tmp_path: Path, name: str
    ) -> None:
        shiftseg("export", name, "--bioimageio", "-o", tmp_path)
        back = load_model(tmp_path / f"{name}.zip")
        own = load_model(name)
        assert back.config.clustering == own.config.clustering
        assert back.config.provenance == own.config.provenance
        assert back.config.sizes.axes[0].halo == 0
        image = make_sample(name).image[:120, :140]
        ours, theirs = (
            segment(image, model, window=48, device="cpu") for model in (own, back)
        )
        assert ours.labels.max() > 3
        assert (ours.labels == theirs.labels).all()
        near = np.abs(ours.embeddings - theirs.embeddings).max()
        assert 0 < near < 1e-3  # another library computed it

    def test_with_classes_and_padding(self, shiftseg, small_model, tmp_path) -> None:
        model = small_model(
            2, 1, name="sorts", padding="same", normalization="batch", foreground=True,
            classes=("a", "b"), intensity="percentile",
        )  # fmt: skip
        path = save_model(model, tmp_path / "sorts.safetensors")
        shiftseg("export", path, "--bioimageio", "-o", tmp_path)
        back = load_model(tmp_path / "sorts.zip")
        assert back.config.classes == ("a", "b")
        assert back.config.out_channels == model.config.out_channels == 6
        image = np.random.default_rng(0).random((40, 40))
        ours, theirs = (
            segment(image, each, window=16, device="cpu") for each in (model, back)
        )
        assert (ours.labels == theirs.labels).all()
        ours, theirs = (run.classes[0] for run in (ours, theirs))
        assert ours.by_id == theirs.by_id != {}

    def test_refused(self, shiftseg, model_file, tmp_path: Path) -> None:
        ran = shiftseg("export", model_file, "--license", "MIT", "-o", tmp_path)
        ran.assert_refused("are of a package: add --bioimageio")
        asked = ("export", model_file, "--bioimageio", "-o", tmp_path)
        ran = shiftseg(*asked, "--license", "as you like")
        ran.assert_refused("a name of SPDX, such as MIT", "got 'as you like'")
        shiftseg(*asked)
        for option in ((), ("--bioimageio",)):
            ran = shiftseg("export", tmp_path / "tiny.zip", "-o", tmp_path, *option)
            ran.assert_refused("tiny.zip was made elsewhere", "hand on the file itself")
