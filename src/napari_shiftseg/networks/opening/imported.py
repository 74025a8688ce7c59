"""Weights and the architecture they belong to, in one .safetensors file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import save

from napari_shiftseg.networks.header import ARCHITECTURE_KEY, CONFIG_KEY
from napari_shiftseg.networks.opening.architectures import make
from napari_shiftseg.networks.opening.bundle import read_file
from napari_shiftseg.networks.opening.engine import Layout, SizeRefusedError
from napari_shiftseg.networks.opening.keys import fitted
from napari_shiftseg.networks.opening.opened import (
    AS_THEY_ARE,
    OpenedNetwork,
    Output,
    OutputKind,
)
from napari_shiftseg.networks.opening.step_words import read_step, read_steps
from napari_shiftseg.networks.opening.steps import Intensity, Statistic
from napari_shiftseg.networks.opening.torch_file import (
    TorchEngine,
    read_weights,
    tells_size,
)
from napari_shiftseg.networks.opening.trust import (
    UnreadableNetworkError,
    hash_of,
    said_by,
)
from napari_shiftseg.networks.opening.yaml_text import read_yaml
from napari_shiftseg.networks.unet import unsound
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import said_by as words_of
from napari_shiftseg.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

LONGEST_HEADER = 10**7
MOST_OUTPUTS = 4096
YAMLS = (".yaml", ".yml")
SMALLEST, LARGEST = 8, 260  # pixels along an axis that the self-test tries
MOST_TRIED = 10**7  # pixels of a test image


class NamedOutput(BaseModel):
    """What one output channel is, as the YAML file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: OutputKind = "other"
    name: str = Field(default="", max_length=255)


class ArchitectureConfig(BaseModel):
    """What belongs to weights: the YAML file of `import_network`.

    Attributes
    ----------
    architecture : str
        Such as "monai.UNet".
    arguments : dict
        Of its constructor.
    rename : list of (str, str)
        Parts of the weights' names, and what stands in their place.
    ignore : list of str
        Beginnings of names of weights that are left out.
    preprocessing, postprocessing : list of dict
        Steps as BioImage.IO writes them.
    outputs : list
        One a channel.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str
    arguments: dict[str, Any] = {}
    name: str = Field(default="", max_length=255)
    description: str = Field(default="", max_length=10_000)
    rename: list[tuple[str, str]] = Field(default=[], max_length=1000)
    ignore: list[str] = Field(default=[], max_length=1000)
    preprocessing: list[dict[str, Any]] = []
    postprocessing: list[dict[str, Any]] = []
    outputs: list[NamedOutput] = Field(default=[], max_length=MOST_OUTPUTS)


@dataclass(frozen=True)
class Imported:
    """What `import_network` did.

    Attributes
    ----------
    path : Path
        Of the file it wrote.
    network : OpenedNetwork
        Opened from it again.
    weights : int
        How many tensors.
    removed : str
        What stood before every name.
    left_out : tuple of str
        Names that were ignored.
    tested_size : tuple of int
        Of the image it predicted in the self-test.
    """

    path: Path
    network: OpenedNetwork
    weights: int
    removed: str
    left_out: tuple[str, ...]
    tested_size: tuple[int, ...]


def import_network(
    weights: str | Path, config: str | Path, out: str | Path
) -> Imported:
    """Write weights and their architecture into one file, which `open_network` opens.

    Self-test: the file is opened again, and predicts an image as the network does that
    the weights were put into; it must give numbers, and the same ones twice.

    Parameters
    ----------
    weights : str or Path
        Of ``torch.save(model.state_dict())`` or .safetensors. Nothing of it is run.
    config : str or Path
        YAML file of an `ArchitectureConfig`.
    out : str or Path
        Of the .safetensors file; an old one survives a failure.

    Raises
    ------
    UnreadableNetworkError
        If the config is wrong, the architecture unknown, or the weights do not fit: all
        that are missing, unexpected or of another size are listed.
    OSError
        If a file cannot be read or written.
    """
    weights, config, out = Path(weights), Path(config), Path(out)
    if weights.suffix in YAMLS and config.suffix not in YAMLS:
        raise UnreadableNetworkError(
            f"the weights come first, then the YAML, got {weights.name} and "
            f"{config.name}: change their places"
        )
    said = _parsed(read_yaml(read_file(config), config.name), config.name)
    module = make(said.architecture, said.arguments)
    _steps(said, module, config.name)  # wrong ones are those of this file
    found = read_weights(read_file(weights), weights.name)
    fit = fitted(found, module, weights.name, said.rename, said.ignore)
    module.load_state_dict(fit.weights, strict=False)
    fault = unsound(module.state_dict())
    if fault:
        raise UnreadableNetworkError(
            f"{weights.name}: {fault}, so that no prediction is finite: take another "
            f"state of the training"
        )
    kept = said.model_copy(
        update={"name": said.name or weights.stem, "rename": [], "ignore": []}
    )
    stored = {k: w.contiguous().clone() for k, w in module.state_dict().items()}
    content = save(stored, {ARCHITECTURE_KEY: kept.model_dump_json()})
    network = open_imported(out, content)
    tested = _self_test(_network(out, content, kept, module), network)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_or_not_at_all(out) as unfinished:
        unfinished.write_bytes(content)
    return Imported(out, network, len(stored), fit.removed, fit.left_out, tested)


def open_imported(path: Path, content: bytes) -> OpenedNetwork:
    """Open a file of `import_network`.

    Parameters
    ----------
    path : Path
    content : bytes
        Of the file.

    Raises
    ------
    UnreadableNetworkError
        If it is damaged, or holds weights alone.
    """
    said = _parsed(_header(path, content), path.name)
    module = make(said.architecture, said.arguments)
    fit = fitted(read_weights(content, path.name), module, path.name)
    module.load_state_dict(fit.weights, strict=False)
    return _network(path, content, said, module)


def _header(path: Path, content: bytes) -> dict[str, Any]:
    length = int.from_bytes(content[:8], "little")
    try:
        if length > min(LONGEST_HEADER, len(content)):
            raise ValueError(f"its header is of {length:,} bytes")
        known = json.loads(content[8 : 8 + length]).get("__metadata__") or {}
        text = known.get(ARCHITECTURE_KEY)
        found = json.loads(text) if text else {}
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise UnreadableNetworkError(
            f"{path.name} is a damaged safetensors file "
            f"({said_by(error)}): get it again"
        ) from None
    if CONFIG_KEY in known:
        raise UnreadableNetworkError(
            f"{path.name} is a model of this program: load it with load_model"
        )
    if not isinstance(found, dict) or not found:
        raise UnreadableNetworkError(
            f"{path.name} holds weights alone. Describe their architecture in a small "
            f"YAML file ('architecture: monai.UNet', 'arguments: {{...}}') and run "
            f"shiftseg import WEIGHTS CONFIG -o MODEL"
        )
    return found


def _parsed(given: dict[str, Any], name: str) -> ArchitectureConfig:
    try:
        return ArchitectureConfig.model_validate(given)
    except ValidationError as error:
        raise UnreadableNetworkError(
            f"{name} does not describe an architecture ({words_of(error)}): needed are "
            f"'architecture: monai.UNet' and 'arguments: {{...}}'"
        ) from None


def _network(
    path: Path, content: bytes, said: ArchitectureConfig, module: Any
) -> OpenedNetwork:
    ndim, channels = _size_told(said, module)
    before, pixelwise = _steps(said, module, path.name)
    return OpenedNetwork(
        name=visible(said.name or path.stem),
        description=visible(said.description, "\n\t"),
        source=path,
        sha256=hash_of(content),
        ndim=ndim,
        in_channels=channels,
        out_channels=len(said.outputs) or None,
        engine=TorchEngine(module.float().eval(), path.name),
        layout=Layout.usual(ndim),
        intensity=Intensity(tuple(before)),
        outputs=tuple(Output(o.kind, visible(o.name)) for o in said.outputs),
        activation=tuple(pixelwise),
        notes=() if before else (AS_THEY_ARE,),
    )


def _size_told(said: ArchitectureConfig, module: Any) -> tuple[int, int]:
    """Return axes and channels of the image that a network reads."""
    told = tells_size(module.state_dict())
    if told is None:
        raise UnreadableNetworkError(
            f"{said.architecture} has no convolution: it predicts no image"
        )
    return told


def _steps(
    said: ArchitectureConfig, module: Any, name: str
) -> tuple[list[Any], list[Any]]:
    """Return the steps before and after a network, as the file `name` has them."""
    ndim, _ = _size_told(said, module)
    axes = ("b", "c", *("z", "y", "x")[3 - ndim :])
    before, after = (
        [
            step
            for each in read_steps(getattr(said, key), axes, f"{key} in {name}")
            if (step := read_step(each))
        ]
        for key in ("preprocessing", "postprocessing")
    )
    pixelwise = [step for step in after if not isinstance(step, Statistic)]
    if len(pixelwise) < len(after):
        raise UnreadableNetworkError(
            f"{name}: a step of postprocessing looks at the whole image; those of "
            f"a pixel alone are possible there"
        )
    return before, pixelwise


def _self_test(first: OpenedNetwork, again: OpenedNetwork) -> tuple[int, ...]:
    """Predict a small image with both, and return its size."""
    refused = ""
    for image in _images(first):
        try:
            made = first.predict(image)
        except SizeRefusedError as error:
            refused = refused or str(error)
            continue
        same = np.array_equal(made, again.predict(image), equal_nan=True)
        if not same or not np.isfinite(made).all():
            raise UnreadableNetworkError(
                f"{first.name} gives {'other numbers' if not same else 'no numbers'} "
                f"when it is opened again: its arguments are not those it was trained "
                f"with"
            )
        if first.out_channels and made.shape[1] != first.out_channels:
            raise UnreadableNetworkError(
                f"{first.name} gives {made.shape[1]} channels, {first.out_channels} "
                f"are named under 'outputs': name one a channel"
            )
        return image.shape[2:]
    raise UnreadableNetworkError(
        f"{first.name} could predict no image of {SMALLEST} to {LARGEST} pixels an "
        f"axis: {refused}"
    )


def _images(network: OpenedNetwork) -> Iterator[NDArray[np.float32]]:
    """Yield images of all sizes that a net might read, the smallest first."""
    random = np.random.default_rng(0)
    for size in range(SMALLEST, LARGEST, 4):
        shape = (1, network.in_channels, *[size] * network.ndim)
        if size**network.ndim * network.in_channels > MOST_TRIED:
            return
        yield random.standard_normal(shape).astype(np.float32)
