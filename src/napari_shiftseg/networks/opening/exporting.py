"""Our models as BioImage.IO packages, which other programs run."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import torch
import yaml

from napari_shiftseg.networks.header import CONFIG_KEY
from napari_shiftseg.networks.opening.onnx_graph import AXES, IR, OPSET, onnx_of
from napari_shiftseg.networks.opening.onnx_reading import need_onnx
from napari_shiftseg.networks.opening.step_words import Words, read_step
from napari_shiftseg.networks.opening.steps import Intensity
from napari_shiftseg.networks.opening.trust import hash_of
from napari_shiftseg.stores.whole_file import whole_or_not_at_all
from napari_shiftseg.text import compact

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

FORMAT = "0.5.4"
ALLOWED = "_+- ()"  # in a name, beside letters and digits
LONGEST_NAME, LONGEST_DESCRIPTION = 128, 1024
TEST_OUTPUT = 16  # pixels along an axis that the test's output has at least
# our intensity "percentile" is these for a usual image; see `find_scale`
STEPS: dict[str, dict[str, float] | None] = {
    "as-is": None,
    "range": {"min_percentile": 0.0, "max_percentile": 100.0},
    "percentile": {"min_percentile": 1.0, "max_percentile": 99.8},
}
PAPER = {
    "text": "Rumberger et al., How Shift Equivariance Impacts Metric Learning for "
    "Instance Segmentation, ICCV 2021",
    "url": "https://arxiv.org/abs/2101.05846",
}


def export_bioimageio(
    model: UNet,
    out: str | Path,
    *,
    authors: tuple[str, ...] = ("unknown",),
    licence: str = "CC-BY-4.0",
    torchscript: bool = False,
) -> Path:
    """Write a model as a BioImage.IO package of format 0.5: a zip with ONNX weights.

    Sizes are those of `UNetShape`: an input is ``smallest + n · period`` along each
    axis. What a valid network eats is the negative offset of its output; a padded one
    gives all pixels, and its halo says which are wrong at a tile's border.

    Parameters
    ----------
    model : UNet
    out : str or Path
        Of the zip; an old one survives a failure.
    authors : tuple of str
    licence : str
        Of the weights, as SPDX names it.
    torchscript : bool
        Whether weights are written as TorchScript, too, for programs without ONNX.

    Returns
    -------
    Path
        The zip.

    Raises
    ------
    UnreadableNetworkError
        If onnx and onnxruntime are not installed.
    OSError
        If it cannot be written.
    """
    need_onnx()
    out = Path(out)
    image, size = _test_image(model)
    with torch.inference_mode():
        output = model.eval()(torch.from_numpy(_read(model, image))).numpy()
    files = {
        "weights.onnx": onnx_of(model).SerializeToString(),
        "test_input.npy": _npy(image),
        "test_output.npy": _npy(output),
        "README.md": _readme(model).encode(),
    }
    if torchscript:
        files["weights.pt"] = _traced(model, size)
    said = _description(model, files, authors, licence)
    text = yaml.safe_dump(said, sort_keys=False, allow_unicode=True)
    out.parent.mkdir(parents=True, exist_ok=True)
    with whole_or_not_at_all(out) as unfinished:
        unfinished.write_bytes(_zipped({"bioimageio.yaml": text.encode(), **files}))
    return out


def _test_image(model: UNet) -> tuple[NDArray[np.float32], tuple[int, ...]]:
    axes = model.config.shape.axes
    size = tuple(axis.input_for(TEST_OUTPUT + 2 * axis.halo) for axis in axes)
    random = np.random.default_rng(0)
    shape = (1, model.config.in_channels, *size)
    return random.random(shape, dtype=np.float32), size


def _steps(model: UNet) -> list[dict[str, Any]]:
    """Return how grey values are read, in the words of the format."""
    cast = {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}}
    scale = STEPS[str(model.config.intensity)]
    if scale is None:
        return [cast]
    axes = [*(["channel"] if model.config.in_channels > 1 else []), *_names(model)]
    return [cast, {"id": "scale_range", "kwargs": {"axes": axes, **scale}}]


def _read(model: UNet, image: NDArray[np.float32]) -> NDArray[np.float32]:
    axes = ("b", "c", *_names(model))
    steps = (
        read_step(Words(step["id"], step["kwargs"], axes, "image"))
        for step in _steps(model)
    )
    return Intensity(tuple(s for s in steps if s)).of(image[0])(image[0])[None]


def _names(model: UNet) -> tuple[str, ...]:
    return AXES[3 - model.config.ndim :]


def _npy(array: NDArray[Any]) -> bytes:
    file = BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def _traced(model: UNet, size: tuple[int, ...]) -> bytes:
    file = BytesIO()
    image = torch.zeros(1, model.config.in_channels, *size)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # that TorchScript is deprecated
        traced = torch.jit.trace(model, image, check_trace=False)  # type: ignore[no-untyped-call]
        torch.jit.save(traced, file)
    return file.getvalue()


def _zipped(files: dict[str, bytes]) -> bytes:
    """Pack files; the same ones give the same bytes."""
    file = BytesIO()
    with ZipFile(file, "w") as packed:
        for name, content in files.items():
            is_text = name.endswith((".yaml", ".md"))
            kind = ZIP_DEFLATED if is_text else ZIP_STORED
            packed.writestr(ZipInfo(name), content, compress_type=kind)
    return file.getvalue()


def _channels(model: UNet) -> list[str]:
    config = model.config
    names = [f"embedding_{i + 1}" for i in range(config.embedding_channels)]
    names += ["foreground_logit"] if config.foreground else []
    return names + [f"class_logit_{i + 1}" for i in range(len(config.classes))]


def _description(
    model: UNet, files: dict[str, bytes], authors: tuple[str, ...], licence: str
) -> dict[str, Any]:
    config = model.config
    return {
        "type": "model",
        "format_version": FORMAT,
        "name": _plain_name(config.name),
        "description": (config.description or _summary(model))[:LONGEST_DESCRIPTION],
        "authors": [{"name": author} for author in authors],
        "cite": [PAPER],
        "license": licence,
        "documentation": "README.md",
        "tags": ["unet", "segmentation", "napari-shiftseg"],
        "timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "inputs": [_input(model, files)],
        "outputs": [_output(model, files)],
        "weights": _weights(files),
        "config": {CONFIG_KEY: config.model_dump(mode="json")},
    }


def _plain_name(name: str) -> str:
    kept = "".join(
        c if (c.isascii() and c.isalnum()) or c in ALLOWED else " " for c in name
    )
    return " ".join(kept.split())[:LONGEST_NAME] or "untitled"


def _summary(model: UNet) -> str:
    return f"A U-Net of period {compact(model.config.shape.period)}."


def _input(model: UNet, files: dict[str, bytes]) -> dict[str, Any]:
    config = model.config
    channels = [f"channel_{i + 1}" for i in range(config.in_channels)]
    sizes = [
        {"min": axis.input_for(1 + 2 * axis.halo), "step": axis.period}
        for axis in config.shape.axes
    ]
    return {
        "id": "image",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": channels},
            *(
                {"type": "space", "id": name, "size": size}
                for name, size in zip(_names(model), sizes, strict=True)
            ),
        ],
        "preprocessing": _steps(model),
        "test_tensor": _file("test_input.npy", files),
    }


def _output(model: UNet, files: dict[str, bytes]) -> dict[str, Any]:
    axes: list[dict[str, Any]] = []
    for name, axis in zip(_names(model), model.config.shape.axes, strict=True):
        of = {"tensor_id": "image", "axis_id": name, "offset": -axis.context}
        axes.append({"type": "space", "id": name, "size": of})
        if axis.halo:
            axes[-1]["halo"] = axis.halo
    return {
        "id": "prediction",
        "axes": [
            {"type": "batch"},
            {"type": "channel", "channel_names": _channels(model)},
            *axes,
        ],
        "test_tensor": _file("test_output.npy", files),
    }


def _file(name: str, files: dict[str, bytes]) -> dict[str, Any]:
    return {"source": name, "sha256": hash_of(files[name])}


def _weights(files: dict[str, bytes]) -> dict[str, Any]:
    found = {"onnx": {**_file("weights.onnx", files), "opset_version": OPSET}}
    if "weights.pt" in files:
        version = torch.__version__.partition("+")[0]
        script = {**_file("weights.pt", files), "pytorch_version": version}
        found["torchscript"] = {**script, "parent": "onnx"}
    return found


def _readme(model: UNet) -> str:
    shape = model.config.shape
    halo = [axis.halo for axis in shape.axes]
    context = [axis.context for axis in shape.axes]
    return (
        f"# {_plain_name(model.config.name)}\n\n{_summary(model)}\n\n"
        f"Tiles fit together without seams where they start at multiples of "
        f"{list(shape.period)} pixels and read {context if any(context) else halo} "
        f"pixels of context ({'both ends together' if any(context) else 'each end'}).\n"
        f"\nWeights: ONNX, opset {OPSET}, IR {IR}. Written by napari-shiftseg.\n"
    )
