"""What a BioImage.IO description says, of format 0.4 or 0.5: one shape for both."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from napari_shiftseg.networks.header import CONFIG_KEY
from napari_shiftseg.networks.opening.opened import AxisDeclared
from napari_shiftseg.networks.opening.step_words import Words, read_steps
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMATS = ("0.4", "0.5")
IMAGE_ORDER = ("z", "y", "x")
MOST_CHANNELS = 4096
MOST_PIXELS = 2**20  # along an axis
FINEST = 1000  # denominator of a scale


@dataclass(frozen=True)
class TensorAxis:
    """One axis of a tensor: "b", "c", or an axis of the image by its own name.

    Attributes
    ----------
    name : str
    size : int
        The least; of channels their number; 0: not said.
    step : int
    names : tuple of str
        Of channels.
    of : str
        The axis of the input that its size follows.
    scale, offset, halo
        See `AxisDeclared`.
    """

    name: str
    size: int = 0
    step: int = 0
    names: tuple[str, ...] = ()
    of: str = ""
    scale: Fraction = Fraction(1)
    offset: int = 0
    halo: int = 0


@dataclass(frozen=True)
class Tensor:
    """One input or output."""

    name: str
    description: str
    axes: tuple[TensorAxis, ...]
    steps: tuple[Words, ...]
    test: str  # file of its test array; "" if there is none

    @property
    def image_axes(self) -> tuple[TensorAxis, ...]:
        """Axes of the image: z, y, x, others as they stand."""
        found = [axis for axis in self.axes if axis.name not in ("b", "c")]
        known = all(axis.name in IMAGE_ORDER for axis in found)
        if known:
            found.sort(key=lambda axis: IMAGE_ORDER.index(axis.name))
        return tuple(found)

    @property
    def channels(self) -> TensorAxis | None:
        """Its axis of channels."""
        return next((axis for axis in self.axes if axis.name == "c"), None)


@dataclass(frozen=True)
class Description:
    """A model's description.

    Attributes
    ----------
    name, description : str
    given, made : Tensor
        Its one input and its one output.
    weights : dict
        By format, as the file gives them.
    settings : dict
        Of one of our models; empty for others.
    """

    name: str
    description: str
    given: Tensor
    made: Tensor
    weights: dict[str, dict[str, Any]]
    settings: dict[str, Any]

    @property
    def declared(self) -> tuple[AxisDeclared, ...]:
        """What it says of each axis of the image."""
        made = {axis.of or axis.name: axis for axis in self.made.image_axes}
        return tuple(
            AxisDeclared(
                axis.name,
                max(axis.size, 1),
                axis.step if axis.size else 1,
                made[axis.name].halo,
                made[axis.name].offset,
                made[axis.name].scale,
            )
            for axis in self.given.image_axes
        )


def read_description(content: dict[str, Any], name: str) -> Description:
    """Read a description.

    Parameters
    ----------
    content : dict
        Of its YAML.
    name : str
        Of its file, for errors.

    Raises
    ------
    UnreadableNetworkError
        If it is of no model, of another format, or of several images.
    """
    try:
        return _read(content)
    except UnreadableNetworkError as error:
        raise UnreadableNetworkError(f"{name}: {error}") from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableNetworkError(
            f"{name} is no description of a model as BioImage.IO has it "
            f"({type(error).__name__}: {brief(str(error))}): check it with "
            f"'bioimageio validate-format'"
        ) from None


def _read(content: dict[str, Any]) -> Description:
    version = str(content.get("format_version", ""))
    if content.get("type", "model") != "model" or version[:3] not in FORMATS:
        raise UnreadableNetworkError(
            f"it describes a {brief(content.get('type'))} in format "
            f"{brief(version)}; a model in format {' or '.join(FORMATS)} is needed"
        )
    inputs, outputs = content["inputs"], content["outputs"]
    if (len(inputs), len(outputs)) != (1, 1):
        raise UnreadableNetworkError(
            f"it has {len(inputs)} inputs and {len(outputs)} outputs; models of one "
            f"image in and one out are opened, take another model"
        )
    reader = _read_04 if version[:3] == "0.4" else _read_05
    given, made = reader(content)
    _check_axes(given, made)
    weights = {
        str(form): entry
        for form, entry in content["weights"].items()
        if isinstance(entry, dict)
    }
    name = str(content.get("name", "")) or "untitled"
    settings = (content.get("config") or {}).get(CONFIG_KEY) or {}
    description = str(content.get("description", ""))
    return Description(name, description, given, made, weights, dict(settings))


def _read_05(content: dict[str, Any]) -> tuple[Tensor, Tensor]:
    (given,), (made,) = content["inputs"], content["outputs"]
    read = _tensor_05(given, "input", "preprocessing", {})
    scales = {_id(axis): Fraction(str(axis.get("scale", 1))) for axis in given["axes"]}
    return read, _tensor_05(made, "output", "postprocessing", scales, read)


def _tensor_05(
    found: dict[str, Any],
    usual: str,
    steps: str,
    scales: dict[str, Fraction],
    given: Tensor | None = None,
) -> Tensor:
    name = str(found.get("id", usual))
    axes = [_axis_05(axis, scales) for axis in found["axes"]]
    axes = [_followed(axis, axes, given) for axis in axes]
    test = found.get("test_tensor") or {}
    return Tensor(
        name,
        str(found.get("description", "")),
        tuple(axes),
        tuple(read_steps(found.get(steps) or [], [a.name for a in axes], name)),
        str(test.get("source", "")),
    )


def _id(axis: dict[str, Any]) -> str:
    usual = {"space": "x", "channel": "c", "batch": "b"}
    kind = axis["type"]
    return (
        usual[kind]
        if kind in ("channel", "batch")
        else str(axis.get("id", usual.get(kind, kind)))
    )


def _axis_05(axis: dict[str, Any], scales: dict[str, Fraction]) -> TensorAxis:
    kind, name = axis["type"], _id(axis)
    if kind == "batch":
        return TensorAxis("b")
    if kind == "channel":
        names = tuple(str(each) for each in axis["channel_names"])
        return TensorAxis("c", _pixels(len(names), MOST_CHANNELS), names=names)
    if kind != "space":
        raise UnreadableNetworkError(
            f"it has an axis of {brief(kind)}; batch, channels and axes of space are "
            f"read: take a model of single images"
        )
    size, halo = axis.get("size", 0), _pixels(axis.get("halo", 0))
    if isinstance(size, int):
        return TensorAxis(name, _pixels(size), halo=halo)
    if "axis_id" in size:
        of = str(size["axis_id"])
        scale = scales.get(of, Fraction(1)) / Fraction(str(axis.get("scale", 1)))
        return TensorAxis(
            name,
            of=of,
            scale=scale.limit_denominator(FINEST),
            offset=_whole(size.get("offset", 0)),
            halo=halo,
        )
    if "step" not in size:
        raise UnreadableNetworkError(
            f"the size of {brief(name)} depends on what the image shows: such a model "
            f"gives no image"
        )
    return TensorAxis(name, _pixels(size["min"]), _pixels(size["step"]), halo=halo)


def _followed(
    axis: TensorAxis, axes: list[TensorAxis], given: Tensor | None
) -> TensorAxis:
    """Give an axis of the input whose size follows another one that one's rule."""
    if given is not None or not axis.of:
        return axis
    other = next((a for a in axes if a.name == axis.of and not a.of), None)
    if other is None:
        raise UnreadableNetworkError(f"the size of {brief(axis.name)} follows no axis")
    return TensorAxis(axis.name, other.size + axis.offset, other.step)


def _read_04(content: dict[str, Any]) -> tuple[Tensor, Tensor]:
    (given,), (made,) = content["inputs"], content["outputs"]
    tests = [content.get(each) or [""] for each in ("test_inputs", "test_outputs")]
    shape = given["shape"]
    least, step = (
        (shape["min"], shape["step"])
        if isinstance(shape, dict)
        else (shape, [0] * len(shape))
    )
    axes = [
        TensorAxis(name, _pixels(size), _pixels(more))
        for name, size, more in zip(_letters(given), least, step, strict=True)
    ]
    sizes = {axis.name: axis.size for axis in axes}
    read = _tensor_04(given, axes, "preprocessing", str(tests[0][0]))
    return read, _tensor_04(
        made, _made_04(made, sizes), "postprocessing", str(tests[1][0])
    )


def _letters(tensor: dict[str, Any]) -> list[str]:
    letters = list(tensor["axes"])
    foreign = [each for each in letters if each not in ("b", "c", *IMAGE_ORDER)]
    if foreign:
        raise UnreadableNetworkError(
            f"it has the axes {brief(tensor['axes'])}; of b, c, z, y and x all are "
            f"read: take a model of single images"
        )
    return letters


def _made_04(made: dict[str, Any], sizes: dict[str, int]) -> list[TensorAxis]:
    letters, shape = _letters(made), made["shape"]
    halo = made.get("halo") or [0] * len(letters)
    if not isinstance(shape, dict):
        return [
            TensorAxis(
                name,
                _pixels(size),
                halo=_pixels(wrong),
                offset=0 if name in "bc" else int(size) - sizes.get(name, int(size)),
            )
            for name, size, wrong in zip(letters, shape, halo, strict=True)
        ]
    axes = []
    for name, scale, offset, wrong in zip(
        letters, shape["scale"], shape["offset"], halo, strict=True
    ):
        more = _whole(2 * Fraction(str(offset)))
        ratio = Fraction(str(scale or 0)).limit_denominator(FINEST)
        number = int(sizes.get(name, 0) * ratio) + more if name == "c" else 0
        axes.append(
            TensorAxis(
                name,
                _pixels(number, MOST_CHANNELS),
                of=name,
                scale=ratio,
                offset=more,
                halo=_pixels(wrong),
            )
        )
    return axes


def _tensor_04(
    found: dict[str, Any], axes: list[TensorAxis], steps: str, test: str
) -> Tensor:
    name = str(found.get("name", steps))
    words = read_steps(found.get(steps) or [], [a.name for a in axes], name)
    of_letters = [
        Words(w.name, {**w.settings, **_letters_apart(w.settings)}, w.axes, w.tensor)
        for w in words
    ]
    description = str(found.get("description", ""))
    return Tensor(name, description, tuple(axes), tuple(of_letters), test)


def _letters_apart(settings: dict[str, Any]) -> dict[str, Any]:
    return {"axes": list(settings["axes"])} if settings.get("axes") else {}


def _check_axes(given: Tensor, made: Tensor) -> None:
    for tensor in (given, made):
        names = [axis.name for axis in tensor.axes]
        if len(set(names)) < len(names) or not 1 <= len(tensor.image_axes) <= 3:
            raise UnreadableNetworkError(
                f"{brief(tensor.name)} has the axes {brief(names)}; 1 to 3 axes of an "
                f"image, each once, are needed"
            )
    read = {axis.name for axis in given.image_axes}
    written = {axis.of or axis.name for axis in made.image_axes}
    if read != written:
        raise UnreadableNetworkError(
            f"it reads the axes {brief(sorted(read))} and gives "
            f"{brief(sorted(written))}: a model that gives an image of the same "
            f"axes is needed"
        )


def _whole(value: Any) -> int:
    number = Fraction(str(value))
    if number.denominator != 1 or abs(number) > MOST_PIXELS:
        raise UnreadableNetworkError(
            f"sizes must be whole and at most {MOST_PIXELS:,}, got {brief(value)}"
        )
    return int(number)


def _pixels(value: Any, most: int = MOST_PIXELS) -> int:
    if isinstance(value, bool) or not 0 <= _whole(value) <= most:
        raise UnreadableNetworkError(f"sizes are 0 to {most:,}, got {brief(value)}")
    return _whole(value)


def image_names(axes: Sequence[TensorAxis]) -> list[str]:
    """Return the names of the image's axes that these follow."""
    return [axis.of or axis.name for axis in axes]
