"""One .safetensors file: the weights and, in its header, the config as JSON.

A safetensors file cannot execute code; pickles are refused unread.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from napari_shiftseg.networks.config import ModelConfig
from napari_shiftseg.networks.header import (
    CONFIG_KEY,
    CheckpointError,
    find_model,
    read_config,
)
from napari_shiftseg.networks.unet import UNet
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor


VARIANCE = "running_var"  # of batch norm, whose root is taken


def unsound(weights: Mapping[str, Tensor]) -> str:
    """Say which weights let every prediction be NaN; empty if there are none.

    Parameters
    ----------
    weights : mapping of str to Tensor
        By name.
    """
    for name, values in weights.items():
        number = int((~values.isfinite()).sum())
        if number:
            return f"{number} of {values.numel()} values of {name} are NaN or infinite"
        if name.endswith(VARIANCE) and (values < 0).any():
            return f"{name} is a variance and has values below 0"
    return ""


# of a number format that torch does not know, too
UNREADABLE = (
    ValueError, RuntimeError, TypeError, KeyError, AttributeError, OverflowError,
    SafetensorError,
)  # fmt: skip


def load_model(source: str | Path) -> UNet:
    """Load a model in eval mode, on the CPU, in float32.

    Parameters
    ----------
    source : str or Path
        The name of a bundled model or of one in the user's folder, or a path to a
        .safetensors file.

    Raises
    ------
    FileNotFoundError
        If there is neither a model nor a file of this name.
    CheckpointError
        If the file is no checkpoint of ours, is truncated, holds a pickle, or its
        weights do not fit its config or are not finite.
    """
    path = find_model(source)
    config = read_config(path)
    try:
        model = _filled(config, path).eval()
    except UNREADABLE as error:
        first = str(error).strip().partition("\n")[0]
        raise CheckpointError(
            f"{path.name}: the weights do not fit the config ({first}); "
            f"the file is damaged or was put together by hand"
        ) from None
    fault = unsound(model.state_dict())
    if fault:
        raise CheckpointError(
            f"{path.name}: {fault}, so that no prediction is finite; its training "
            f"failed or the file is damaged, take another model"
        )
    return model


def _filled(config: ModelConfig, path: Path) -> UNet:
    """Return the network with the weights of a file; memory is taken for no others.

    Raises
    ------
    ValueError
        If a weight is missing, too much or of another size.
    """
    with torch.device("meta"):
        model = UNet(config)
    empty = model.state_dict()
    with safe_open(path, framework="pt") as stored:
        sizes = {n: tuple(stored.get_slice(n).get_shape()) for n in stored.keys()}  # noqa: SIM118
        _check_sizes({n: tuple(w.shape) for n, w in empty.items()}, sizes)
        weights = {
            name: stored.get_tensor(name).to(weight.dtype, copy=True)
            for name, weight in empty.items()
        }
    model.load_state_dict(weights, assign=True)
    return model


def _check_sizes(
    expected: dict[str, tuple[int, ...]], stored: dict[str, tuple[int, ...]]
) -> None:
    for name, size in expected.items():
        if name not in stored:
            raise ValueError(f"{name} is missing")
        if stored[name] != size:
            raise ValueError(f"{name} is of {list(stored[name])}, not {list(size)}")
    for name in stored:
        if name not in expected:
            raise ValueError(f"{brief(name)} is of no layer")


def save_model(
    model: UNet, path: str | Path, dtype: torch.dtype = torch.float32
) -> Path:
    """Write weights and config to one file, whole or not at all.

    Parameters
    ----------
    model : UNet
    path : str or Path
        Of the .safetensors file; an old file survives a failure.
    dtype : torch.dtype
        In which floating-point weights are stored; float16 halves the file. Those that
        it cannot hold (variances of batch norm may be large) stay as they are.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    weights = {name: _stored(w, dtype) for name, w in model.state_dict().items()}
    return _write(weights, model.config, Path(path))


def copy_model(
    source: str | Path, path: str | Path, config: ModelConfig | None = None
) -> Path:
    """Write a model to another file, its weights to the bit as they are stored.

    Parameters
    ----------
    source : str or Path
        The name of a bundled model, or a path to a .safetensors file.
    path : str or Path
        Of the .safetensors file; an old file survives a failure.
    config : ModelConfig, optional
        Of the same network; that of the source if not given.

    Raises
    ------
    FileNotFoundError
        If there is neither a bundled model nor a file of this name.
    CheckpointError
        If the file is no checkpoint of ours or its weights do not fit its config.
    OSError
        If the file cannot be written.
    """
    known = load_model(source).config  # refuses what is no model
    return _write(load_file(find_model(source)), config or known, Path(path))


def _write(weights: dict[str, torch.Tensor], config: ModelConfig, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    known = ModelConfig.model_validate(config.model_dump())  # as it will be read
    with whole_or_not_at_all(path) as unfinished:
        unfinished.write_bytes(save(weights, {CONFIG_KEY: known.model_dump_json()}))
    return path


def _stored(weight: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    stored = weight.to(dtype) if weight.is_floating_point() else weight
    if (stored.isinf() & weight.isfinite()).any():
        stored = weight
    return stored.contiguous().cpu()
