"""Files of torch: programs, which carry code, and weights, which do not."""

from __future__ import annotations

import copy
import logging
import re
import warnings
from contextlib import contextmanager
from io import BytesIO
from math import prod, sqrt
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors
from torch import Tensor, nn

from napari_shiftseg.networks.opening.bundle import Zip, is_zip
from napari_shiftseg.networks.opening.engine import SizeRefusedError, refuse_several
from napari_shiftseg.networks.opening.trust import (
    UnreadableNetworkError,
    said_by,
)
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

# what torch raises of files that are cut off, flipped or written by hand; pickle, too
UNREADABLE = (
    RuntimeError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError,
    OverflowError, AssertionError, ImportError, OSError, SafetensorError, MemoryError,
    UnicodeError, ArithmeticError, NotImplementedError, RecursionError,
)  # fmt: skip
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class TorchEngine:
    """Runs a network of torch on the CPU; see `Engine`.

    Parameters
    ----------
    module : nn.Module
    name : str
        For errors.
    is_readable : bool
        Whether its layers can be read; not those of a TorchScript program.
    input_size, output_size : tuple of int or None
        See `Engine`.
    """

    def __init__(
        self,
        module: nn.Module,
        name: str,
        is_readable: bool = True,
        input_size: tuple[int | None, ...] = (),
        output_size: tuple[int | None, ...] = (),
    ) -> None:
        self.module, self.name, self.is_readable = module, name, is_readable
        self.input_size, self.output_size = input_size, output_size
        weights = [w for w in module.parameters() if w.is_floating_point()]
        self.dtype = weights[0].dtype if weights else torch.float32

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return the output for an input; see `Engine`."""
        given = torch.from_numpy(np.ascontiguousarray(x)).to(self.dtype)
        try:
            with torch.inference_mode():
                made = self.module(given)
        except UNREADABLE as error:
            raise SizeRefusedError(
                f"{self.name} cannot read an input of {tuple(x.shape)} "
                f"({said_by(error)}): take another size"
            ) from None
        if isinstance(made, (tuple, list)) and len(made) == 1:
            (made,) = made
        if not isinstance(made, Tensor):
            number = len(made) if hasattr(made, "__len__") else 0
            refuse_several(self.name, 1, number)
        kept = made if made.dtype is torch.float64 else made.float()
        return kept.numpy()  # type: ignore[no-any-return]

    def graph(self) -> nn.Module | None:
        """Return the network, or None if it is a TorchScript program."""
        return self.module if self.is_readable else None

    def reinitialised(self, seed: int) -> TorchEngine | None:
        """Return it with Kaiming weights in float64; see `Engine`."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of gradients, which are not needed
                module = copy.deepcopy(self.module).double()
        except UNREADABLE:
            return None
        if not draw_weights(module, seed):
            return None
        return TorchEngine(
            module, self.name, self.is_readable, self.input_size, self.output_size
        )


def draw_weights(module: nn.Module, seed: int) -> bool:
    """Draw weights of convolutions anew; False if there are none.

    Variance 2 / fan-in (He et al., ICCV 2015) and biases 0. Batch norms become those of
    an untrained network: kept, they would scale what the new weights give by the
    statistics of the old ones, and hide the coarse levels. Weights that several layers
    share stay shared.

    Parameters
    ----------
    module : nn.Module
        Changed.
    seed : int
    """
    random = torch.Generator().manual_seed(seed)
    transposed = {
        id(layer.weight) for layer in module.modules() if isinstance(layer, TRANSPOSED)
    }
    drawn = False
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if weight.ndim >= 3:
                into = 0 if id(weight) in transposed else 1
                one = prod(weight.shape[2:]) if into else 1
                std = sqrt(2 / max(weight.shape[into] * one, 1))
                weight.copy_(
                    torch.randn(weight.shape, generator=random, dtype=weight.dtype)
                    * std
                )
                drawn = True
            elif name.endswith("bias"):
                weight.zero_()
        _reset_norms(module)
    return drawn


def _reset_norms(module: nn.Module) -> None:
    """Make batch norms those of an untrained network, known by their statistics."""
    tensors = dict([*module.named_parameters(), *module.named_buffers()])
    for name, tensor in tensors.items():
        layer = name.removesuffix("running_var")
        if layer != name:
            tensor.fill_(1)
            for other, value in (("running_mean", 0), ("weight", 1)):
                if (found := tensors.get(f"{layer}{other}")) is not None:
                    found.fill_(value)


def open_torchscript(content: bytes, name: str) -> TorchEngine:
    """Open a TorchScript program, which was trusted before.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for errors.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is deprecated
            module = torch.jit.load(BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
            return TorchEngine(module.float().eval(), name, is_readable=False)
    except UNREADABLE as error:
        raise damaged(name, "a TorchScript program", error) from None


def open_exported(content: bytes, name: str) -> TorchEngine:
    """Open a program of ``torch.export``, which was trusted before.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for errors.
    """
    try:
        with warnings.catch_warnings(), _quiet("torch.export"):
            warnings.simplefilter("ignore")
            program = torch.export.load(BytesIO(content))
            user = program.graph_signature.user_inputs
            made = program.graph_signature.user_outputs
            refuse_several(name, len(user), len(made))
            sizes = {
                node.name: tuple(
                    size if isinstance(size, int) else None
                    for size in node.meta["val"].shape
                )
                for node in program.graph.nodes
                if node.name in (user[0], made[0])
            }
            module = program.module()
    except UNREADABLE as error:
        if isinstance(error, UnreadableNetworkError):
            raise
        raise damaged(name, "a program of torch.export", error) from None
    return TorchEngine(module, name, True, sizes[user[0]], sizes[made[0]])


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    """Keep a logger from printing what is raised anyway."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def damaged(name: str, kind: str, error: Exception) -> UnreadableNetworkError:
    """Return an error of a file that torch cannot read.

    Parameters
    ----------
    name, kind : str
        Of the file.
    error : Exception
        Of torch.
    """
    return UnreadableNetworkError(
        f"{name} is {kind} that cannot be read ({said_by(error)}): get it again, or "
        f"save it again"
    )


def read_weights(content: bytes, name: str) -> dict[str, Any]:
    """Read weights by name; nothing of the file is run.

    Parameters
    ----------
    content : bytes
        Of a .safetensors file, or of one of ``torch.save``.
    name : str
        Of the file, for errors.

    Returns
    -------
    dict
        What was saved: weights by name, or a dict that holds such a one.

    Raises
    ------
    UnreadableNetworkError
        If it is damaged, or holds objects: only torch's weights-only loader is used.
    """
    try:
        if is_safetensors(content):
            return dict(load_safetensors(content))
        if is_zip(content):
            Zip(Path(name), content).names()  # refuses one that explodes
        elif content[:1] != b"\x80":
            raise UnreadableNetworkError(
                f"{name} is no file of weights: one of torch.save or a .safetensors "
                f"file is needed"
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(BytesIO(content), map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        raise _more_than_weights(name, str(error)) from None
    except UNREADABLE as error:
        if isinstance(error, UnreadableNetworkError):
            raise
        raise damaged(name, "a file of weights", error) from None
    if not isinstance(found, dict):
        raise UnreadableNetworkError(
            f"{name} holds a {type(found).__name__}, not weights by name: save them "
            f"with torch.save(model.state_dict(), ...)"
        )
    return found


def _more_than_weights(name: str, said: str) -> UnreadableNetworkError:
    """Return an error of what torch's weights-only loader refuses.

    Its own words advise to load the file as code; they are not handed on.
    """
    wanted = re.search(r"GLOBAL ([\w.]+)", said)
    what = f" ({brief(wanted[1])})" if wanted else ", or is damaged"
    return UnreadableNetworkError(
        f"{name} is a pickle that holds more than weights{what}; such a one can run "
        f"code, and it was not opened. Save the weights alone, with "
        f"torch.save(model.state_dict(), ...)"
    )


def is_safetensors(content: bytes) -> bool:
    """Whether bytes begin as a .safetensors file does: a length, then its header."""
    length = int.from_bytes(content[:8], "little")
    return content[8:9] == b"{" and length + 8 <= max(len(content), 10**8)


def tells_size(weights: Mapping[str, Tensor]) -> tuple[int, int] | None:
    """Return image axes and channels that the first convolution reads, or None.

    Parameters
    ----------
    weights : mapping
        By name, in the order of the layers.
    """
    for weight in weights.values():
        if 3 <= weight.ndim <= 5:
            return weight.ndim - 2, weight.shape[1]
    return None
