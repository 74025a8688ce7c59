"""Weights with an architecture become one file: names mapped, faults listed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from napari_shiftseg.networks.opening.architectures import make
from napari_shiftseg.networks.opening.imported import import_network
from napari_shiftseg.networks.opening.open import open_network
from napari_shiftseg.networks.opening.opened import Output
from napari_shiftseg.networks.opening.steps import Sigmoid
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError
from napari_shiftseg.networks.unet import new_model, save_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ARGUMENTS = {
    "in_channels": 1,
    "num_fmaps": 2,
    "fmap_inc_factor": 2,
    "downsample_factors": [[2, 2]],
    "padding": "same",
}
CONFIG = {"architecture": "funlib.UNet", "arguments": ARGUMENTS}


def unet() -> Any:
    torch.manual_seed(0)
    return make("funlib.UNet", ARGUMENTS)


IMAGE = np.random.default_rng(0).standard_normal((2, 1, 16, 12)).astype(np.float32)


def output(module: Any) -> Any:
    with torch.no_grad():
        return module(torch.from_numpy(IMAGE)).numpy()


@pytest.fixture
def bring(tmp_path: Path) -> Callable[..., Any]:
    def imported(weights: Any, **said: Any) -> Any:
        file = tmp_path / "w.pt"
        torch.save(weights, file)
        config = tmp_path / "c.yaml"
        config.write_text(yaml.safe_dump({**CONFIG, **said}))
        return import_network(file, config, tmp_path / "out" / "m.safetensors")

    return imported


def test_one_file_predicts_as_the_network_did(bring):
    module = unet()
    done = bring(
        module.state_dict(),
        name="mine",
        preprocessing=[{"id": "scale_linear", "kwargs": {"gain": 2.0}}],
        postprocessing=[{"id": "sigmoid"}],
        outputs=[{"kind": "boundary", "name": "a"}, {"kind": "affinity"}],
    )
    network = open_network(done.path)
    assert np.array_equal(network.predict(IMAGE), Sigmoid()(output(module)))
    assert (network.name, network.ndim, network.in_channels) == ("mine", 2, 1)
    assert network.outputs == (Output("boundary", "a"), Output("affinity", ""))
    assert np.array_equal(network.intensity.of(IMAGE[0])(IMAGE[0]), 2 * IMAGE[0])
    assert done.weights == len(module.state_dict())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: w,
        lambda w: {f"module.{k}": v for k, v in w.items()},
        lambda w: {
            "state_dict": {f"model.net.{k}": v for k, v in w.items()},
            "epoch": 3,
        },
        lambda w: {"model": {"state_dict": w}, "optimizer": {"lr": 0.1}},
        lambda w: {
            "model_state_dict": {f"_orig_mod.module.{k}": v for k, v in w.items()}
        },
    ],
)
def test_wrappers_are_seen_through(bring, wrap):
    module = unet()
    network = bring(wrap(module.state_dict())).network
    assert np.array_equal(network.predict(IMAGE), output(module))


def test_names_are_mapped_and_ignored(bring):
    module = unet()
    weights = {
        k.replace("l_conv", "down").replace("conv_pass", "seq"): w
        for k, w in module.state_dict().items()
    }
    weights["loss.weight"] = torch.ones(1)
    done = bring(
        weights,
        rename=[["down", "l_conv"], ["seq", "conv_pass"]],
        ignore=["loss."],
    )
    assert np.array_equal(done.network.predict(IMAGE), output(module))
    assert done.left_out == ("loss.weight",)


def test_two_weights_never_become_one(bring):
    with pytest.raises(UnreadableNetworkError, match=r"gives l_conv\.0.* one name"):
        bring(unet().state_dict(), rename=[["l_conv.1", "l_conv.0"]])


def test_faults_are_listed(bring, tmp_path):
    weights = unet().state_dict()
    first, second, third, *_ = weights
    del weights[first]
    weights["extra.weight"] = torch.ones(2)
    weights[third] = torch.ones(3, 1, 3)
    with pytest.raises(UnreadableNetworkError) as found:
        bring(weights)
    said = str(found.value)
    assert f"1 weight missing: {first}." in said.replace(";", ".")
    assert "1 weight unexpected: extra.weight" in said
    assert f"{third} (of 3 × 1 × 3, needed is 2 × 2 × 3 × 3)" in said
    assert second not in said
    assert not (tmp_path / "out").exists()


def test_many_faults_are_cut_short(bring):
    with pytest.raises(UnreadableNetworkError, match=r"and 9 more; 1 weight unex"):
        bring({"a": torch.ones(1)})


def test_batch_norm_needs_no_counters(bring):
    said = {
        "architecture": "pytorch3dunet.UNet2D",
        "arguments": {
            "in_channels": 1,
            "out_channels": 1,
            "f_maps": [2, 4],
            "layer_order": "bcr",
        },
    }
    torch.manual_seed(0)
    module = make(said["architecture"], said["arguments"])
    weights = {
        k: w for k, w in module.state_dict().items() if "num_batches_tracked" not in k
    }
    assert len(weights) < len(module.state_dict())
    network = bring(weights, **said).network
    assert np.array_equal(network.predict(IMAGE), output(module))


@pytest.mark.parametrize("saved", ["bcr", "cr"])
def test_another_norm_than_that_of_the_training_is_told(bring, saved):
    name, sizes = "pytorch3dunet.UNet2D", {"in_channels": 1, "out_channels": 1}
    sizes["f_maps"] = [2, 4]
    weights = make(name, {**sizes, "layer_order": saved}).state_dict()
    other = {"bcr": "cr", "cr": "bcr"}[saved]
    words = {
        "bcr": "the weights hold running means, as batch norm has: set the norm to b",
        "cr": "the weights lack running means, as batch norm has: set the norm to the",
    }
    with pytest.raises(UnreadableNetworkError, match=words[saved]):
        bring(weights, architecture=name, arguments={**sizes, "layer_order": other})
    with pytest.raises(UnreadableNetworkError) as caught:
        bring({"a": torch.ones(1)})
    assert "running means" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"architecture": "mine.Net"}, "'mine.Net' is not known; known are monai.UNet"),
        ({"arguments": {"in_channels": 1}}, "cannot be made with the arguments"),
        ({"extra": 1}, "does not describe an architecture"),
        ({"outputs": [{"kind": "boundary"}]}, "gives 2 channels, 1 are named"),
        ({"postprocessing": [{"id": "scale_range"}]}, "looks at the whole image"),
        (
            {"postprocessing": [{"id": "sigmoidal"}]},
            r"'sigmoidal' of 'postprocessing in c\.yaml' is not known, did you mean "
            r"sigmoid\?; known are",
        ),
        ({"architecture": "monai.Unet"}, r"not known, did you mean monai\.UNet\?"),
    ],
)
def test_wrong_configs_are_refused(bring, said, words):
    with pytest.raises(UnreadableNetworkError, match=words):
        bring(unet().state_dict(), **said)


def test_weights_that_are_no_numbers_are_refused(bring):
    weights = unet().state_dict()
    next(iter(weights.values()))[0] = float("nan")
    with pytest.raises(
        UnreadableNetworkError, match=r"\d+ of \d+ values of .* are NaN"
    ):
        bring(weights)


def test_what_is_saved_beside_weights_is_named(bring):
    weights = {"state_dict": unet().state_dict(), "score": np.float64(0.5)}
    with pytest.raises(
        UnreadableNetworkError, match=r"\('numpy\.[\w.]+scalar'\); such"
    ):
        bring(weights)


def test_a_file_of_something_else_is_no_weights(tmp_path):
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(CONFIG))
    with pytest.raises(UnreadableNetworkError, match=r"c\.yaml is no file of weights"):
        import_network(tmp_path / "c.yaml", tmp_path / "c.yaml", tmp_path / "m")


def test_files_in_the_wrong_order_are_named(tmp_path):
    save_file(unet().state_dict(), tmp_path / "w.safetensors")
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(CONFIG))
    files = [tmp_path / name for name in ("c.yaml", "w.safetensors", "m.safetensors")]
    with pytest.raises(UnreadableNetworkError, match="weights come first, then the"):
        import_network(*files)


def test_weights_alone_are_refused_with_the_way_out(tmp_path):
    save_file(unet().state_dict(), tmp_path / "w.safetensors")
    torch.save(unet().state_dict(), tmp_path / "w.pt")
    for name in ("w.safetensors", "w.pt"):
        with pytest.raises(UnreadableNetworkError, match="run shiftseg import WEIGHTS"):
            open_network(tmp_path / name)


def test_our_own_models_have_another_door(tmp_path):
    path = save_model(new_model(depth=1, features=2), tmp_path / "m.safetensors")
    with pytest.raises(UnreadableNetworkError, match="load it with load_model"):
        open_network(path)


def test_the_header_is_plain_json(bring):
    done = bring(unet().state_dict())
    content = done.path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    said = json.loads(header["__metadata__"]["napari_shiftseg_architecture"])
    assert (said["architecture"], said["arguments"]) == ("funlib.UNet", ARGUMENTS)


def test_kaiming_weights_in_float64(bring):
    network = bring(unet().state_dict()).network
    first, again, other = (network.reinitialised(seed) for seed in (1, 1, 2))
    made = first.predict(IMAGE)
    assert made.dtype == np.float64
    assert np.array_equal(made, again.predict(IMAGE))
    assert not np.allclose(made, other.predict(IMAGE))
    assert 0.1 < made.std() < 10
