"""A network made elsewhere, to score beside ours: a package of BioImage.IO, in ONNX.

What it needs beyond the program is onnxruntime: ``pip install onnxruntime``.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import yaml
from numpy.lib.stride_tricks import sliding_window_view
from scipy.special import expit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray
    from onnxruntime import InferenceSession

DESCRIPTION = "bioimageio.yaml"
VERSION = "0.5"
STEPS = {"inputs": [["zero_mean_unit_variance"]], "outputs": [["sigmoid"]]}
ADDED = 1e-6  # to the standard deviation, as the description's format has it
MARGIN = 64  # pixels about what is kept of a tile; a multiple of 8, the usual period
KEPT = (slice(MARGIN, -MARGIN),) * 2
SIZE = 512  # of a tile, where the network takes any
UNREADABLE = (
    yaml.YAMLError, UnicodeDecodeError, LookupError, TypeError, AttributeError,
)  # fmt: skip
TOLERANCE = 1e-4  # of a probability, against the package's own test tensors


@dataclass(frozen=True)
class Peer:
    """A network that gives the probability of foreground, pixel by pixel."""

    name: str
    session: InferenceSession
    size: tuple[int, int]  # of a tile

    def foreground(self, image: ArrayLike) -> NDArray[np.floating]:
        """Return the probability of foreground, (y, x) as the image.

        The image is mirrored at its border, and read in tiles of which 64 pixels along
        each side are dropped: a network that reads no further, of a period of 8 or a
        part of it, gives what one pass of the whole image would give.

        Raises
        ------
        ValueError
            If the image is not of one plane and one channel.
        """
        pixels = np.asarray(image, dtype=np.float32)
        if pixels.ndim != 2:
            raise ValueError(
                f"{self.name} reads one plane of one channel (y, x), got the shape "
                f"{pixels.shape}: leave this image out"
            )
        strides = [size - 2 * MARGIN for size in self.size]
        widths = [
            (MARGIN, MARGIN + -length % stride)
            for length, stride in zip(pixels.shape, strides, strict=True)
        ]
        padded = np.pad(normalised(pixels), widths, mode="reflect")
        along, across = strides
        tiles = sliding_window_view(padded, self.size)[::along, ::across]
        found = np.block([[self.pass_of(tile)[KEPT] for tile in row] for row in tiles])
        return found[tuple(map(slice, pixels.shape))]

    def pass_of(self, tile: NDArray[np.floating]) -> NDArray[np.floating]:
        """Run the network on a normalised tile, (y, x)."""
        names = [port.name for port in self.session.get_inputs()]
        (logits,) = self.session.run(None, {names[0]: tile[None, None]})
        return expit(logits[0, 0])


def normalised(image: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the image with mean 0 and variance 1."""
    pixels = image.astype(np.float64)
    scaled = (pixels - pixels.mean()) / (pixels.std() + ADDED)
    return scaled.astype(np.float32)


def read_peer(folder: Path) -> Peer:
    """Read a package, and hold the network against its own test tensors.

    Parameters
    ----------
    folder : Path
        Holds ``bioimageio.yaml`` (format 0.5) and what it names: ONNX weights and test
        tensors. The network has one input of one channel, brought to mean 0 and
        variance 1, and one output, the logit of the foreground.

    Raises
    ------
    FileNotFoundError
        If one of its files is not there.
    ModuleNotFoundError
        If onnxruntime is not installed.
    ValueError
        If it is another kind of network, a file is damaged, or the network does not
        give what its test tensors say.
    """
    about = _described(folder)
    weights = _file_of(folder, about["weights"]["onnx"])
    session = _session(weights)
    peer = Peer(folder.resolve().name, session, _size(session))
    tensors = [
        np.load(_file_of(folder, about[key][0]["test_tensor"]), allow_pickle=False)
        for key in STEPS
    ]
    _check(peer, *tensors)
    return peer


def _described(folder: Path) -> dict[str, Any]:
    """Read the description; refused if it is not of such a network."""
    path = folder / DESCRIPTION
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no {path}: --peer takes a package folder of BioImage.IO"
        )
    try:
        about = yaml.safe_load(path.read_text(encoding="utf-8"))
        version = str(about["format_version"])
        steps = {key: [_steps(tensor) for tensor in about[key]] for key in STEPS}
        known = [name for name, of in about["weights"].items() if of["source"]]
        for key in STEPS:
            about[key][0]["test_tensor"]["source"]
    except UNREADABLE as error:
        raise ValueError(
            f"{path} is no description of a model that can be read "
            f"({type(error).__name__}: {error}): get the package anew"
        ) from None
    if version.rpartition(".")[0] != VERSION:
        raise ValueError(f"{path} has the format {version}: {VERSION} is read")
    if "onnx" not in known:
        raise ValueError(f"{path} names no ONNX weights: it has {', '.join(known)}")
    if steps != STEPS:
        raise ValueError(
            f"{path} has the steps {steps}: it must have one input that is brought to "
            f"mean 0 and variance 1, and one output that goes through a sigmoid"
        )
    return about


def _steps(tensor: dict[str, Any]) -> list[str]:
    """Return what is done to a tensor, but for its kind of numbers."""
    steps = [*tensor.get("preprocessing", ()), *tensor.get("postprocessing", ())]
    return [step["id"] for step in steps if step["id"] != "ensure_dtype"]


def _file_of(folder: Path, named: dict[str, str]) -> Path:
    """Return a file of the package, whole as its sum says."""
    path = folder / named["source"]
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}, which {DESCRIPTION} names")
    known = named.get("sha256")
    if known and sha256(path.read_bytes()).hexdigest() != known:
        raise ValueError(f"{path} is not the file of its package: get it anew")
    return path


def _session(weights: Path) -> InferenceSession:
    """Open the weights, for as many threads as torch has."""
    try:
        import onnxruntime
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "--peer needs onnxruntime: pip install onnxruntime"
        ) from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(
        str(weights), options, providers=["CPUExecutionProvider"]
    )


def _size(session: InferenceSession) -> tuple[int, ...]:
    """Return the size of its tiles, (y, x)."""
    shape = session.get_inputs()[0].shape
    size = tuple(n if isinstance(n, int) else SIZE for n in shape[-2:])
    if len(shape) != 4 or min(size) <= 2 * MARGIN:
        raise ValueError(
            f"the network reads {shape}: it must read one channel of planes of more "
            f"than {2 * MARGIN} pixels, (1, 1, y, x)"
        )
    return size


def _check(peer: Peer, given: NDArray[Any], expected: NDArray[Any]) -> None:
    """Hold one pass against the test tensors, (1, 1, y, x)."""
    for name, tensor in (("input", given), ("output", expected)):
        if tensor.ndim != 4 or tensor.shape[:2] != (1, 1):
            raise ValueError(
                f"the test {name} of {peer.name} has the shape {tensor.shape}: one "
                f"channel is read, (1, 1, y, x)"
            )
    found = peer.pass_of(normalised(given[0, 0]))
    error = float(np.abs(found - expected[0, 0]).max())
    if not error <= TOLERANCE:
        raise ValueError(
            f"{peer.name} is {error:.2g} off its own test output, {TOLERANCE:g} is "
            f"allowed: its description is read wrongly, or the package is damaged"
        )
