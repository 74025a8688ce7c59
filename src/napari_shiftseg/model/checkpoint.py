"""One .safetensors file: the weights and, in its header, the config as JSON.

A safetensors file cannot execute code; pickles are refused unread.
"""

from __future__ import annotations

import os
from importlib.resources import as_file, files
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from .config import ModelConfig
from .unet import UNet

CONFIG_KEY = "napari_shiftseg"
SUFFIX = ".safetensors"
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")  # torch.save's zip, a bare pickle


class CheckpointError(ValueError):
    """The file is not a model that can be loaded."""


def bundled_models() -> list[str]:
    """Return the names of the models that ship with the package."""
    folder = files("napari_shiftseg") / "sample_data"
    names = (Path(entry.name) for entry in folder.iterdir())
    return sorted(name.stem for name in names if name.suffix == SUFFIX)


def load_model(source: str | Path) -> UNet:
    """Load a model in eval mode, on the CPU, in float32.

    Parameters
    ----------
    source : str or Path
        The name of a bundled model, or a path to a .safetensors file.

    Raises
    ------
    FileNotFoundError
        If there is neither a bundled model nor a file of this name.
    CheckpointError
        If the file is no checkpoint of ours, is truncated, holds a pickle, or its
        weights do not fit its config.
    """
    if str(source) in bundled_models():
        entry = files("napari_shiftseg") / "sample_data" / f"{source}{SUFFIX}"
        with as_file(entry) as path:
            return _read(path)
    path = Path(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"no model {str(source)!r}: it is neither a file nor one of the bundled "
            f"models ({', '.join(bundled_models())})"
        )
    return _read(path)


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
        In which floating-point weights are stored; float16 halves the file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {
        name: (w.to(dtype) if w.is_floating_point() else w).contiguous().cpu()
        for name, w in model.state_dict().items()
    }
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        save_file(weights, unfinished, {CONFIG_KEY: model.config.model_dump_json()})
        os.replace(unfinished, path)
    except SafetensorError as error:
        raise OSError(f"cannot write {path}: {error}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    return path


def _read(path: Path) -> UNet:
    with path.open("rb") as file:
        if file.read(4).startswith(PICKLE_STARTS):
            raise CheckpointError(
                f"{path.name} is a pickle, which can run code when it is loaded; it "
                f"was not opened. Save the model with napari_shiftseg.save_model"
            )
    try:
        with safe_open(path, framework="pt") as file:
            text = (file.metadata() or {}).get(CONFIG_KEY)
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(
            f"{path.name} is no model file, or it is truncated ({error}); "
            f"a .safetensors file written by shiftseg train is expected"
        ) from None
    if text is None:
        raise CheckpointError(
            f"{path.name} holds weights but no napari-shiftseg config, so its "
            f"architecture is unknown; load a file written by shiftseg train"
        )
    return _assemble(path.name, text, weights)


def _assemble(name: str, text: str, weights: dict[str, torch.Tensor]) -> UNet:
    try:
        model = UNet(ModelConfig.model_validate_json(text))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "config"
        raise CheckpointError(
            f"{name}: the config cannot be read ({where}: {first['msg']}); "
            f"it was written by another version or is damaged"
        ) from None
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        first_line = str(error).splitlines()[1].strip()
        raise CheckpointError(
            f"{name}: the weights do not fit the config ({first_line}); "
            f"the file is damaged or was put together by hand"
        ) from None
    return model.eval()
