"""The record of a run into a store: what that of a run in memory says, and blocks."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from math import prod
from typing import TYPE_CHECKING, Any

from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.pipeline.doubts import why_none
from napari_shiftseg.pipeline.series import linked_axis
from napari_shiftseg.stores.writing import inputs_of
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from napari_shiftseg.distributed.order import StoreOrder


SUMMED = ("objects", "modes", "blocks", "tiles")
MIXED = (
    "{}: their numbers differ by rounding, so that single pixels may be other than by "
    "one of them alone"
)


def sums_of(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the figures of frames as those of all.

    Parameters
    ----------
    frames : list of dict
        Of frames that hold data, one or more.
    """
    by = sum((Counter(one["by"]) for one in frames), Counter[str]())
    notes = dict.fromkeys(note for one in frames for note in one["notes"])
    if len(by) > 1:
        each = ", ".join(
            f"{number_of(n, 'block')} by {way}" for way, n in by.most_common()
        )
        notes[MIXED.format(f"predicted were {each}")] = None
    reads = dict(frames[0]["reads"])
    ends = [[one["reads"]["low"], one["reads"]["high"]] for one in frames]
    if any(each != ends[0] for each in ends):
        reads["frames"] = ends
    return {
        **{name: sum(one[name] for one in frames) for name in SUMMED},
        "engine": by.most_common(1)[0][0].partition(" ")[0],
        "predicted": dict(by),
        "reads": reads,
        "notes": list(notes),
    }


def record_of(
    order: StoreOrder, figures: dict[str, Any], seconds: float
) -> dict[str, Any]:
    """Return the record of a run, ready for JSON.

    Parameters
    ----------
    order : StoreOrder
        Its window is a number.
    figures : dict
        Of `Run.steps`.
    seconds : float
        That this part of the run took.
    """
    plan, source, config = order.plan, order.source, order.model.config
    said = advise(plan).note, order.settings.without_effect(config)
    notes = [*filter(None, said), *figures.pop("notes")]
    doubts = (
        [] if figures["objects"] or not config.foreground else [why_none(tuple(notes))]
    )
    return {
        "model": config.name,
        **figures,
        "window": list(plan.window),
        "stride": list(plan.stride),
        "period": list(plan.shape.period),
        "offset": list(plan.offset),
        "exact": plan.is_exact,
        "seconds": seconds,
        "notes": [*source.notes, *doubts, *notes],
        "doubts": doubts,
        "settings": asdict(order.settings) | {"window": list(plan.window)},
        "image": source.name,
        "command": "segment",
        "inputs": list(inputs_of(source)),
        "given": dict(order.given),
        "output": str(order.target),
        "whole": _whole(order),
        "shape": list(order.shape),
        "image_shape": [
            *order.shape[: -config.ndim],
            *order.pixels.shape[-config.ndim :],
        ],
        "voxels": prod(order.shape),
    }


def _whole(order: StoreOrder) -> str:
    """Return the axes of an image in which objects are whole: linked ones, too."""
    output, config = order.output(order.target), order.model.config
    number = order.pixels.ndim - config.image_axes
    along = linked_axis(order.settings.link_planes, order.leading, number, config.ndim)
    return output.axes[along if along == number - 1 else number :].lower()
