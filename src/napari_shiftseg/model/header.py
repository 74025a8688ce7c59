"""The header of a model file: its config, read without weights and without torch."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from napari_shiftseg.model.config import ModelConfig

CONFIG_KEY = "napari_shiftseg"
SUFFIX = ".safetensors"
# torch.save's zip, a bare pickle; a good safetensors file may begin with \x80 too
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")


class CheckpointError(ValueError):
    """The file is not a model that can be loaded."""


def bundled_models() -> dict[str, Path]:
    """Return the models that ship with the package: name → file."""
    folder = Path(str(files("napari_shiftseg"))) / "sample_data"
    paths = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stem)
    return {path.stem: path for path in paths}


def find_model(source: str | Path) -> Path:
    """Return the file of a bundled model, or the path itself.

    Raises
    ------
    FileNotFoundError
        If there is neither a bundled model nor a file of this name.
    """
    bundled = bundled_models()
    path = bundled.get(str(source), Path(source))
    if not path.is_file():
        raise FileNotFoundError(
            f"no model {str(source)!r}: it is neither a file nor one of the bundled "
            f"models ({', '.join(bundled)})"
        )
    return path


def read_config(source: str | Path) -> ModelConfig:
    """Read the config of a model.

    Parameters
    ----------
    source : str or Path
        The name of a bundled model, or a path to a .safetensors file.

    Raises
    ------
    FileNotFoundError
        If there is neither a bundled model nor a file of this name.
    CheckpointError
        If the file is no checkpoint of ours, is truncated or holds a pickle.
    """
    path = find_model(source)
    try:
        with safe_open(path, framework="np") as weights:
            text = (weights.metadata() or {}).get(CONFIG_KEY)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(_why_unreadable(path, error)) from None
    if text is None:
        raise CheckpointError(
            f"{path.name} holds weights but no napari-shiftseg config, so its "
            f"architecture is unknown; load a file written by shiftseg train"
        )
    return _parsed(path.name, text)


def _why_unreadable(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        start = file.read(4)
    if start.startswith(PICKLE_STARTS):
        return (
            f"{path.name} is a pickle, which can run code when it is loaded; it "
            f"was not opened. Save the model with napari_shiftseg.save_model"
        )
    return (
        f"{path.name} is no model file, or it is truncated ({error}); "
        f"a .safetensors file written by shiftseg train is expected"
    )


def _parsed(name: str, text: str) -> ModelConfig:
    try:
        return ModelConfig.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "config"
        raise CheckpointError(
            f"{name}: the config cannot be read ({where}: {first['msg']}); "
            f"it was written by another version or is damaged"
        ) from None
