"""A model by its name or its place: ours, or one that was made elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from napari_shiftseg.networks.header import find_model, is_ours, read_unet_config
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.config import NetworkConfig


TRUSTED: set[str] = set()  # SHA-256 sums that the user trusts, as long as this runs


def trust(sha256: str) -> None:
    """Let a file of this SHA-256 sum run code of its own, as long as this process runs.

    Parameters
    ----------
    sha256 : str
        64 hexadecimal digits, as the refusal names them.

    Raises
    ------
    ValueError
        If it is no such sum.
    """
    given = sha256.strip().lower()
    if not re.fullmatch("[0-9a-f]{64}", given):
        raise ValueError(
            f"what is trusted is a SHA-256 sum of 64 hexadecimal digits, got "
            f"{brief(sha256)}: take the one that the refusal names"
        )
    TRUSTED.add(given)


def read_config(source: str | Path, trusted: Iterable[str] = ()) -> NetworkConfig:
    """Read what a model reads and gives, and its sizes.

    Parameters
    ----------
    source, trusted
        See `load_model`. What was found of a network that was made elsewhere is kept;
        the first time it is opened for it, which takes seconds.

    Raises
    ------
    FileNotFoundError, CheckpointError, Untrusted, ValueError
        As `load_model`.
    """
    path = find_model(source)
    if is_ours(path):
        return read_unet_config(path)
    from napari_shiftseg.networks.loading.known import known_config

    return known_config(path, frozenset(TRUSTED.union(trusted)))


def is_read_at_once(source: str | Path) -> bool:
    """Whether `read_config` need not look into a network first, which takes long.

    Parameters
    ----------
    source : str or Path
        See `load_model`; what is not there is refused at once, too.
    """
    try:
        path = find_model(source)
    except OSError:
        return True
    if is_ours(path):
        return True
    from napari_shiftseg.networks.loading.known import is_known

    return is_known(path)


def load_model(source: str | Path, trusted: Iterable[str] = ()) -> TiledNetwork:
    """Load a model in eval mode, on the CPU, in float32.

    Parameters
    ----------
    source : str or Path
        The name of a bundled model or of one in the user's folder, or a path: of a
        .safetensors file of ours, or of a network that was made elsewhere, a
        BioImage.IO package (folder, .yaml or .zip), an .onnx file, a TorchScript or
        torch.export program. Of these, period, context and legal sizes are found.
    trusted : iterable of str
        SHA-256 sums of files that may run code of their own. TorchScript, torch.export
        programs and Python files of packages carry code.

    Raises
    ------
    FileNotFoundError
        If there is neither a model nor a file of this name.
    CheckpointError
        If a file of ours is cut off, holds a pickle, or its weights do not fit its
        config or are not finite.
    Untrusted
        If the file carries code and is not trusted; its sum is named.
    ValueError
        If the file is no network, or one that cannot predict pixel by pixel.
    """
    path = find_model(source)
    if is_ours(path):
        from napari_shiftseg.networks.unet import load_unet

        return load_unet(path)
    from napari_shiftseg.networks.loading.known import load_known

    return load_known(path, frozenset(TRUSTED.union(trusted)))
