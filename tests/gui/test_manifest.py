from dataclasses import replace
from functools import cache, partial

import npe2
import numpy as np
import pytest

from napari_shiftseg.gui import samples
from napari_shiftseg.gui.parts.models import OPENED
from napari_shiftseg.networks.header import bundled_models, read_unet_config
from napari_shiftseg.samples.catalogue import SAMPLES


@pytest.fixture(scope="module")
def manifest():
    return npe2.PluginManifest.from_distribution("napari-shiftseg")


@pytest.fixture(scope="module")
def made():
    """What a sample holds, by its name: each is made once, and cannot be changed."""

    def make(name):
        sample = SAMPLES[name].make()
        sample.image.setflags(write=False)
        sample.labels.setflags(write=False)
        return sample

    return cache(make)


@pytest.fixture
def once(made, monkeypatch):
    """Let the menu open samples that were made before."""
    entries = {n: replace(e, make=partial(made, n)) for n, e in SAMPLES.items()}
    monkeypatch.setattr(samples, "SAMPLES", entries)


def test_manifest_is_valid_and_its_imports_work(manifest):
    manifest.validate_imports()
    assert manifest.display_name == "ShiftSeg"
    assert set(manifest.categories) == {"Segmentation", "Visualization"}


def test_what_makes_labels_stands_in_the_layers_menu(manifest):
    menu = manifest.contributions.menus["napari/layers/segment"]
    assert [item.command for item in menu] == [
        "napari-shiftseg.segment",
        "napari-shiftseg.batch",
        "napari-shiftseg.mend",
        "napari-shiftseg.train",
    ]


def test_inspect_stands_in_the_menu_that_shows_things(manifest):
    menu = manifest.contributions.menus["napari/layers/visualize"]
    assert "napari-shiftseg.inspect" in [item.command for item in menu]
    names = {w.command: w.display_name for w in manifest.contributions.widgets}
    assert names["napari-shiftseg.inspect"] == "Inspect model"


@pytest.mark.parametrize(
    ("key", "objects"),
    [
        ("disks_13", 40 * 40),
        ("disks_15", 21 * 21),
        ("disks_16", 33 * 33),
        ("disks_noise", 20 * 20),
        ("disks_bent", 399),
        ("constant", 0),
    ],
)
def test_samples_open_with_their_truth(viewer, once, key, objects):
    viewer.open_sample("napari-shiftseg", key)
    labels = [layer for layer in viewer.layers if layer.name.endswith("truth")]
    assert len(labels) == (objects > 0)
    for layer in labels:
        assert len(np.unique(layer.data)) - 1 == objects
        assert layer.data.shape == viewer.layers[0].data.shape


def test_every_sample_is_offered(manifest):
    offered = [sample.key for sample in manifest.contributions.sample_data]
    names = ["disks_13" if name == "disks" else name for name in SAMPLES]
    assert sorted(offered) == sorted(name.replace("-", "_") for name in names)
    assert offered[0] == "nuclei"  # what most people have


@pytest.mark.parametrize(
    "name", [n for n, entry in SAMPLES.items() if {*entry.models} - {*bundled_models()}]
)
def test_a_sample_brings_the_networks_of_figures_into_the_lists(
    viewer, widget, once, made, monkeypatch, name
):
    monkeypatch.setattr(OPENED, "_paths", [])
    OPENED.look_again()
    before = [*widget.model.list.choices]
    models = [m for m in SAMPLES[name].models if m not in bundled_models()]
    assert not {*models} & {*before}
    viewer.open_sample("napari-shiftseg", name.replace("-", "_"))
    assert [*widget.model.list.choices] == [*before, *models]
    sample = made(name)
    for model in models:
        widget.model.value = model
        assert widget.model.config == read_unet_config(model)
        assert widget.model.config.ndim == sample.image.ndim


@pytest.mark.parametrize(
    ("key", "name", "scale"),
    [
        ("nuclei", "nuclei", (1, 1)),
        ("nuclei_3d", "nuclei-3d", (2, 1, 1)),
        ("nuclei_small", "nuclei-small", (1, 1, 1)),
        ("shapes", "shapes", (1, 1)),
    ],
)
def test_nuclei_open_as_large_as_they_are(viewer, once, made, key, name, scale):
    viewer.open_sample("napari-shiftseg", key)
    sample = made(name)
    assert [layer.name for layer in viewer.layers] == [name, f"{name} · truth"]
    assert [layer.visible for layer in viewer.layers] == [True, False]
    for layer, data in zip(viewer.layers, (sample.image, sample.labels), strict=True):
        np.testing.assert_array_equal(layer.data, data)
        assert tuple(layer.scale) == scale
