"""One door for networks of others: what a file is, its bytes say, not its name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from napari_shiftseg.networks.header import PACKAGE_ENDING, PACKAGE_NAMES
from napari_shiftseg.networks.opening.bundle import (
    Bundle,
    Folder,
    Within,
    Zip,
    is_zip,
    read_file,
)
from napari_shiftseg.networks.opening.engine import Layout
from napari_shiftseg.networks.opening.opened import (
    AS_THEY_ARE,
    OpenedNetwork,
    Output,
)
from napari_shiftseg.networks.opening.package import description_in, open_package
from napari_shiftseg.networks.opening.trust import (
    NOBODY,
    Trusted,
    UnreadableNetworkError,
    require_trust,
)
from napari_shiftseg.networks.opening.yaml_text import read_yaml
from napari_shiftseg.text import brief, by, visible

if TYPE_CHECKING:
    from napari_shiftseg.networks.opening.engine import Engine
    from napari_shiftseg.networks.opening.onnx_engine import OnnxEngine

YAML = (".yaml", ".yml")
CONVERT = "export it as ONNX, with torch.onnx.export or tf2onnx"
# first bytes of files that hold networks which are not opened
OTHERS = {
    b"\x89HDF\r\n\x1a\n": f"an HDF5 file, as Keras writes it: {CONVERT}",
    b"\x93NUMPY": "an array of NumPy, no network: take the network's own file",
    b"\x1f\x8b": "packed by gzip: unpack it, and open what is in it",
    b"TFL3": f"a network of TensorFlow Lite: {CONVERT}",
}
ELSEWHERE = (".h5", ".hdf5", "saved_model.pb", ".tflite")
RUN_IMPORT = "shiftseg import WEIGHTS CONFIG -o MODEL"
IMPORT = (
    "holds weights alone. Describe their architecture in a small YAML file "
    f"('architecture: monai.UNet', 'arguments: {{...}}') and run {RUN_IMPORT}"
)


def open_network(path: str | Path, trusted: Trusted = NOBODY) -> OpenedNetwork:
    """Open a network that was trained elsewhere. No code of it is run unasked.

    BioImage.IO packages (a folder, its YAML or a zip; format 0.4 and 0.5), ONNX files,
    TorchScript and ``torch.export`` programs, and files of `import_network`.

    Parameters
    ----------
    path : str or Path
    trusted : frozenset of str, or callable
        SHA-256 hashes of files whose code may be run, or what says so of a file and
        its hash. TorchScript, ``torch.export`` and Python files carry code.

    Returns
    -------
    OpenedNetwork

    Raises
    ------
    FileNotFoundError
        If there is nothing there.
    UnreadableNetworkError
        If it is no network, is damaged, of other axes, or needs what is not installed;
        what to do is said.
    Untrusted
        If it carries code that is not trusted.
    OSError
        If it cannot be read.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f"there is neither a network nor a folder {str(path)!r}: check the path"
        )
    if path.is_dir():
        return _open_folder(path, trusted)
    if not path.is_file():
        raise UnreadableNetworkError(f"{path.name} is a pipe or a device, not a file")
    if path.suffix.lower() in YAML:
        return _open_yaml(path, trusted)
    return _open_file(path, read_file(path), trusted)


def _open_folder(path: Path, trusted: Trusted) -> OpenedNetwork:
    found = description_in(Folder(path))
    if found is None:
        raise UnreadableNetworkError(
            f"the folder {path.name or path} holds no description of a model "
            f"({PACKAGE_NAMES[0]} or {PACKAGE_NAMES[1]}): open the file of the network "
            f"itself"
        )
    return open_package(found, Folder(path), trusted)


def _open_yaml(path: Path, trusted: Trusted) -> OpenedNetwork:
    content = read_yaml(read_file(path), path.name)
    if "architecture" in content and "weights" not in content:
        raise UnreadableNetworkError(
            f"{path.name} describes an architecture without weights: run shiftseg "
            f"import WEIGHTS {path.name} -o MODEL, and open MODEL"
        )
    return open_package(path.name, Folder(path.parent), trusted)


def _open_file(path: Path, content: bytes, trusted: Trusted) -> OpenedNetwork:
    from napari_shiftseg.networks.opening.torch_file import is_safetensors

    for start, what in OTHERS.items():
        if content.startswith(start):
            raise UnreadableNetworkError(f"{path.name} is {what}")
    if is_zip(content):
        return _open_zip(path, content, trusted)
    if is_safetensors(content):
        from napari_shiftseg.networks.opening.imported import open_imported

        return open_imported(path, content)
    if content[:1] == b"\x80":
        raise UnreadableNetworkError(
            f"{path.name} is a pickle, which can run code; it was not opened. Export "
            f"the network as ONNX, or save its weights alone, with "
            f"torch.save(model.state_dict(), ...), and run {RUN_IMPORT}"
        )
    engine, digest = _onnx(path, content)
    freed = f"Its file fixes the size {by(engine.freed)}, but its layers read others."
    return _plain(path, digest, engine, (freed,) if engine.freed else ())


def _onnx(path: Path, content: bytes) -> tuple[OnnxEngine, str]:
    from napari_shiftseg.networks.opening.onnx_engine import OnnxEngine
    from napari_shiftseg.networks.opening.onnx_reading import NotOnnxError, read_onnx

    if not content:
        raise UnreadableNetworkError(f"{path.name} is empty: get it again")
    try:
        model, digest = read_onnx(path.name, content, Folder(path.parent))
        return OnnxEngine(model, path.name), digest
    except NotOnnxError:
        if path.suffix.lower() == ".onnx":
            raise
        raise UnreadableNetworkError(
            f"{path.name} is no network that is known: BioImage.IO packages, ONNX, "
            f"TorchScript, torch.export and safetensors files are opened; export the "
            f"network as one of them, or get the file again"
        ) from None


def _open_zip(path: Path, content: bytes, trusted: Trusted) -> OpenedNetwork:
    from napari_shiftseg.networks.opening import torch_file

    bundle = Zip(path, content)
    names = bundle.names()
    folders = {name.rpartition("/")[0] for name in names}
    inside = _package_folder(names)
    if inside is not None:
        whole: Bundle = Within(bundle, inside) if inside else bundle
        return open_package(str(description_in(whole)), whole, trusted)
    if any(f"{f}/code".lstrip("/") in folders for f in folders) or any(
        name.endswith("constants.pkl") for name in names
    ):
        digest = require_trust(path, content, "a TorchScript program", trusted)
        return _plain(path, digest, torch_file.open_torchscript(content, path.name))
    if any(name.endswith("archive_format") for name in names):
        digest = require_trust(path, content, "a program of torch.export", trusted)
        return _plain(path, digest, torch_file.open_exported(content, path.name))
    if any(name.endswith("data.pkl") for name in names):
        torch_file.read_weights(content, path.name)  # refuses what holds more
        raise UnreadableNetworkError(f"{path.name} {IMPORT}")
    foreign = [name for name in names if name.endswith(ELSEWHERE)]
    if foreign:
        raise UnreadableNetworkError(
            f"{path.name} holds {brief(foreign[0])}, of Keras or TensorFlow: {CONVERT}"
        )
    raise UnreadableNetworkError(
        f"{path.name} is a zip without a network: {PACKAGE_NAMES[0]} or a program of "
        f"torch is expected in it"
    )


def _package_folder(names: list[str]) -> str | None:
    """Return the folder, nearest to the root, that holds a package's description."""
    found = sorted(
        (name.count("/"), name.rpartition("/")[0])
        for name in names
        if name.rpartition("/")[2] in PACKAGE_NAMES or name.endswith(PACKAGE_ENDING)
    )
    if not found:
        return None
    return f"{found[0][1]}/" if found[0][1] else ""


def _plain(
    path: Path, digest: str, engine: Engine, notes: tuple[str, ...] = ()
) -> OpenedNetwork:
    """Return a network without a description: batch, channels, then the image."""
    sizes, made = engine.input_size, engine.output_size
    if sizes:
        ndim, channels = len(sizes) - 2, sizes[1] if len(sizes) > 1 else None
    else:
        ndim, channels = _told_by_weights(engine, path.name)
    if not 1 <= ndim <= 3 or not channels:
        raise UnreadableNetworkError(
            f"{path.name} reads an input of the sizes {sizes}; batch, a known number "
            f"of channels and 1 to 3 axes of an image are expected: put it into a "
            f"BioImage.IO package that says what its axes are"
        )
    if made and len(made) != len(sizes):
        raise UnreadableNetworkError(
            f"{path.name} gives {len(made)} axes for {len(sizes)} that it reads: it "
            f"gives no image, take a network that predicts every pixel"
        )
    out_channels = made[1] if made else None
    fixed = tuple(size for size in sizes[2:] if size)
    return OpenedNetwork(
        name=visible(path.stem),
        description="",
        source=path,
        sha256=digest,
        ndim=ndim,
        in_channels=channels,
        out_channels=out_channels,
        engine=engine,
        layout=Layout.usual(ndim),
        fixed_size=fixed if len(fixed) == ndim else None,
        outputs=tuple(Output("other", f"{i + 1}") for i in range(out_channels or 0)),
        notes=(AS_THEY_ARE, *notes),
    )


def _told_by_weights(engine: Engine, name: str) -> tuple[int, int]:
    from napari_shiftseg.networks.opening.torch_file import TorchEngine, tells_size

    told = None
    if isinstance(engine, TorchEngine):
        told = tells_size(dict(engine.module.state_dict()))
    if told is None:
        raise UnreadableNetworkError(
            f"{name} does not say which axes and channels it reads: put it into a "
            f"BioImage.IO package that does"
        )
    return told
