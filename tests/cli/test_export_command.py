"""The command ``export``: a model and its card in a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch
from safetensors.torch import load_file

from napari_shiftseg.networks.header import bundled_models, read_unet_config
from napari_shiftseg.networks.unet import load_unet, save_model
from napari_shiftseg.report.model_card import model_card

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
