"""Architectures by name, such as ``monai.UNet``, made within bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any

import torch
from torch import nn

from napari_shiftseg.networks.opening.funlib import FunlibUNet
from napari_shiftseg.networks.opening.pytorch3dunet import UNet3DUNet
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError, said_by
from napari_shiftseg.text import brief

MONAI = ("UNet", "BasicUNet", "AttentionUnet", "SegResNet", "DynUNet")
OWN: dict[str, Callable[..., nn.Module]] = {
    "funlib.UNet": FunlibUNet,
    "pytorch3dunet.UNet2D": partial(UNet3DUNet, 2, "double"),
    "pytorch3dunet.UNet3D": partial(UNet3DUNet, 3, "double"),
    "pytorch3dunet.ResidualUNet2D": partial(UNet3DUNet, 2, "residual"),
    "pytorch3dunet.ResidualUNet3D": partial(UNet3DUNet, 3, "residual"),
    "pytorch3dunet.ResidualUNetSE3D": partial(UNet3DUNet, 3, "excited"),
}
NAMES = (*(f"monai.{name}" for name in MONAI), *OWN)
INSTALL = "pip install monai"
MOST_WEIGHTS = 10**9  # 4 GB
LARGEST, LONGEST, DEEPEST = 8192, 64, 6  # of numbers, lists and nesting of arguments
MOST_LEVELS = 16
# what a constructor raises of arguments that it was not made for
WRONG = (
    TypeError, ValueError, KeyError, IndexError, AttributeError, RuntimeError,
    AssertionError, NotImplementedError, ArithmeticError, MemoryError, ImportError,
)  # fmt: skip


def make(name: str, arguments: Mapping[str, Any]) -> nn.Module:
    """Make an untrained network.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    arguments : mapping
        Of its constructor in its library.

    Raises
    ------
    UnreadableNetworkError
        If the name is unknown, its library is not installed, the arguments are wrong,
        or the network would have more weights than any has.
    """
    check_arguments(arguments)
    maker = OWN.get(name) or _of_monai(name)
    try:
        with torch.device("meta"):  # takes no memory
            number = sum(w.numel() for w in maker(**arguments).parameters())
        if number > MOST_WEIGHTS:
            raise UnreadableNetworkError(
                f"{name} would have {number:,} weights, at most {MOST_WEIGHTS:,} are "
                f"made: check its arguments"
            )
        return maker(**arguments).eval()
    except UnreadableNetworkError:
        raise
    except WRONG as error:
        raise UnreadableNetworkError(
            f"{name} cannot be made with the arguments {brief(dict(arguments))} "
            f"({said_by(error)}): give those it was trained with"
        ) from None


def _of_monai(name: str) -> Callable[..., nn.Module]:
    library, _, short = name.partition(".")
    if library != "monai" or short not in MONAI:
        near = get_close_matches(name, NAMES, n=1, cutoff=0.8)
        meant = f", did you mean {near[0]}?" if near else ""
        raise UnreadableNetworkError(
            f"the architecture {brief(name)} is not known{meant}; known are "
            f"{', '.join(NAMES)}: export the network as ONNX instead"
        )
    try:
        from monai.networks import nets
    except ImportError:
        raise UnreadableNetworkError(
            f"{name} is made by MONAI, which is not installed: {INSTALL}"
        ) from None
    return getattr(nets, short)  # type: ignore[no-any-return]


def check_arguments(given: Any, depth: int = 0) -> None:
    """Refuse arguments that no network has, before a network is made of them.

    Parameters
    ----------
    given : object
        Numbers, text, and lists and mappings of them.
    depth : int
        Of nesting so far.
    """
    if isinstance(given, Mapping):
        parts = [*given.keys(), *given.values()]
        levels = given.get("num_levels")
        if isinstance(levels, int) and levels > MOST_LEVELS:
            raise UnreadableNetworkError(
                f"num_levels must be at most {MOST_LEVELS}, got {brief(levels)}"
            )
    else:
        parts = list(given) if isinstance(given, (list, tuple)) else []
    is_plain = given is None or isinstance(
        given, (int, float, str, Mapping, list, tuple)
    )
    is_large = isinstance(given, (int, float)) and abs(given) > LARGEST
    is_long = max(len(parts), len(given) if isinstance(given, str) else 0) > LONGEST
    if not is_plain or is_large or is_long or depth > DEEPEST:
        raise UnreadableNetworkError(
            f"arguments are numbers up to {LARGEST:,}, text, and lists of at most "
            f"{LONGEST} of them, got {brief(given)}"
        )
    for part in parts:
        check_arguments(part, depth + 1)
