"""Models of the user's own are known by name; no name stands for two."""

from __future__ import annotations

import pytest

from napari_shiftseg.networks.header import (
    bundled_models,
    figure_models,
    find_model,
    models_folder,
    named_models,
    new_model_path,
    own_models,
    read_unet_config,
)
from napari_shiftseg.networks.unet import load_unet, new_model, save_model
from napari_shiftseg.samples.catalogue import SAMPLES

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def mine(models_folder):
    model = new_model(ndim=1, depth=1, features=2, name="mine")
    return save_model(model, models_folder / "mine.safetensors")


def test_the_folder_is_the_users_unless_a_variable_says_another(monkeypatch, tmp_path):
    monkeypatch.setenv("NAPARI_SHIFTSEG_MODELS", str(tmp_path))
    assert models_folder() == tmp_path
    monkeypatch.delenv("NAPARI_SHIFTSEG_MODELS")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert models_folder().parts[-2:] == ("napari-shiftseg", "models")


def test_a_model_of_ones_own_is_found_by_name(mine):
    assert own_models() == {"mine": mine}
    assert list(named_models()) == [*bundled_models(), "mine"]
    assert find_model("mine") == mine
    assert read_unet_config("mine").name == load_unet("mine").config.name == "mine"


def test_the_command_line_finds_it(shiftseg, mine):
    ran = shiftseg("inspect", "mine")
    assert ran.status == 0
    assert "mine" in ran.stdout


def test_without_a_folder_there_are_none(models_folder):
    assert not models_folder.exists()
    assert own_models() == {}
    assert named_models() == bundled_models()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("nuclie", "nuclei"), ("mien", "mine"), ("figure-2", "figure-2[abc]")],
)
def test_a_mistyped_name_is_mended(mine, typed, meant):
    with pytest.raises(FileNotFoundError, match=rf"; did you mean {meant}\?$"):
        find_model(typed)


def test_an_unknown_name_lists_ones_own(mine):
    with pytest.raises(FileNotFoundError, match=r"nor one of yours \(mine\)"):
        find_model("yours")


def test_no_file_shadows_a_bundled_model(models_folder, mine):
    mine.rename(models_folder / "disks.safetensors")
    assert find_model("disks") == bundled_models()["disks"]
    assert named_models()["disks"] == bundled_models()["disks"]


def test_a_new_model_gets_a_file_of_its_own(mine):
    assert new_model_path("new") == mine.with_stem("new")
    assert new_model_path(" mine ") == mine.with_stem("mine-2")
    assert new_model_path("MINE") == mine.with_stem("MINE-2")
    mine.with_stem("mine-2").write_bytes(b"")
    assert new_model_path("mine") == mine.with_stem("mine-3")


@pytest.mark.parametrize("name", ["disks", "Disks", " disks"])
def test_the_name_of_a_bundled_model_is_refused(name):
    with pytest.raises(ValueError, match=r"bundled model: choose .*'my-"):
        new_model_path(name)


@pytest.mark.parametrize(
    "name", ["", " ", "a/b", "..", ".a", "a\\b", "a:b", "a.", "-m", "n" * 101]
)
def test_what_is_no_file_name_is_refused(name):
    with pytest.raises(ValueError, match="letters, digits"):
        new_model_path(name)


@pytest.mark.parametrize("name", ["con", "NUL", "aux.2", "Com1", "lpt9.x.y"])
def test_what_windows_takes_for_a_device_is_refused(name):
    with pytest.raises(ValueError, match=r"device on Windows: choose .*'my-"):
        new_model_path(name)
    assert new_model_path(f"{name}s".replace(".", "-")).name


class TestNetworksOfFigures:
    def test_they_are_found_by_name_and_not_listed(self, models_folder):
        folder = bundled_models()["disks"].parent / "figures"
        assert find_model("figure-2b") == folder / "2b.safetensors"
        assert read_unet_config("figure-2b").name == "2b"
        assert len(figure_models()) == len([*folder.glob("*.safetensors")])
        assert not figure_models().keys() & named_models().keys()

    def test_no_file_shadows_one(self, models_folder, mine):
        mine.rename(models_folder / "figure-2b.safetensors")
        assert find_model("figure-2b") == figure_models()["figure-2b"]

    @pytest.mark.parametrize("name", ["figure-2b", "Figure-2B"])
    def test_a_new_model_has_another_name(self, models_folder, name):
        with pytest.raises(ValueError, match="name of a bundled model"):
            new_model_path(name)

    def test_an_unknown_name_lists_them(self, models_folder):
        with pytest.raises(FileNotFoundError, match=r"nuclei-3d, figure-2a, figure-2b"):
            find_model("figure-2z")

    def test_every_sample_names_such(self):
        named = {name for entry in SAMPLES.values() for name in entry.models}
        known = figure_models().keys() | bundled_models().keys()
        assert {"figure-2b", "figure-5", "disks", "nuclei"} <= named <= known
