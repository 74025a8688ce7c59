"""How the frames of an image are read, as JSON that a run finds again."""

from __future__ import annotations

from dataclasses import asdict
from math import inf
from typing import Any

from napari_shiftseg.intensity.scale import Scale
from napari_shiftseg.intensity.stack import FrameScales


def as_json(scales: FrameScales) -> dict[str, Any]:
    """Return scales, ready for JSON; numbers stay what they are, to the last bit."""
    return {
        "common": None if scales.common is None else _said(scales.common),
        "notes": list(scales.notes),
        "planes": list(scales.planes),
        "own": [[list(at), _said(scale)] for at, scale in scales.own.items()],
        "known": None if scales.known is None else sorted(map(list, scales.known)),
    }


def from_json(said: dict[str, Any]) -> FrameScales:
    """Return what `as_json` was made of."""
    return FrameScales(
        None if said["common"] is None else _scale(said["common"]),
        tuple(said["notes"]),
        tuple(said["planes"]),
        {tuple(at): _scale(scale) for at, scale in said["own"]},
        None if said["known"] is None else frozenset(map(tuple, said["known"])),
    )


def _said(scale: Scale) -> dict[str, Any]:
    """Return the values of a scale; JSON knows no infinite ceiling, the usual one."""
    return {name: value for name, value in asdict(scale).items() if value != inf}


def _scale(said: dict[str, Any]) -> Scale:
    return Scale(**{name: _tuples(value) for name, value in said.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
