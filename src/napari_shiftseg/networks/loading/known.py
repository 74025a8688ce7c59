"""Networks that were made elsewhere: opened, looked into, and known from then on."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from hashlib import blake2b
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from platformdirs import user_cache_path
from pydantic import ValidationError

from napari_shiftseg import __version__
from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.geometry.network_shape import FoundShape
from napari_shiftseg.intensity.scale import Rule
from napari_shiftseg.networks.finding import find
from napari_shiftseg.networks.finding.both_ways import SECONDS
from napari_shiftseg.networks.loading.foreign import (
    ForeignConfig,
    ForeignNetwork,
    Output,
    assumed_uses,
    clustering_of,
    tiled_axis,
)
from napari_shiftseg.networks.loading.stepped import Stepped
from napari_shiftseg.networks.opening.bundle import MOST_ENTRIES
from napari_shiftseg.networks.opening.engine import Layout
from napari_shiftseg.networks.opening.open import YAML, open_network
from napari_shiftseg.networks.opening.steps import Linear, Statistic
from napari_shiftseg.networks.opening.trust import Untrusted
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.progress import say_stage
from napari_shiftseg.stores.kept import read_kept, write_kept

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.networks.finding.found import Found
    from napari_shiftseg.networks.opening.opened import OpenedNetwork
    from napari_shiftseg.networks.opening.steps import Intensity, Pixelwise

KINDS: dict[str, Any] = {
    "zero_mean_unit_variance": "standardized",
    "scale_range": "quantiles",
}


# what was found in this process, by the place where it is kept: that may be read-only
FOUND: dict[Path, ForeignConfig] = {}


def is_known(path: Path) -> bool:
    """Whether a network was looked into before, and its files are as they were."""
    return _kept(_place(path)) is not None


def known_config(path: Path, trusted: frozenset[str] = frozenset()) -> ForeignConfig:
    """Return what was found of a network; the first time it is opened for it.

    Parameters
    ----------
    path, trusted
        See `load_model`.
    """
    place = _place(path)
    kept = _kept(place)
    if kept is not None and not trusted.issuperset(kept.code):
        open_network(path, trusted)  # which refuses it
    return kept or _looked_into(*_opened(path, trusted), path, place)


def load_known(path: Path, trusted: frozenset[str] = frozenset()) -> ForeignNetwork:
    """Open a network that was made elsewhere, and look into it the first time.

    Parameters
    ----------
    path, trusted
        See `load_model`.
    """
    place = _place(path)
    opened, code = _opened(path, trusted)
    kept = _kept(place)
    if kept is None or (kept.sha256, kept.code) != (opened.sha256, code):
        kept = _looked_into(
            opened, code, path, place
        )  # kept of other bytes, or not at all
    return as_network(opened, kept)


def _opened(
    path: Path, trusted: frozenset[str]
) -> tuple[OpenedNetwork, tuple[str, ...]]:
    """Open a network, and return the sums of its files that carry code, too."""
    asked: list[str] = []

    def is_trusted(_: Path, digest: str) -> bool:
        asked.append(digest)
        return digest in trusted

    try:
        return open_network(path, is_trusted), tuple(asked)
    except Untrusted as refused:
        raise Untrusted(refused.file, refused.sha256, refused.kind, trusted) from None


def reopened(path: Path, trusted: frozenset[str], sha256: str) -> ForeignNetwork:
    """Open a network again in another process: the same one, or none.

    Parameters
    ----------
    path, trusted
        See `load_model`.
    sha256 : str
        Of its weights.

    Raises
    ------
    ValueError
        If its weights are others by now.
    """
    network = load_known(path, trusted)
    refuse_changed(path, network.config.sha256, sha256)
    return network


def refuse_changed(path: Path, found: str, expected: str) -> None:
    """Refuse weights that are not those which were opened before.

    Parameters
    ----------
    path : Path
    found, expected : str
        SHA-256 sums.
    """
    if found != expected:
        raise ValueError(
            f"{path.name} was changed since it was opened: begin again with the file "
            f"as it is now"
        )


def as_network(opened: OpenedNetwork, config: ForeignConfig) -> ForeignNetwork:
    """Return an opened network as tiles and clustering need it.

    Parameters
    ----------
    opened : OpenedNetwork
    config : ForeignConfig
        That was found of it.
    """
    _, before = read_as(opened.intensity, opened.in_channels)
    module = getattr(opened.engine, "module", None)
    if module is not None and opened.layout == Layout.usual(opened.ndim):
        is_alone = opened.images_at_once == 1
        stepped = Stepped(module, before, opened.activation, is_alone)
        return ForeignNetwork(config, stepped, reopened).eval()

    def predict(pixels: NDArray[Any]) -> NDArray[Any]:
        each = list(pixels)
        for step in before:
            each = [step(one) for one in each]
        found: NDArray[Any] = opened.predict(np.stack(each))
        return found

    return ForeignNetwork(config, predict, reopened).eval()


def config_of(opened: OpenedNetwork, found: Found) -> ForeignConfig:
    """Return what a network reads and gives, from what it says and what was found.

    Parameters
    ----------
    opened : OpenedNetwork
    found : Found
    """
    found = _at_its_one_size(found, opened.fixed_size)
    sizes, crop = zip(*map(tiled_axis, found.axes), strict=True)
    example = [axis.input_for(1 + 2 * axis.halo) for axis in sizes]
    grey = np.random.default_rng(0).random((1, opened.in_channels, *example))
    outputs = opened.predict(grey.astype(np.float32))
    uses = tuple(Output(use=each.kind, name=each.name) for each in opened.outputs)
    notes = (*opened.notes, *found.notes)
    if {use.use for use in uses} <= {"other"}:
        uses = assumed_uses(outputs)
        taken = ", ".join(dict.fromkeys(use.use for use in uses))
        notes = (*notes, ASSUMED.format(taken))
    objects = of_ours(opened, outputs.shape[1]) or _of_others(opened, uses)
    channels = max(len(uses), objects["embedding_channels"] + objects["foreground"])
    return ForeignConfig(
        **objects,
        name=opened.name,
        description=opened.description,
        ndim=opened.ndim,
        in_channels=opened.in_channels,
        outputs=uses,
        sizes=FoundShape(
            sizes, opened.in_channels, channels, max(found.alive or 0, LEAST_ALIVE)
        ),
        crop=crop,
        coarser=tuple(axis.scale.denominator for axis in found.axes),
        found=found.figures(),
        declared=[_declared(axis) for axis in opened.declared],
        notes=notes,
        kind=_kind_of(opened.source),
        source=str(opened.source.resolve()),
        sha256=opened.sha256,
    )


ASSUMED = (
    "Nothing says what its outputs are: by their values they are taken for {}. Where "
    "that is wrong, its objects are, too."
)


def _at_its_one_size(found: Found, size: tuple[int, ...] | None) -> Found:
    """Return what was found, where a file reads one size alone, whatever its layers."""
    if size is None:
        return found
    pairs = zip(found.axes, size, strict=True)
    axes = [replace(axis, multiple=0, remainder=0, smallest=n) for axis, n in pairs]
    return replace(found, axes=tuple(axes))


LEAST_ALIVE = 64  # numbers for each pixel, where the graph says less or nothing
FILES = {
    ".onnx": "ONNX file",
    ".safetensors": "weights of a known architecture",
    **dict.fromkeys((".pt", ".pth", ".pt2", ".ts", ".torch"), "program of torch"),
}


def _kind_of(source: Path) -> str:
    """Return what a network was opened from, in words."""
    return FILES.get(source.suffix.lower(), "BioImage.IO package")


# what an exported model of ours says of its objects, beside its sizes
OF_OURS = (
    "embedding", "embedding_channels", "foreground", "classes", "intensity",
    "clustering", "diameter", "provenance",
)  # fmt: skip


def of_ours(opened: OpenedNetwork, channels: int) -> dict[str, Any]:
    """Return how objects are made of a model of ours; empty if it is none.

    Parameters
    ----------
    opened : OpenedNetwork
        Of a package of `export_bioimageio`, which holds the model's own config.
    channels : int
        That it gives.
    """
    try:
        own = ModelConfig.model_validate(opened.settings)
    except ValidationError:
        return {}
    read = own.ndim, own.in_channels, own.out_channels
    if read != (opened.ndim, opened.in_channels, channels):
        return {}
    return {name: getattr(own, name) for name in OF_OURS}


def _of_others(opened: OpenedNetwork, uses: tuple[Output, ...]) -> dict[str, Any]:
    """Return how objects are made of a network by what its outputs are."""
    is_embedding = {use.use for use in uses} == {"embedding"}
    intensity, _ = read_as(opened.intensity, opened.in_channels)
    return {
        "embedding": "discriminative" if is_embedding else "outputs",
        "embedding_channels": len(uses),
        "foreground": not is_embedding,
        "intensity": intensity,
        "clustering": Clustering(**clustering_of(uses)),
    }


def read_as(
    intensity: Intensity, channels: int
) -> tuple[Rule | Any, tuple[Pixelwise, ...]]:
    """Return the rule by which an image is scaled as a whole, and what follows.

    Parameters
    ----------
    intensity : Intensity
    channels : int
        Of the image.

    Returns
    -------
    Rule or "as-is", tuple of callable
        The steps that follow are those of a pixel, and the network's own.

    Raises
    ------
    ValueError
        If values are changed in another way than along a line before the whole image
        is looked at.
    """
    before: list[Linear] = []
    for at, step in enumerate(intensity.steps):
        after = intensity.steps[at + 1 :]
        if isinstance(step, Statistic):
            rule = _rule_of(step, before, channels)
            rest = [each for each in after if not isinstance(each, Statistic)]
            of_both = step.of_raw and before  # of the image as it is, and as it is not
            if rule is None or of_both or len(rest) < len(after):
                raise ValueError(TWICE)
            return rule, tuple(rest)
        if isinstance(step, Linear) and len(step.gain) == 1 and step.gain[0] > 0:
            before.append(step)
        elif any(isinstance(each, Statistic) for each in after):
            raise ValueError(CHANGED)
    pixelwise = (s for s in intensity.steps if not isinstance(s, Statistic))
    return "as-is", tuple(pixelwise)


SCALE_FIRST = "which is not supported: scale the image first, as it was trained"
TWICE = (
    f"this network wants an image clipped, or looked at more than once, before it is "
    f"scaled, {SCALE_FIRST}"
)
CHANGED = (
    f"this network wants grey values changed pixel by pixel before it looks at the "
    f"whole image, {SCALE_FIRST}"
)


def _rule_of(found: Statistic, before: list[Linear], channels: int) -> Rule | None:
    """Return a step that looks at the whole image as a rule; None if it is none."""
    if found.kind not in KINDS:
        return None
    is_range = found.kind == "scale_range"
    low, high = (found.low, found.high) if is_range else (0.0, 1.0)
    least = found.eps / prod(step.gain[0] for step in before)
    return Rule(KINDS[found.kind], low, high, least, found.per_channel and channels > 1)


def _declared(axis: Any) -> dict[str, Any]:
    """Return what a package says of an axis, ready for JSON."""
    return {name: str(v) if name == "scale" else v for name, v in vars(axis).items()}


def _looked_into(
    opened: OpenedNetwork, code: tuple[str, ...], path: Path, place: Path
) -> ForeignConfig:
    """Find out about a network, and keep it for its files as they were before."""
    say_stage(
        f"{path.name} is new here: its graph is read, then it is probed, for "
        f"{SECONDS / 60:g} minutes at most"
    )
    config = config_of(opened, find(opened))
    # of the descriptions in a folder the one that was opened, should it be opened again
    source = str(path.absolute())
    config = config.model_copy(update={"code": code, "source": source})
    FOUND[place] = config
    write_kept(place, config.model_dump_json())
    return config


def _kept(place: Path) -> ForeignConfig | None:
    """Return what was found before; None if nothing was, or it cannot be read."""
    if place in FOUND:
        return FOUND[place]
    try:
        return ForeignConfig.model_validate(read_kept(place))
    except ValidationError:
        return None


def _place(path: Path) -> Path:
    """Return where it is kept what was found of a file as it is now."""
    known = blake2b(f"{__version__} {path.name}".encode(), digest_size=16)
    for file in sorted(islice(_files(path), MOST_ENTRIES)):
        with suppress(OSError):  # a link to nowhere
            about = file.stat()
            known.update(f"{file} {about.st_size} {about.st_mtime_ns}".encode())
    folder = user_cache_path("napari-shiftseg", appauthor=False) / "networks"
    return folder / f"{known.hexdigest()}.json"


def _files(path: Path) -> Iterator[Path]:
    """Yield a file and those its weights may lie in, or all of a package's folder."""
    path = path.resolve() if path.is_dir() else path.absolute()
    if path.is_dir():
        yield from path.rglob("*")
    else:
        is_named = path.suffix.lower() in YAML  # which names any file beside it
        for file in path.parent.iterdir():
            if file.is_file() and (is_named or file.name.startswith(path.stem)):
                yield file
