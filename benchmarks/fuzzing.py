"""Damaged and crafted files at the command line: what it says, and how long it takes.

    python benchmarks/fuzzing.py --models 200 --edits 120 --images 50 --seed 0

Each file is a good one that was changed at random. Right is an ordinary result or one
line that says why not (status 2), in at most 10 s. A fault of the program (status 70),
more than one line where there is no result, or a longer time is counted as wrong, its
file kept.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from io import BytesIO, StringIO
from pathlib import Path
from random import Random
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import tifffile
from safetensors.numpy import save

from napari_shiftseg.cli.entry import BAD_INPUT, status_of
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.networks.config import Provenance
from napari_shiftseg.networks.header import CONFIG_KEY
from napari_shiftseg.networks.unet import build, new_model, save_model
from napari_shiftseg.networks.unet_config import ModelConfig, work_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_shiftseg.networks.unet import UNet

LONGEST = 10.0  # seconds of the processor
MOST_WORK = 10**9  # products for a tile: more is slow, which is not to hang
SIZE = 32  # pixels of the image
ODD: list[Any] = [
    None, True, -1, 0, 1, 3, 10**5, 10**9, 2**31, 2**63, 10**30, -(10**9), 0.5, 1e-300,
    1e308, float("nan"), float("inf"), "", "x", "n" * 10**5, "\x1b[31m\u202e", [], {},
    [[]], [1], [1, 2, 3], [[2, 2]] * 30, [10**7, 10**7], {"a": 1}, ["merge"], "valid",
    "same", "batch", "none", "component", "flat", "\ud800",
]  # fmt: skip
EDITS = {
    "version": 1,
    "edits": [
        {"kind": "merge", "points": [[8, 8], [20, 20]], "frame": []},
        {"kind": "split", "seeds": [[[7, 7], [8, 8]], [[12, 12]]], "frame": []},
        {"kind": "delete", "points": [[20, 20]], "frame": []},
        {"kind": "redraw", "points": [[8, 8]], "frame": []},
        {"kind": "grow", "point": [15, 15], "new": True, "frame": []},
        {
            "kind": "paint", "corner": [2, 2], "shape": [3, 3],
            "runs": [[1, 2], [5, 3]], "to": "new", "number": 7, "frame": [],
        },
    ],
    "clustering": {"bandwidth": 2.0, "kernel": "gaussian", "min_size": 3},
    "model": "",
    "image": "cells",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What a command made of a file."""

    file: Path
    command: str
    status: int
    said: str
    seconds: float

    @property
    def fault(self) -> str:
        """What is wrong with it; empty if nothing is."""
        if self.status not in (0, BAD_INPUT):
            return f"status {self.status}: {self.said}"
        if self.seconds > LONGEST:
            return f"{self.seconds:.1f} s"
        lines = self.said.splitlines()
        last = lines[-1:] if self.status else []
        if self.status and not (last and last[0].startswith("shiftseg: ")):
            return f"no reason is given: {self.said!r}"
        if "Traceback" in self.said or any(len(line) > 2000 for line in lines):
            return f"not readable: {self.said[:300]!r}"
        return ""


class Material:
    """Good files, and a folder for damaged ones.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.image = folder / "cells.tif"
        y, x = np.mgrid[:SIZE, :SIZE]
        blobs = sum(np.exp(-((y - c) ** 2 + (x - c) ** 2) / 12) for c in (8, 20))
        self.pixels = (1000 * blobs + 100).astype(np.uint16)
        tifffile.imwrite(self.image, self.pixels)
        network = new_model(
            depth=1, features=2, foreground=True, intensity="range", name="tiny",
            clustering=Clustering(bandwidth=100.0),
            provenance=Provenance(
                command="shiftseg train", window=(20, 20), seed=0, steps=10,
                loss={"name": "discriminative"}, data="none", date="2026-01-01",
                versions={"torch": "2"},
            ),
        )  # fmt: skip
        self.model = save_model(network, folder / "tiny.safetensors")
        self.config = json.loads(network.config.model_dump_json())
        self.weights = {n: w.numpy() for n, w in network.state_dict().items()}


def models(good: Material, number: int, random: Random) -> Iterator[Path]:
    """Write damaged and crafted models, one after the other."""
    for index in range(number):
        path = good.folder / f"model-{index}.safetensors"
        kind = random.choice(
            ["sound", "config", "config", "weights", "header", "bytes"]
        )
        if kind == "sound":
            save_model(_unusual(random), path)
        elif kind == "config":
            config = changed(good.config, random)
            path.write_bytes(save(good.weights, {CONFIG_KEY: _json(config)}))
        elif kind == "weights":
            weights = _other_weights(good.weights, random)
            path.write_bytes(save(weights, {CONFIG_KEY: _json(good.config)}))
        elif kind == "header":
            path.write_bytes(_other_header(good.model.read_bytes(), random))
        else:
            path.write_bytes(damaged(good.model.read_bytes(), random))
        yield path


def _unusual(random: Random) -> UNet:
    """Return a network that can be, but that nobody would train."""
    while True:
        depth = random.randint(0, 9)
        options = {
            "ndim": random.randint(1, 3), "depth": depth or 1,
            "pooling_factor": random.choice([1, 2, 3, 7, 60, 500]) if depth else 1,
            "kernel_size": random.choice([1, 3, 5, 9, 15]), "features": 1,
            "convolutions": random.choice([1, 2, 8]), "growth": 1,
            "in_channels": random.choice([1, 1, 1, 2, 9]),
            "embedding_channels": random.choice([1, 2, 3, 500]),
            "foreground": random.random() < 0.5,
            "padding": random.choice(["valid", "same"]),
            "upsampling": random.choice(["learnt", "nearest"]),
            "normalization": random.choice(["none", "batch"]),
            "intensity": random.choice(["as-is", "range", "percentile"]),
            "clustering": Clustering(bandwidth=10.0 ** random.randint(-9, 9)),
        }  # fmt: skip
        try:
            config = ModelConfig.new(**options)
        except ValueError:  # beyond the bounds
            continue
        if work_of(config) < MOST_WORK:
            return build(config)


def edits(good: Material, number: int, random: Random) -> Iterator[Path]:
    """Write damaged and crafted files of edits, one after the other."""
    for index in range(number):
        path = good.folder / f"edits-{index}.json"
        text = _json(changed(EDITS, random))
        kind = random.choice(["value", "value", "value", "deep", "long", "bytes"])
        if kind == "deep":
            depth = random.choice([50, 900, 10**5])
            text = text.replace("[]", "[" * depth + "]" * depth, 1)
        elif kind == "long":
            text = text.replace("8", "8" * random.choice([30, 4000, 5000]), 1)
        content = text.encode("utf-8", "surrogatepass")
        path.write_bytes(damaged(content, random) if kind == "bytes" else content)
        yield path


def images(good: Material, number: int, random: Random) -> Iterator[Path]:
    """Write damaged TIFF files of many kinds, one after the other."""
    options: list[dict[str, Any]] = [
        {}, {"compression": "zlib"}, {"compression": "lzw"}, {"imagej": True},
        {"ome": True}, {"bigtiff": True}, {"tile": (16, 16)}, {"predictor": True,
        "compression": "zlib"}, {"byteorder": ">"},
    ]  # fmt: skip
    for index in range(number):
        path = good.folder / f"image-{index}.tif"
        pixels = np.stack([good.pixels] * random.choice([1, 3]))
        file = BytesIO()
        tifffile.imwrite(file, pixels.squeeze(), **random.choice(options))
        path.write_bytes(damaged(file.getvalue(), random))
        yield path


def changed(known: Any, random: Random) -> Any:
    """Return plain values of which one, two or three are others, gone or new."""
    copy = deepcopy(known)
    for _ in range(random.randint(1, 3)):
        places = list(_places(copy))
        if not places:
            break
        owner, key = random.choice(places)
        act = random.choice(["odd", "odd", "near", "near", "near", "gone", "new"])
        if act == "gone":
            del owner[key]
        elif act == "new" and isinstance(owner, dict):
            owner[random.choice(["extra", "n" * 5000, "\x1b[1m"])] = deepcopy(
                random.choice(ODD)
            )
        elif act == "near":
            owner[key] = _near(owner[key], random)
        else:
            owner[key] = deepcopy(random.choice(ODD))
    return copy


def _near(value: Any, random: Random) -> Any:
    """Return another value of the kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.randint(0, 2 * value + 3)
    if isinstance(value, float):
        return value * 10.0 ** random.randint(-3, 3)
    return [*value, *value[-1:]] if isinstance(value, list) else value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = value if isinstance(value, dict) else range(len(value))
    for key in list(keys):
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])


def _json(value: Any) -> str:
    return json.dumps(value)


def damaged(content: bytes, random: Random) -> bytes:
    """Return bytes cut short, flipped, repeated, or others altogether."""
    kind = random.choice(["cut", "flip", "flip", "zeros", "twice", "empty", "random"])
    at = random.randrange(len(content))
    if kind == "cut":
        return content[:at]
    if kind == "flip":
        many = bytearray(content)
        for _ in range(random.choice([1, 3, 30])):
            place = random.choice([random.randrange(len(many)), random.randrange(200)])
            many[place % len(many)] = random.randrange(256)
        return bytes(many)
    if kind == "zeros":
        return content[:at] + bytes(len(content) - at)
    if kind == "twice":
        return content[:at] + content
    return b"" if kind == "empty" else random.randbytes(random.randrange(400))


def _other_weights(
    weights: dict[str, np.ndarray], random: Random
) -> dict[str, np.ndarray]:
    name = random.choice(list(weights))
    value = weights[name]
    others: list[Any] = [
        None, value[..., None], value[:0], value.astype(np.float64) * 1e300,
        np.full_like(value, np.nan), np.full_like(value, np.inf), value * 1e30,
        value.astype(np.int8), value.astype(bool), value.astype(np.complex64),
        value * 0, np.float32(3), np.zeros((10**6,), np.float32),
    ]  # fmt: skip
    other = random.choice(others)
    kept = {n: w for n, w in weights.items() if n != name or other is not None}
    new = random.choice([name, name, name, "x" * 10**5, "\x1b[31m", ""])
    return kept | ({} if other is None else {new: np.asarray(other)})


def _other_header(content: bytes, random: Random) -> bytes:
    """Change what the header says of the tensors, and the length it gives itself."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header = changed(header, random)
    text = _json(header).encode("utf-8", "surrogatepass")
    stated = random.choice([len(text)] * 4 + [0, 1, 10**8, 2**63, len(text) + 9])
    return stated.to_bytes(8, "little") + text + content[8 + length :]


def run(file: Path, arguments: Sequence[object]) -> Outcome:
    """Run a command in this process."""
    said, printed, began = StringIO(), StringIO(), process_time()
    with redirect_stderr(said), redirect_stdout(printed):
        status = status_of([str(argument) for argument in arguments])
    seconds = process_time() - began
    return Outcome(file, str(arguments[0]), status, said.getvalue(), seconds)


def outcomes(
    folder: Path, numbers: tuple[int, int, int], seed: int
) -> Iterator[Outcome]:
    """Try so many models, files of edits and images.

    Parameters
    ----------
    folder : Path
        For the files.
    numbers : tuple of int
        Of models, files of edits and images.
    seed : int
    """
    good, random = Material(folder), Random(seed)
    out = ("-o", folder / "out", "--device", "cpu", "--window", 16)
    run(good.model, ["segment", good.image, "-m", good.model, *out])  # imports
    for path in models(good, numbers[0], random):
        yield run(path, ["inspect", path])
        yield run(path, ["export", path, "-o", folder / "out"])
        yield run(path, ["segment", good.image, "-m", path, *out])
    for path in edits(good, numbers[1], random):
        more = ("--edits", path, "-m", good.model)
        yield run(path, ["mend", good.image, *more, *out])
    for path in images(good, numbers[2], random):
        yield run(path, ["segment", path, "-m", good.model, *out])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    for name, usual in (("models", 200), ("edits", 120), ("images", 50), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=usual)
    asked = parser.parse_args()
    numbers = (asked.models, asked.edits, asked.images)
    tried, refused, longest, wrong = 0, 0, 0.0, 0
    folder = Path(tempfile.mkdtemp(prefix="fuzzing-"))
    for outcome in outcomes(folder, numbers, asked.seed):
        tried += 1
        refused += outcome.status == BAD_INPUT
        longest = max(longest, outcome.seconds)
        if outcome.fault:
            wrong += 1
            print(f"{outcome.file} {outcome.command}: {outcome.fault}")
    if not wrong:
        shutil.rmtree(folder)
    print(
        f"{tried} runs, {refused} refused in one line, {wrong} wrong, the longest took "
        f"{longest:.1f} s"
    )
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
