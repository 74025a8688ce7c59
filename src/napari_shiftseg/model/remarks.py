"""What follows from a model's config for tiling, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_shiftseg.geometry.words import compact, sentence
from napari_shiftseg.model.description import own_seams, training_window_warning

if TYPE_CHECKING:
    from napari_shiftseg.model.config import ModelConfig


@dataclass(frozen=True)
class Remark:
    """What is to be known about a model.

    Attributes
    ----------
    kind : {"note", "warning"}
    text : str
        Whole sentences.
    """

    kind: Literal["note", "warning"]
    text: str


def what_follows(config: ModelConfig) -> list[Remark]:
    """Return what follows from the architecture and the training of a model.

    Warnings come first. Sizes are in pixels.

    Parameters
    ----------
    config : ModelConfig

    References
    ----------
    Rumberger et al., ICCV 2021, section 3: period (Lemma 1), tiles (Corollary 4),
    training window.
    """
    notes = [
        _training(config),
        _tiles(config),
        _same_looking(config),
        _padding(config),
        _normalization(config),
    ]
    return sorted(notes, key=lambda remark: remark.kind == "note")


def what_exact_means(config: ModelConfig) -> str:
    """Say what exact tiles do not mend; empty where there is no such thing.

    Exact is: tiles equal one pass over the whole image. Where that pass has seams
    itself, so have the tiles.
    """
    period = own_seams(config)
    if period is None:
        return ""
    return (
        f"Exact means equal to one pass over the whole image. That pass has seams "
        f"itself, at every multiple of {period}: they come from the model's training, "
        f"not from tiles, and no tile size mends them."
    )


def _training(config: ModelConfig) -> Remark:
    if warning := training_window_warning(config):
        return Remark("warning", sentence(warning))
    if config.provenance is None:
        return Remark(
            "note",
            "How it was trained is not known: if the output window of its loss was not "
            "above the period, expect seams at every multiple of the period, tiled or "
            "untiled.",
        )
    window, period = compact(config.provenance.window), compact(config.shape.period)
    return Remark(
        "note",
        f"Trained with an output window of {window}, above the period {period}: all "
        f"phases (positions within one period) met in the loss, so it makes no seams "
        f"of its own.",
    )


def _tiles(config: ModelConfig) -> Remark:
    period = config.shape.period
    if max(period) == 1:
        return Remark("note", "It pools nothing: the period is 1, any window is valid.")
    return Remark(
        "note",
        f"Shifting the image by a multiple of {compact(period)} shifts the embedding "
        f"alike, any other shift may change it: tiles must keep a multiple of "
        f"{compact(period)}.",
    )


def _same_looking(config: ModelConfig) -> Remark:
    most = config.shape.max_same_looking
    if most == 1:
        return Remark("note", "It cannot tell same-looking objects apart.")
    text = (
        f"It computes at most {most:,} different functions, one a phase (position "
        f"within one period): it tells at most {most:,} same-looking objects apart, "
        f"and none that lie a multiple of {compact(config.shape.period)} apart."
    )
    if config.upsampling == "learnt":
        return Remark(
            "note", f"{text} Upsampling is learnt, with weights of its own a phase."
        )
    return Remark(
        "note",
        f"{text} Upsampling repeats the nearest value: phases share all weights.",
    )


def _padding(config: ModelConfig) -> Remark:
    if config.padding == "valid":
        return Remark(
            "note",
            "Its convolutions are valid, nothing is made up at a tile's border: "
            "cropped tiles equal one pass over the whole image.",
        )
    halo = compact(tuple(axis.halo for axis in config.shape.axes))
    return Remark(
        "note",
        f"It pads with zeros: naive tiles are inconsistent at their borders, whatever "
        f"the stride. Cropped tiles read a halo of {halo} pixels and drop it: they "
        f"equal one pass over the whole image with the same halo. Beyond the image "
        f"that halo is a mirror image, not the zeros of training: expect other values "
        f"near the image border.",
    )


def _normalization(config: ModelConfig) -> Remark:
    if config.normalization == "batch":
        return Remark(
            "note",
            "Batch norm uses the statistics of training: no value depends on a tile "
            "as a whole.",
        )
    return Remark(
        "note", "It normalises nothing: no value depends on a tile as a whole."
    )
