"""The header of a model file: its config, read without weights and without torch."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from importlib.resources import files
from itertools import chain, count
from pathlib import Path

from platformdirs import user_data_path
from pydantic import ValidationError
from safetensors import SafetensorError, safe_open

from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.text import brief, refusal

CONFIG_KEY = "napari_shiftseg"
SUFFIX = ".safetensors"
SAMPLE_DATA = Path(str(files("napari_shiftseg"))) / "sample_data"
FIGURES_FOLDER = SAMPLE_DATA / "figures"
LONGEST_HEADER = 10**7  # bytes; those of ours have some 10,000
LONGEST = 100  # letters of a name
FOLDER_VARIABLE = "NAPARI_SHIFTSEG_MODELS"  # environment variable
A_NAME = re.compile(r"\w[\w .+-]*")  # a file name on every system, but for these
DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows
# torch.save's zip, a bare pickle; a good safetensors file may begin with \x80 too
PICKLE_STARTS = (b"PK\x03\x04", b"\x80")


class CheckpointError(ValueError):
    """The file is not a model that can be loaded."""


def bundled_models() -> dict[str, Path]:
    """Return the models that ship with the package: name → file."""
    return _models_in(SAMPLE_DATA)


def figure_models() -> dict[str, Path]:
    """Return the networks of the papers' figures: ``figure-2b``, … → file.

    They are found by name as others are, but not listed among them: nearly all know one
    image alone, and ``figure-4d`` is what `nuclei` was before its spatial embeddings.
    """
    return {f"figure-{n}": path for n, path in _models_in(FIGURES_FOLDER).items()}


def models_folder() -> Path:
    """Return where the user's own models are kept; it may not be there yet.

    ``~/.local/share/napari-shiftseg/models`` on Linux and its like elsewhere, or what
    the environment variable ``NAPARI_SHIFTSEG_MODELS`` says.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return user_data_path("napari-shiftseg", appauthor=False) / "models"


def own_models() -> dict[str, Path]:
    """Return the models in the user's folder: name → file."""
    return _models_in(models_folder())


def _models_in(folder: Path) -> dict[str, Path]:
    paths = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stem)
    return {path.stem: path for path in paths if not path.stem.startswith(".")}


def named_models() -> dict[str, Path]:
    """Return all models that are known by name, the bundled ones first."""
    bundled = bundled_models()
    return bundled | {n: path for n, path in own_models().items() if n not in bundled}


def new_model_path(name: str) -> Path:
    """Return a file in the user's folder for a new model; it is not there yet.

    Where the user has a model of this name, a number is appended to it. What cannot be
    the name of a file, or is that of a bundled model, is a `ValueError`.
    """
    name = name.strip()
    if DEVICES.fullmatch(name):
        raise ValueError(
            f"{name!r} is the name of a device on Windows: choose another, for example "
            f"{f'my-{name}'!r}"
        )
    if not A_NAME.fullmatch(name) or name.endswith(".") or len(name) > LONGEST:
        raise ValueError(
            f"a model's name is of letters, digits, spaces and . + - _, begins with a "
            f"letter or digit, does not end with a dot and is at most {LONGEST} long, "
            f"got {brief(name)}"
        )
    taken = {known.lower() for known in own_models()}  # not all systems tell case
    bundled = {known.lower() for known in (*bundled_models(), *figure_models())}
    if name.lower() in bundled:
        raise ValueError(
            f"{name!r} is the name of a bundled model: choose another, for example "
            f"{f'my-{name}'!r}"
        )
    names = chain([name], (f"{name}-{number}" for number in count(2)))
    free = next(n for n in names if n.lower() not in taken | bundled)
    return models_folder() / f"{free}{SUFFIX}"


def find_model(source: str | Path) -> Path:
    """Return the file of a bundled model or one of the user's, or the path itself.

    Bundled are the networks of figures, too; see `figure_models`.
    """
    bundled, own, of_figures = bundled_models(), own_models(), figure_models()
    path = (own | bundled | of_figures).get(str(source), Path(source))
    if path.is_dir() and not holds_package(path):
        raise FileNotFoundError(
            f"the folder {str(source)!r} holds no description of a model "
            f"({' or '.join(PACKAGE_NAMES[:2])}): give the file of the model"
        )
    if not path.is_file() and not path.is_dir():
        of_yours = ", ".join(name for name in own if name not in bundled)
        near = get_close_matches(str(source), [*bundled, *of_figures, *own], n=1)
        raise FileNotFoundError(
            f"no model {str(source)!r}: it is neither a file nor one of the bundled "
            f"models ({', '.join((*bundled, *of_figures))})"
            + (f" nor one of yours ({of_yours})" if of_yours else "")
            + (f"; did you mean {near[0]}?" if near else "")
        )
    return path


FOREIGN = (".onnx", ".zip", ".yaml", ".yml", ".pt", ".pth", ".pt2", ".ts", ".torch")


# of the descriptions of BioImage.IO packages, and how others end
PACKAGE_NAMES = ("bioimageio.yaml", "rdf.yaml", "model.yaml")
PACKAGE_ENDING = ".bioimageio.yaml"


def holds_package(folder: Path) -> bool:
    """Whether a folder holds the description of a BioImage.IO package."""
    is_usual = any((folder / name).is_file() for name in PACKAGE_NAMES)
    return is_usual or any(folder.glob(f"*{PACKAGE_ENDING}"))


def is_ours(path: Path) -> bool:
    """Whether a path is to be read as a model of ours, judged by its name.

    A .safetensors file that holds the architecture of another library is told by its
    header.
    """
    if path.is_dir() or path.suffix.lower() in FOREIGN:
        return False
    return not holds_architecture(path)


# in the header of a file of `import_network`
ARCHITECTURE_KEY = "napari_shiftseg_architecture"


def holds_architecture(path: Path) -> bool:
    """Whether a .safetensors file describes a network of another library."""
    if path.suffix.lower() != SUFFIX:
        return False
    try:
        _refuse_long_header(path)
        with safe_open(path, framework="np") as weights:
            return ARCHITECTURE_KEY in (weights.metadata() or {})
    except (SafetensorError, OSError, ValueError):
        return False  # said when it is read


def read_unet_config(source: str | Path) -> ModelConfig:
    """Read the config of a model of ours; see `load_unet`."""
    path = find_model(source)
    if not is_ours(path) and not _is_pickle(path):
        raise CheckpointError(
            f"{path.name} is a network that was made elsewhere: it predicts, but "
            f"cannot be trained on, tuned or exported; take a model of this program"
        )
    _refuse_long_header(path)
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


def _refuse_long_header(path: Path) -> None:
    """Refuse a header that takes long to read: the first 8 bytes say how long it is."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
    if LONGEST_HEADER < length < path.stat().st_size:
        raise CheckpointError(
            f"{path.name} has a header of {length:,} bytes, at most "
            f"{LONGEST_HEADER:,} are read: it was put together by hand"
        )


def _is_pickle(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4).startswith(PICKLE_STARTS)


def _why_unreadable(path: Path, error: Exception) -> str:
    if _is_pickle(path):
        return (
            f"{path.name} is a pickle, which can run code when it is loaded; it "
            f"was not opened. Save the model with napari_shiftseg.save_model"
        )
    return (
        f"{path.name} is no model file, or it is truncated ({error}); "
        f"a .safetensors file written by shiftseg train is expected, or a network made "
        f"elsewhere: a BioImage.IO package, .onnx, .pt or .pt2"
    )


def _parsed(name: str, text: str) -> ModelConfig:
    try:
        return ModelConfig.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "config"
        raise CheckpointError(
            f"{name}: the config cannot be read ({where}: {refusal(error)}); "
            f"it was written by another version or is damaged"
        ) from None
