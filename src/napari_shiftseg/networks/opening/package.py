"""BioImage.IO packages: a description, and weights in the safest format it has."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.networks.header import PACKAGE_ENDING, PACKAGE_NAMES
from napari_shiftseg.networks.opening.bundle import is_elsewhere
from napari_shiftseg.networks.opening.description import (
    Description,
    Tensor,
    image_names,
    read_description,
)
from napari_shiftseg.networks.opening.engine import Layout, SizeRefusedError
from napari_shiftseg.networks.opening.onnx_engine import OnnxEngine
from napari_shiftseg.networks.opening.onnx_reading import read_onnx
from napari_shiftseg.networks.opening.opened import OpenedNetwork, TestPair
from napari_shiftseg.networks.opening.outputs import outputs_of
from napari_shiftseg.networks.opening.step_words import Step, read_step
from napari_shiftseg.networks.opening.steps import Intensity, Statistic
from napari_shiftseg.networks.opening.trust import (
    Trusted,
    UnreadableNetworkError,
    check_hash,
    hash_of,
    require_trust,
)
from napari_shiftseg.networks.opening.yaml_text import MOST_BYTES, read_yaml
from napari_shiftseg.text import brief, by, visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_shiftseg.networks.opening.bundle import Bundle
    from napari_shiftseg.networks.opening.engine import Engine

# the safest first: no code at all, a program in its own interpreter, a Python file
FORMATS = ("onnx", "torchscript", "pytorch_state_dict")
MOST_TEST = 2**28  # bytes of a test array


def description_in(bundle: Bundle) -> str | None:
    """Return the name of the one description that files hold; None if there is none.

    Parameters
    ----------
    bundle : Bundle
    """
    names = bundle.names()
    usual = [name for name in PACKAGE_NAMES if name in names]
    ended = [name for name in names if name.endswith(PACKAGE_ENDING)]
    others = [name for name in ended if "/" not in name]
    if not usual and len(others) > 1:
        raise UnreadableNetworkError(
            f"{bundle.where.name} holds the descriptions {brief(others)}: open the one "
            f"that you mean"
        )
    return (*usual, *others)[0] if usual or others else None


def open_package(name: str, bundle: Bundle, trusted: Trusted) -> OpenedNetwork:
    """Open a package. Nothing is fetched from the internet, whatever it names.

    Parameters
    ----------
    name : str
        Of its description.
    bundle : Bundle
        Its files.
    trusted : frozenset of str, or callable
        See `require_trust`.

    Raises
    ------
    UnreadableNetworkError
        If it is damaged, of another kind, or has its weights on the internet.
    Untrusted
        If its weights are a program, or need one.
    """
    said = read_description(read_yaml(bundle.read(name, MOST_BYTES), name), name)
    weights, digest = _open_weights(said, bundle, trusted)
    return _described(said, weights, digest, bundle)


def _open_weights(
    said: Description, bundle: Bundle, trusted: Trusted
) -> tuple[Engine, str]:
    """Open the safest weights that are here."""
    known = [form for form in FORMATS if form in said.weights]
    if not known:
        raise UnreadableNetworkError(
            f"{bundle.where.name} has weights as {brief(list(said.weights))} alone; "
            f"{', '.join(FORMATS)} are opened: convert them to ONNX"
        )
    here = [form for form in known if not is_elsewhere(_source(said.weights[form]))]
    if not here:
        source = _source(said.weights[known[0]])
        raise UnreadableNetworkError(
            f"{bundle.where.name} needs the internet: its weights lie at "
            f"{brief(source)}, and nothing is fetched here. Download them into its "
            f"folder, and name that file as their source"
        )
    return OPENERS[here[0]](said.weights[here[0]], bundle, trusted)


def _source(entry: dict[str, Any]) -> str:
    return str(entry.get("source", ""))


def _read_checked(entry: dict[str, Any], bundle: Bundle) -> bytes:
    """Read a file whose hash stands beside its name."""
    content = bundle.read(_source(entry))
    check_hash(entry.get("sha256"), content, _source(entry))
    return content


def _onnx(
    entry: dict[str, Any], bundle: Bundle, trusted: Trusted
) -> tuple[Engine, str]:
    content = _read_checked(entry, bundle)
    name = _source(entry)
    model, digest = read_onnx(name, content, bundle)
    return OnnxEngine(model, name), digest


def _torchscript(
    entry: dict[str, Any], bundle: Bundle, trusted: Trusted
) -> tuple[Engine, str]:
    from napari_shiftseg.networks.opening.torch_file import open_torchscript

    content = _read_checked(entry, bundle)
    name = _source(entry)
    require_trust(bundle.where / name, content, "a TorchScript program", trusted)
    return open_torchscript(content, name), hash_of(content)


def _state_dict(
    entry: dict[str, Any], bundle: Bundle, trusted: Trusted
) -> tuple[Engine, str]:
    from napari_shiftseg.networks.opening.keys import fitted
    from napari_shiftseg.networks.opening.python_file import Architecture
    from napari_shiftseg.networks.opening.torch_file import TorchEngine, read_weights

    architecture = Architecture.of(entry)
    module = architecture.make(bundle, trusted)
    content = _read_checked(entry, bundle)
    found = fitted(read_weights(content, _source(entry)), module, _source(entry))
    module.load_state_dict(found.weights, strict=False)
    return TorchEngine(module.float().eval(), _source(entry)), hash_of(content)


OPENERS: dict[str, Callable[[dict[str, Any], Bundle, Trusted], tuple[Engine, str]]] = {
    "onnx": _onnx,
    "torchscript": _torchscript,
    "pytorch_state_dict": _state_dict,
}


def _described(
    said: Description, engine: Engine, digest: str, bundle: Bundle
) -> OpenedNetwork:
    image = image_names(said.given.image_axes)
    layout = Layout(_order(said.given, image), _order(said.made, image))
    channels = said.given.channels
    in_channels = channels.size if channels else 1
    _check_input(engine, layout, in_channels, said)
    before = [step for words in said.given.steps if (step := read_step(words))]
    after, left_out = _activation(said.made)
    _check_values(before, in_channels, said.given.name)
    made = said.made.channels
    out_channels = made.size or None if made else 1
    if out_channels:
        _check_values(after, out_channels, said.made.name)
    fixed, notes = _sizes(said, engine, layout)
    network = OpenedNetwork(
        name=visible(said.name),
        description=visible(said.description, "\n\t"),
        source=bundle.where,
        sha256=digest,
        ndim=len(image),
        in_channels=in_channels,
        out_channels=out_channels,
        engine=engine,
        layout=layout,
        fixed_size=fixed,
        intensity=Intensity(tuple(before)),
        outputs=_outputs(said.made, after, out_channels),
        activation=tuple(after),
        declared=said.declared,
        settings=said.settings,
        notes=(*notes, *left_out),
    )
    return network if left_out else replace(network, test=_test(said, bundle, network))


def _order(tensor: Tensor, image: list[str]) -> tuple[str | int, ...]:
    return tuple(
        axis.name if axis.name in ("b", "c") else image.index(axis.of or axis.name)
        for axis in tensor.axes
    )


def _check_input(
    engine: Engine, layout: Layout, in_channels: int, said: Description
) -> None:
    """Refuse weights that read other axes or channels than the description says."""
    sizes = engine.input_size
    if not sizes:
        return
    known = dict(zip(layout.given, sizes, strict=False)).get("c") or in_channels
    if len(sizes) != len(layout.given) or known != in_channels:
        raise UnreadableNetworkError(
            f"the weights of {brief(said.name)} read {len(sizes)} axes of the sizes "
            f"{brief(sizes)}, its description says {len(layout.given)} axes and "
            f"{in_channels} channels: they do not belong together"
        )


def _activation(made: Tensor) -> tuple[list[Any], list[str]]:
    """Return the steps of a pixel after the network, and what is left out, in words."""
    steps: list[Any] = []
    for place, words in enumerate(made.steps):
        step: Step | None = None
        try:
            step = read_step(words)
        except UnreadableNetworkError:
            left = made.steps[place:]
        else:
            if not isinstance(step, Statistic):
                steps += [step] if step else []
                continue
            left = made.steps[place:]
        names = ", ".join(visible(each.name) for each in left)
        return steps, [
            f"Its post-processing from {visible(words.name)} on is left out ({names}): "
            f"it is not done pixel by pixel, or not known."
        ]
    return steps, []


def _check_values(steps: list[Any], channels: int, tensor: str) -> None:
    for step in steps:
        for values in vars(step).values():
            if isinstance(values, tuple) and len(values) not in (1, channels):
                raise UnreadableNetworkError(
                    f"a step of {brief(tensor)} has {len(values)} values for "
                    f"{channels} channels: one, or one a channel, is needed"
                )


def _sizes(
    said: Description, engine: Engine, layout: Layout
) -> tuple[tuple[int, ...] | None, list[str]]:
    """Return the one size that is read, if it is one; and what to say of it.

    What the file of the weights says counts. Where it says nothing, the description is
    believed.
    """
    declared = tuple(axis.smallest for axis in said.declared)
    says_fixed = all(axis.step == 0 for axis in said.declared)
    sizes = engine.input_size
    if sizes:
        found = [sizes[layout.given.index(i)] for i in range(len(declared))]
        if all(found):
            return tuple(size for size in found if size), []
    if not says_fixed:
        return None, []
    if not sizes:
        return declared, []
    return None, [
        f"It is described as reading {by(declared)} alone, but its layers read other "
        f"sizes, too."
    ]


def _outputs(made: Tensor, after: list[Any], number: int | None) -> tuple[Any, ...]:
    if number is None:
        return ()
    names: tuple[str, ...] = made.channels.names if made.channels else ()
    if len(names) != number:
        one = number == 1
        names = tuple(
            made.name if one else f"{made.name} {i + 1}" for i in range(number)
        )
    return outputs_of(names, f"{made.name} {made.description}", after)


def _test(said: Description, bundle: Bundle, network: OpenedNetwork) -> TestPair | None:
    """Return the package's test arrays, or None where they are not here."""
    files = said.given.test, said.made.test
    if any(not file or is_elsewhere(file) for file in files):
        return None
    given, made = (_array(file, bundle) for file in files)
    layout = network.layout
    try:
        image = Layout((), layout.given).from_network(given)
        output = layout.from_network(made)
    except SizeRefusedError:
        raise UnreadableNetworkError(
            f"the test arrays of {brief(said.name)} have {given.ndim} and {made.ndim} "
            f"axes, its description {len(layout.given)} and {len(layout.made)}: they "
            f"do not belong together"
        ) from None
    if image.shape[1] != network.in_channels:
        raise UnreadableNetworkError(
            f"the test image of {brief(said.name)} has {image.shape[1]} channels, its "
            f"description {network.in_channels}: they do not belong together"
        )
    return TestPair(image, output)


def _array(file: str, bundle: Bundle) -> NDArray[Any]:
    content = bundle.read(file, MOST_TEST)
    try:
        found = np.load(BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError, MemoryError, OverflowError) as error:
        raise UnreadableNetworkError(
            f"{brief(file)} is no array of numbers ({brief(str(error))}): get it again"
        ) from None
    if not isinstance(found, np.ndarray) or found.dtype.kind not in "fiub":
        raise UnreadableNetworkError(f"{brief(file)} is no array of numbers")
    return found
