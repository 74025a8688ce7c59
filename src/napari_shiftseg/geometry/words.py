"""Numbers and sizes as a person writes them."""

from __future__ import annotations


def by(sizes: tuple[int, ...]) -> str:
    """Write sizes as ``204 × 204``."""
    return " × ".join(str(s) for s in sizes)


def compact(sizes: tuple[int, ...]) -> str:
    """Write sizes as ``16`` where the axes agree, else as ``8 × 16``."""
    return by(sizes) if len(set(sizes)) > 1 else str(sizes[0])


def number_of(many: int, noun: str) -> str:
    """Write a number of things as ``1 object``, ``1,200 objects``."""
    return f"{many:,} {noun}{'s' * (many != 1)}"


def percent(share: float) -> str:
    """Write a share of 1 as ``7 %``."""
    return f"{100 * share:.0f} %"


def sentence(clause: str) -> str:
    """Write a clause as a sentence of its own."""
    return f"{clause[:1].upper()}{clause[1:].removesuffix('.')}."


def grey(value: float) -> str:
    """Write a grey value as ``1,100``, ``0.0123`` or ``1.2e+08``."""
    if value == 0 or 1e6 > abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
