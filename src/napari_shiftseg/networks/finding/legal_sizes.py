"""Which input sizes lose no pixel, along one axis."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from napari_shiftseg.networks.finding.steps import Unreadable, Window

NOTHING = Window()


@dataclass(frozen=True)
class SizeStep:
    """What a step makes of the size of its tensor along one axis."""

    kind: Literal["window", "spread", "scale", "pad", "every", "same"]
    reads: tuple[str, ...]
    writes: str
    window: Window = NOTHING
    scale: Fraction = Fraction(1)
    least: int = 1  # smallest size it can read; above 1 for reflected pixels


def output_of(
    steps: list[SizeStep], reads: str, writes: str, size: int, strict: bool
) -> int | None:
    """Return the output size; None if two tensors do not fit.

    None, too, if it is strict and a pixel is lost on the way.
    """
    sizes = {reads: size}
    for step in steps:
        read = {sizes[name] for name in step.reads}
        if len(read) > 1:
            return None
        made = _made(step, read.pop(), strict)
        if made is None or made < 1:
            return None
        sizes[step.writes] = made
    return sizes[writes]


def _made(step: SizeStep, size: int, strict: bool) -> int | None:
    w = step.window
    if size < step.least:
        return None
    if step.kind == "window":
        return _windows(w, size, strict)
    if step.kind == "spread":
        return (size - 1) * w.stride - w.before + w.span + w.after
    if step.kind == "pad":
        return size + w.before + w.after
    if step.kind == "every":
        return None if (size - w.before) % w.stride else (size - w.before) // w.stride
    scaled = size * step.scale
    return int(scaled) if scaled.denominator == 1 else None


def _windows(w: Window, size: int, strict: bool) -> int | None:
    """Return the number of windows; None if the last pixels may not be in none."""
    room = size + w.before + w.after - w.span
    if room < 0:
        return None
    number = room // w.stride + 1
    if w.ceil and room % w.stride and number * w.stride < size + w.before:
        number += 1
    # a window narrower than the stride stands for all pixels up to the next one
    last = (number - 1) * w.stride - w.before + max(w.span, w.stride) - 1
    return None if strict and last < size - 1 else number


@dataclass(frozen=True)
class SizeRule:
    """Legal are sizes >= smallest with size % multiple == remainder."""

    multiple: int
    remainder: int
    smallest: int
    lost: Fraction  # size − output / rate, input pixels without an output


def size_rule(
    steps: list[SizeStep],
    reads: str,
    writes: str,
    period: int,
    rate: Fraction,
    size: int,
) -> SizeRule:
    """Return which sizes are legal: no pixel is lost, the rest is as at a known size.

    Parameters
    ----------
    steps : list of SizeStep
    reads, writes : str
        Image and prediction.
    period : int
    rate : Fraction
        Output pixels an input pixel.
    size : int
        At which the network was read, in pixels.

    Raises
    ------
    Unreadable
        If its tensors fit together at no size.
    """
    last = max(size, 2 * period) + 2 * period
    lost: dict[int, Fraction] = {}
    for strict in (True, False):  # some lose a pixel at every size
        for n in range(1, last + 1):
            output = output_of(steps, reads, writes, n, strict)
            if output is not None:
                lost[n] = n - output / rate
        if lost:
            break
    else:
        raise Unreadable(f"fits no input of up to {last} pixels")
    usual = min((v for v in lost.values() if v >= 0), default=max(lost.values()))
    legal = {n for n in lost if lost[n] == usual}
    top = max(legal)
    near = {n for n in legal if n > top - period}
    multiple = spacing({n % period for n in near}, period)
    smallest = top
    while smallest - multiple in legal:
        smallest -= multiple
    if multiple < period and usual == 0:
        multiple, smallest = period, -(-smallest // period) * period
    return SizeRule(multiple, smallest % multiple, smallest, usual)


def spacing(residues: set[int], period: int) -> int:
    """Return the least m that divides the period so that residues are one class of it.

    The period itself if they are no class of a smaller one.
    """
    for m in range(1, period + 1):
        one_class = {n % m for n in residues}
        if period % m == 0 and len(one_class) == 1 and len(residues) == period // m:
            return m
    return period
