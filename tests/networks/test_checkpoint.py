"""A model file comes back as it was, or is refused; it never runs code."""

from __future__ import annotations

import json
import os
import pickle
import re
import stat

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks import unet as checkpoint
from napari_shiftseg.networks.header import (
    CONFIG_KEY,
    CheckpointError,
    bundled_models,
    find_model,
    read_unet_config,
)
from napari_shiftseg.networks.unet import (
    UNet,
    copy_model,
    load_unet,
    new_model,
    save_model,
)
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.stores import whole_file

pytestmark = pytest.mark.usefixtures("one_thread")

TINY = {"ndim": 1, "depth": 1, "features": 2}


@pytest.fixture
def model() -> UNet:
    return new_model(**TINY, name="tiny")


@pytest.fixture
def path(model, tmp_path):
    return save_model(model, tmp_path / "tiny.safetensors")


@pytest.mark.parametrize(
    "options",
    [
        TINY,
        {"ndim": 2, "depth": 2, "features": 3, "foreground": True, "in_channels": 2},
        {"ndim": 3, "depth": (1, 2, 2), "features": 2, "upsampling": "nearest"},
        {"ndim": 2, "depth": 1, "features": 2, "padding": "same"},
        {"ndim": 2, "depth": 1, "features": 2, "normalization": "batch"},
    ],
)
def test_a_model_comes_back_as_it_was(options, tmp_path):
    model = new_model(
        **options,
        seed=3,
        name="back",
        clustering=Clustering(bandwidth=0.3, background_embedding=(1.0, 2.0, 3.0)),
    )
    for name, buffer in model.named_buffers():  # as if batch norm had seen images
        buffer.fill_(7 if "num" in name else 0.5)
    back = load_unet(save_model(model, tmp_path / "model.safetensors"))

    assert back.config == model.config
    assert back.shape == model.shape
    assert not back.training
    before, after = model.state_dict(), back.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    size = [axis.legal_inputs(1)[0] for axis in model.shape.axes]
    image = torch.rand(1, model.config.in_channels, *size)
    assert torch.equal(model(image), back(image))


def test_a_loaded_model_can_be_trained(path):
    model = load_unet(path)
    model(torch.rand(1, 1, 20)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_loading_leaves_the_random_numbers_of_the_user_alone(path):
    before = torch.random.get_rng_state()
    load_unet(path)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_loaded_model_does_not_lean_on_its_file(model, path):
    back = load_unet(path)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.parameters(), back.parameters(), strict=True)
    )


def test_a_copy_has_the_same_weights_to_the_bit(tmp_path):
    model = new_model(**TINY, normalization="batch")
    source = save_model(model, tmp_path / "a.safetensors", torch.float16)
    config = model.config.model_copy(update={"name": "other"})
    for path, expected in (
        (copy_model(source, tmp_path / "new" / "b.safetensors"), model.config),
        (copy_model(source, tmp_path / "c.safetensors", config), config),
    ):
        assert read_unet_config(path) == expected
        before, after = load_file(source), load_file(path)
        assert {n: w.dtype for n, w in before.items()} == {
            n: w.dtype for n, w in after.items()
        }
        assert all(torch.equal(w, after[n]) for n, w in before.items())
    assert torch.float16 in {w.dtype for w in after.values()}


def test_what_is_no_model_is_not_copied(tmp_path, path):
    with pytest.raises(FileNotFoundError, match="no model 'stars'"):
        copy_model("stars", tmp_path / "b.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError):
        copy_model(path, tmp_path / "b.safetensors")
    assert not (tmp_path / "b.safetensors").exists()


def test_half_precision_halves_the_file_and_rounds_the_weights(tmp_path):
    model = new_model(depth=2, features=8)
    full = save_model(model, tmp_path / "full.safetensors")
    half = save_model(model, tmp_path / "half.safetensors", torch.float16)
    back = load_unet(half)

    assert half.stat().st_size < 0.6 * full.stat().st_size
    assert {w.dtype for w in load_file(half).values()} == {torch.float16}
    for before, after in zip(model.parameters(), back.parameters(), strict=True):
        assert after.dtype == torch.float32
        assert torch.equal(after, before.half().float())
    assert not torch.equal(back.head.weight, model.head.weight)


def test_half_precision_leaves_whole_numbers_alone(tmp_path):
    model = new_model(**TINY, normalization="batch")
    model.down[0][1].num_batches_tracked.fill_(100_001)
    path = save_model(model, tmp_path / "m.safetensors", torch.float16)
    assert load_unet(path).down[0][1].num_batches_tracked == 100_001


def test_weights_too_large_for_half_precision_stay_as_they_are(tmp_path):
    model = new_model(depth=1, features=2, normalization="batch")
    with torch.no_grad():
        model.down[0][1].running_var[0] = 7e4
    path = save_model(model, tmp_path / "m.safetensors", torch.float16)

    known = load_file(path)
    assert known["down.0.1.running_var"].dtype == torch.float32
    assert known["down.0.0.weight"].dtype == torch.float16
    assert float(load_unet(path).down[0][1].running_var[0]) == 7e4


def test_what_is_bundled():
    assert list(bundled_models()) == ["disks", "disks-w16", "nuclei", "nuclei-3d"]
    clustering = read_unet_config("nuclei").clustering
    assert (clustering.scope, clustering.background_embedding) == ("component", None)


@pytest.mark.parametrize(
    ("name", "period"),
    [
        ("disks", (16, 16)),
        ("disks-w16", (16, 16)),
        ("nuclei", (16, 16)),
        ("nuclei-3d", (4, 4, 4)),
    ],
)
def test_bundled_models_load_by_name(name, period):
    model = load_unet(name)

    assert name in bundled_models()
    assert model.config == read_unet_config(name)
    assert model.shape.period == period
    assert model.config.provenance is not None
    assert find_model(name).stat().st_size < 9e6


def test_an_unknown_name_lists_the_bundled_models(tmp_path):
    for read in (load_unet, read_unet_config):
        for source in ("dsks", tmp_path / "none.safetensors"):
            with pytest.raises(FileNotFoundError, match=r"neither.*disks, disks-w16"):
                read(source)
        with pytest.raises(FileNotFoundError, match="holds no description of a model"):
            read(tmp_path)


def test_files_of_any_header_length_load(model, tmp_path):
    # a length of 128 (mod 256) begins with the byte a pickle begins with
    starts = set()
    for length in range(0, 260, 8):
        model.config = model.config.model_copy(update={"description": "x" * length})
        path = save_model(model, tmp_path / "m.safetensors")
        starts.add(path.read_bytes()[:1])
        assert len(load_unet(path).config.description) == length
    assert b"\x80" in starts


def test_a_truncated_file_is_refused_at_any_length(path):
    whole = path.read_bytes()
    lengths = {*range(40), *range(40, len(whole), 97), len(whole) - 1}
    for length in sorted(lengths):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="no model file, or it is truncated"):
            load_unet(path)
    path.write_bytes(whole)
    load_unet(path)


@given(st.binary(max_size=300))
@example(b"")
@example(b"\0" * 64)
@example(b"\xff" * 64)
@example(b"\x02" + b"\0" * 7 + b"{}")
@example(b"\x0d" + b"\0" * 7 + b'{"a":{"b":1}}')
@settings(deadline=None, max_examples=60)
def test_random_bytes_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("random") / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError):
        load_unet(path)


@pytest.mark.parametrize(
    "text", ["", "Not a model.\n" * 50, '{"config": {}}', "<html>404</html>"]
)
def test_text_is_refused(tmp_path, text):
    path = tmp_path / "m.safetensors"
    path.write_text(text)
    with pytest.raises(CheckpointError, match=r"m\.safetensors is no model file"):
        load_unet(path)


def test_a_flipped_byte_of_the_header_is_refused_or_harmless(path, model):
    whole = path.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    refused = 0
    for at in range(0, header, 13):
        flipped = bytearray(whole)
        flipped[at] ^= 0x15
        path.write_bytes(flipped)
        try:
            back = load_unet(path)
        except CheckpointError:
            refused += 1
        else:  # a letter of a name or of a text
            assert back.shape == model.shape
    assert refused > 50


class Payload:
    """Unpickled, it writes a file."""

    def __init__(self, marker) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "marker"


def pickled(marker, protocol):
    return pickle.dumps(Payload(marker), protocol=protocol)


def test_the_payload_of_these_tests_works(marker):
    pickle.loads(pickled(marker, 2))
    assert marker.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_not_run(tmp_path, marker, protocol):
    path = tmp_path / "m.safetensors"
    path.write_bytes(pickled(marker, protocol))
    message = "is a pickle.*not opened" if protocol > 1 else "is no model file"
    for read in (load_unet, read_unet_config):
        with pytest.raises(CheckpointError, match=message):
            read(path)
    assert not marker.exists()


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_of_torch_save_is_not_run(tmp_path, marker, zipped, suffix):
    path = tmp_path / f"m{suffix}"
    torch.save({"state": Payload(marker)}, path, _use_new_zipfile_serialization=zipped)
    for read in (load_unet, read_unet_config):
        with pytest.raises(CheckpointError, match=r"is a pickle.*save_model"):
            read(path)
    assert not marker.exists()


def rewritten(path, weights=None, **metadata):
    """Write the weights of this file again, with other ones or other metadata."""
    weights = {**load_file(path), **(weights or {})}
    save_file({k: v for k, v in weights.items() if v is not None}, path, metadata)
    return path


def test_weights_without_our_config_are_refused(path):
    rewritten(path, format="pt")
    with pytest.raises(CheckpointError, match=r"no napari-shiftseg config.*unknown"):
        load_unet(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the config cannot be read"),
        ("null", "the config cannot be read"),
        ("[]", "the config cannot be read"),
        ("{", "the config cannot be read"),
        ("{}", r"the config cannot be read \(pooling_factors: Field required\)"),
        ('{"pooling_factors": [[2]], "kernel_size": [4], "ndim": 1}', "odd, got 4"),
    ],
)
def test_a_damaged_config_is_refused(path, text, message):
    rewritten(path, **{CONFIG_KEY: text})
    for read in (load_unet, read_unet_config):
        with pytest.raises(CheckpointError, match=message):
            read(path)


def test_a_config_of_another_version_is_refused(path, model):
    config = {**json.loads(model.config.model_dump_json()), "attention": True}
    rewritten(path, **{CONFIG_KEY: json.dumps(config)})
    with pytest.raises(CheckpointError, match=r"attention.*another version"):
        load_unet(path)


@pytest.mark.parametrize(
    "weights",
    [
        {"head.weight": None},
        {"head.extra": torch.zeros(3)},
        {"head.weight": torch.zeros(3, 2, 2)},
        {"head.bias": torch.zeros(3, dtype=torch.float64)},
    ],
    ids=["missing", "extra", "size", "dtype"],
)
def test_weights_that_do_not_fit_are_refused(path, model, weights):
    rewritten(path, weights, **{CONFIG_KEY: model.config.model_dump_json()})
    if weights.get("head.bias") is not None:  # stored in another precision: read
        assert load_unet(path).head.bias.dtype == torch.float32
        return
    name = next(iter(weights))
    with pytest.raises(CheckpointError, match=f"weights do not fit.*{name}"):
        load_unet(path)


@pytest.mark.parametrize(
    "options",
    [
        {"features": 3},
        {"features": 500, "depth": 4},  # gigabytes, if they were made first
        {"depth": 2},
        {"depth": 7},
        {"ndim": 2},
        {"embedding_channels": 4},
        {"normalization": "batch"},
        {"upsampling": "nearest"},
    ],
    ids=str,
)
def test_a_config_that_is_not_of_these_weights_is_refused(path, options):
    other = ModelConfig.new(**{**TINY, **options})
    rewritten(path, **{CONFIG_KEY: other.model_dump_json()})
    with pytest.raises(CheckpointError, match="the weights do not fit the config"):
        load_unet(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"convolutions": 10**5}, "convolutions must be at most 8, got 100000: more"),
        ({"pooling_factors": [[2]] * 20_000}, "pooling levels must be at most 16"),
        ({"pooling_factors": [[10**7]]}, "factor must be at most 1,024, got 10000000"),
        ({"pooling_factors": [[2]] * 9}, "context must be at most 2,048, got 6136"),
        ({"pooling_factors": [[2]] * 12}, "period must be at most 1,024, got 4096"),
        ({"kernel_size": [10**9 + 1]}, "kernel_size must be at most 15"),
        ({"features": 10**9}, "features must be at most 65,536, got 1000000000"),
        ({"features": 65_536, "growth": 16}, "weights must be at most 1,000,000,000"),
        ({"name": "n" * 10**6}, "name: String should have at most 255"),
        (
            {"clustering": {"bandwidth": 1e-300}},
            "must be at least 1e-09, got 1e-300",
        ),
        ({"clustering": {"min_size": 10**30}}, "min_size: Input should be less"),
        ({"clustering": {"background_embedding": [1, 1, 1e200]}}, "should be less"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_would_hang_or_exhaust_the_program_is_refused(path, model, change, said):
    config = {**json.loads(model.config.model_dump_json()), **change}
    rewritten(path, **{CONFIG_KEY: json.dumps(config)})
    with pytest.raises(CheckpointError, match=re.escape(said)) as caught:
        load_unet(path)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("window", [[], [20, 20], [0], [-4], [10**9]])
def test_a_training_window_that_cannot_be_is_refused(path, model, window):
    trained = {
        "command": "", "window": window, "seed": 0, "steps": 1, "loss": {},
        "data": "", "date": "", "versions": {},
    }  # fmt: skip
    config = json.loads(model.config.model_dump_json())
    rewritten(path, **{CONFIG_KEY: json.dumps(config | {"provenance": trained})})
    with pytest.raises(CheckpointError, match="window"):
        load_unet(path)
    trained["window"] = [20]
    rewritten(path, **{CONFIG_KEY: json.dumps(config | {"provenance": trained})})
    assert load_unet(path).config.usual_window == (20,)


def test_numbers_that_json_does_not_have_are_refused(path, model):
    known = json.loads(model.config.model_dump_json())
    known["provenance"] = {
        "command": "", "window": [20], "seed": 0, "steps": 1, "data": "", "date": "",
        "loss": {"a": float("nan")}, "versions": {},
    }  # fmt: skip
    rewritten(path, **{CONFIG_KEY: json.dumps(known)})
    with pytest.raises(CheckpointError, match=r"provenance\.loss\.a"):
        read_unet_config(path)


def test_a_long_header_is_not_read(path):
    path.write_bytes((3 * 10**7).to_bytes(8, "little") + b" " * (3 * 10**7 + 1))
    with pytest.raises(CheckpointError, match="header of 30,000,000 bytes, at most"):
        read_unet_config(path)


def test_weights_that_are_not_finite_are_refused(path, model):
    bias = torch.tensor([0.0, float("nan"), 1.0])
    rewritten(path, {"head.bias": bias}, **{CONFIG_KEY: model.config.model_dump_json()})
    with pytest.raises(CheckpointError, match=r"1 of 3 values of head\.bias are NaN"):
        load_unet(path)


def test_what_steers_a_terminal_is_read_as_text(path, model):
    known = json.loads(model.config.model_dump_json())
    known |= {"name": "a\x1b[31m\nb\u202e", "description": "one\ntwo\x9b"}
    rewritten(path, **{CONFIG_KEY: json.dumps(known)})
    config = read_unet_config(path)
    assert config.name == "a\\x1b[31m\\x0ab\\u202e"
    assert config.description == "one\ntwo\\x9b"


def test_the_config_is_read_without_the_weights(path, model):
    assert read_unet_config(path) == model.config
    assert read_unet_config(str(path)) == model.config


def test_folders_are_made_and_the_path_is_returned(model, tmp_path):
    path = tmp_path / "a" / "b" / "m.safetensors"
    assert save_model(model, path) == path
    assert [f.name for f in path.parent.iterdir()] == ["m.safetensors"]


def test_others_may_read_what_the_umask_lets_them(model, tmp_path):
    before = os.umask(0o022)
    try:
        path = save_model(model, tmp_path / "m.safetensors")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_folder_that_cannot_be_made_is_an_os_error(model, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="file"):
        save_model(model, tmp_path / "file" / "m.safetensors")
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_folder_in_the_place_of_the_file_is_left_as_it_is(model, tmp_path):
    (tmp_path / "m.safetensors" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match=r"m\.safetensors"):
        save_model(model, tmp_path / "m.safetensors")
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["inside", "m.safetensors"]


def full_disk(*_):
    raise OSError(28, "No space left on device")


def test_an_old_file_survives_a_full_disk_and_nothing_is_left_over(path, monkeypatch):
    before = path.read_bytes()
    other = new_model(**TINY, seed=1)
    for home, name in ((checkpoint.Path, "write_bytes"), (whole_file.os, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(home, name, full_disk)
            with pytest.raises(OSError, match="No space left"):
                save_model(other, path)
        assert path.read_bytes() == before
        assert [f.name for f in path.parent.iterdir()] == [path.name]
    save_model(other, path)
    assert path.read_bytes() != before


def test_a_write_that_stops_half_way_leaves_the_old_file(path, monkeypatch):
    before = path.read_bytes()
    whole = checkpoint.Path.write_bytes

    def half(self, content):
        whole(self, content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.Path, "write_bytes", half)
    with pytest.raises(KeyboardInterrupt):
        save_model(new_model(**TINY, seed=1), path)
    assert path.read_bytes() == before
    assert [f.name for f in path.parent.iterdir()] == [path.name]


def test_the_file_is_plain_safetensors(path, model):
    with safe_open(path, framework="np") as file:
        assert set(file.keys()) == set(model.state_dict())
        config = json.loads(file.metadata()[CONFIG_KEY])
        head = file.get_tensor("head.weight")
    assert config["name"] == "tiny"
    np.testing.assert_array_equal(head, model.head.weight.detach().numpy())
