"""Steps by the names and settings that BioImage.IO has for them."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING, Any

from napari_shiftseg.networks.opening.steps import (
    Clip,
    Linear,
    Pixelwise,
    Sigmoid,
    Softmax,
    Statistic,
    Threshold,
    Values,
    Whole,
)
from napari_shiftseg.networks.opening.trust import UnreadableNetworkError
from napari_shiftseg.text import brief

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Step = Pixelwise | Statistic
WHOLE = (
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "bool",
)
INFINITE = float("inf")
MOST_STEPS, MOST_VALUES = 100, 4096


@dataclass(frozen=True)
class Words:
    """One step as a file gives it.

    Attributes
    ----------
    name : str
    settings : dict
    axes : tuple of str
        Of the tensor it is a step of: "b", "c" and those of space.
    tensor : str
        Name of that tensor.
    """

    name: str
    settings: dict[str, Any]
    axes: tuple[str, ...]
    tensor: str

    def refuse(self, why: str) -> UnreadableNetworkError:
        """Return an error that names the step."""
        return UnreadableNetworkError(
            f"the step {brief(self.name)} of {brief(self.tensor)} {why}"
        )

    def check_names(self, known: Sequence[str]) -> None:
        """Refuse a setting that the step does not have, as a slip of the pen is."""
        for name in self.settings:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                meant = f", did you mean {near[0]}?" if near else ""
                has = f"has {', '.join(known)}" if known else "has no settings"
                raise self.refuse(
                    f"has no setting {brief(name)}{meant}; it {has}: mend the "
                    f"description"
                )

    def number(self, name: str, usual: float) -> float:
        """Return a setting that is one number."""
        found = self.settings.get(name)
        return self.values(usual if found is None else found, name)[0]

    def values(self, given: Any, name: str) -> Values:
        """Return a setting that is one number, or one a channel."""
        found = given if isinstance(given, (list, tuple)) else [given]
        is_right = 0 < len(found) <= MOST_VALUES and all(
            isinstance(v, (int, float)) and isfinite(v) for v in found
        )
        if not is_right:
            raise self.refuse(
                f"needs numbers as {name}, got {brief(given)}: mend the description"
            )
        return tuple(float(v) for v in found)

    def per_channel(self) -> bool:
        """Whether it looks at every channel by itself; at all of an image it must.

        A file's ``axes`` are those over which it looks at all pixels together.
        """
        given = self.settings.get("axes")
        if given is None:
            return False
        together = {_short(str(axis)) for axis in given}
        apart = [axis for axis in self.axes if axis not in (*together, "b", "c")]
        if apart:
            raise self.refuse(
                f"scales every plane along {', '.join(apart)} by itself, but here an "
                f"image is scaled as a whole: name all its axes in the step"
            )
        return "c" in self.axes and "c" not in together


def _short(axis: str) -> str:
    return {"batch": "b", "channel": "c"}.get(axis, axis)


def read_step(words: Words) -> Step | None:
    """Return one step; None if it changes nothing here, such as a cast to float32.

    Parameters
    ----------
    words : Words

    Raises
    ------
    UnreadableNetworkError
        If it is unknown, or its settings are wrong.
    """
    reader = READERS.get(words.name)
    if reader is None:
        near = get_close_matches(words.name, READERS, n=1)
        meant = f", did you mean {near[0]}?" if near else ""
        raise words.refuse(
            f"is not known{meant}; known are {', '.join(READERS)}: apply it to the "
            f"images yourself, and leave it out of the description"
        )
    words.check_names(SETTINGS[words.name])
    axis = words.settings.get("axis", "channel")
    if _short(str(axis)) != "c":
        raise words.refuse(f"is along {brief(axis)}; here it is along channels alone")
    return reader(words)


def read_steps(given: Any, axes: Sequence[str], tensor: str) -> list[Words]:
    """Return the steps of a tensor, as a file of format 0.4 or 0.5 gives them.

    Parameters
    ----------
    given : list of dict
        Each ``{id or name: ..., kwargs: {...}}``.
    axes : sequence of str
        Of the tensor.
    tensor : str
        Its name.
    """
    if not isinstance(given, (list, tuple)) or len(given) > MOST_STEPS:
        raise UnreadableNetworkError(
            f"the steps of {brief(tensor)} must be a list of at most {MOST_STEPS}, got "
            f"{brief(given)}"
        )
    found = []
    for each in given:
        name = each.get("id", each.get("name")) if isinstance(each, dict) else None
        settings = (each.get("kwargs") or {}) if name else {}
        if not isinstance(name, str) or not isinstance(settings, dict):
            raise UnreadableNetworkError(
                f"a step of {brief(tensor)} needs an id and kwargs, got {brief(each)}"
            )
        found.append(Words(name, settings, tuple(axes), tensor))
    return found


def _zero_mean(words: Words) -> Step:
    mode = words.settings.get("mode", "per_sample")  # of format 0.4
    if mode == "fixed":
        return _fixed_zero_mean(words)
    if mode not in ("per_sample", "per_dataset"):
        raise words.refuse(
            f"has the mode {brief(mode)}: fixed, per_sample or per_dataset is needed"
        )
    eps = words.number("eps", 1e-6)
    return Statistic("zero_mean_unit_variance", words.per_channel(), eps=eps)


def _fixed_zero_mean(words: Words) -> Step:
    mean, std = (words.values(words.settings.get(n), n) for n in ("mean", "std"))
    if min(std) <= 0:
        raise words.refuse(f"needs a std above 0, got {brief(std)}")
    return Linear(mean, tuple(1 / each for each in std))


def _scale_range(words: Words) -> Step:
    raw = words.settings.get("reference_tensor")
    if raw not in (None, words.tensor):
        raise words.refuse(f"looks at another tensor, {brief(raw)}: it cannot be done")
    low, high = words.number("min_percentile", 0), words.number("max_percentile", 100)
    _check_percentiles(words, low, high)
    eps = words.number("eps", 1e-6)
    apart = words.per_channel()
    return Statistic("scale_range", apart, low, high, eps, of_raw=raw is not None)


def _check_percentiles(words: Words, low: float, high: float) -> None:
    if not 0 <= low < high <= 100:
        raise words.refuse(
            f"needs 0 ≤ min_percentile < max_percentile ≤ 100, got {low:g} and {high:g}"
        )


def _scale_linear(words: Words) -> Step:
    gain = words.values(words.settings.get("gain", 1.0), "gain")
    shift = words.values(words.settings.get("offset", 0.0), "offset")
    if 0 in gain:
        raise words.refuse("has a gain of 0, so that every image is the same")
    number = max(len(gain), len(shift))
    gain, shift = (v * number if len(v) == 1 else v for v in (gain, shift))
    if len(gain) != len(shift):
        raise words.refuse(f"has {len(gain)} gains and {len(shift)} offsets")
    return Linear(tuple(-s / g for s, g in zip(shift, gain, strict=True)), gain)


def _clip(words: Words) -> Step:
    given = words.settings
    if "min_percentile" in given or "max_percentile" in given:
        if "min" in given or "max" in given:
            raise words.refuse("mixes values and percentiles: name one or the other")
        low = words.number("min_percentile", 0)
        high = words.number("max_percentile", 100)
        _check_percentiles(words, low, high)
        return Statistic("clip", words.per_channel(), low, high)
    low, high = (
        words.number(name, 0) if given.get(name) is not None else usual
        for name, usual in (("min", -INFINITE), ("max", INFINITE))
    )
    return Clip((low,), (high,))


def _binarize(words: Words) -> Step:
    return Threshold(words.values(words.settings.get("threshold"), "threshold"))


def _ensure_dtype(words: Words) -> Step | None:
    dtype = words.settings.get("dtype")
    if dtype in ("float32", "float64", "float16"):
        return None
    if dtype not in WHOLE:
        raise words.refuse(f"names no known type of numbers, {brief(dtype)}")
    return Whole(str(dtype))


def _softmax(words: Words) -> Step:
    if "c" not in words.axes:
        raise words.refuse("is over channels, of which there are none")
    return Softmax()


READERS: dict[str, Callable[[Words], Step | None]] = {
    "zero_mean_unit_variance": _zero_mean,
    "fixed_zero_mean_unit_variance": _fixed_zero_mean,
    "scale_range": _scale_range,
    "scale_linear": _scale_linear,
    "clip": _clip,
    "binarize": _binarize,
    "ensure_dtype": _ensure_dtype,
    "sigmoid": lambda words: Sigmoid(),
    "softmax": _softmax,
}

# of formats 0.4 and 0.5
SETTINGS: dict[str, tuple[str, ...]] = {
    "zero_mean_unit_variance": ("mode", "axes", "axis", "mean", "std", "eps"),
    "fixed_zero_mean_unit_variance": ("mean", "std", "axis"),
    "scale_range": (
        *("mode", "axes", "axis", "min_percentile", "max_percentile", "eps"),
        "reference_tensor",
    ),
    "scale_linear": ("gain", "offset", "axes", "axis"),
    "clip": ("min", "max", "min_percentile", "max_percentile", "axes", "axis"),
    "binarize": ("threshold", "axis"),
    "ensure_dtype": ("dtype",),
    "sigmoid": (),
    "softmax": ("axis",),
}
