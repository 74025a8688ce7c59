"""What a network can do and what follows for tiling, in words and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_shiftseg.clustering.settings import idle_knobs
from napari_shiftseg.networks.unet_config import ModelConfig
from napari_shiftseg.text import compact, sentence, visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_shiftseg.geometry.network_shape import NetworkShape
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.networks.config import NetworkConfig


LISTED = 6  # legal inputs and raw outputs listed an axis


def describe(model: TiledNetwork) -> dict[str, Any]:
    """Return the figures of a model, ready for JSON; per axis always a list.

    Sizes are in pixels; ``max_same_looking`` is the most same-looking objects the
    network can tell apart, ``f^(d·l)`` (Rumberger et al., ICCV 2021, Lemma 1).
    """
    config, shape = model.config, model.shape
    legal = [axis.legal_inputs(LISTED) for axis in shape.axes]
    provenance = config.provenance
    clustering = config.clustering.model_dump(mode="json")
    if not config.foreground:
        del clustering["foreground_threshold"]  # of no effect
    if config.clustering.method == "mean-shift":
        without = {"method", "middle_channel", "boundary_channel"}
    else:
        without = {"background_embedding"}
    without |= idle_knobs(config.clustering.method)
    clustering = {n: v for n, v in clustering.items() if n not in without}
    return {
        "name": config.name,
        "description": config.description,
        "ndim": config.ndim,
        "period": list(shape.period),
        "context": list(shape.context),
        **config.architecture,
        **how_it_tiles(config),
        "in_channels": config.in_channels,
        "embedding": config.embedding,
        "embedding_channels": config.embedding_channels,
        "foreground": config.foreground,
        **({"classes": list(config.classes)} if config.classes else {}),
        "training_window": list(provenance.window) if provenance else None,
        "training_diameter": config.diameter,
        "parameters": model.parameter_count or None,
        "legal_inputs": legal,
        "raw_outputs": [
            [axis.raw_output(size) for size in sizes]
            for axis, sizes in zip(shape.axes, legal, strict=True)
        ],
        "max_same_looking": shape.max_same_looking,
        **clustering,
        "confidence_learnt_from": config.confidence and config.confidence.objects,
        "provenance": provenance and provenance.model_dump(mode="json"),
    }


BY_CONSTRUCTION = dict.fromkeys(
    ("period", "context", "padding", "sizes"), "by construction"
)


def how_it_tiles(config: NetworkConfig) -> dict[str, Any]:
    """Return ``tiling``, ``causes`` and ``agreement`` of a network, ready for JSON.

    Of one that was made elsewhere they were found; of a U-Net they follow from how it
    is built.

    Parameters
    ----------
    config : NetworkConfig
    """
    known = config.architecture
    if "tiling" in known:
        return {name: known[name] for name in ("tiling", "causes", "agreement")}
    causes = []
    halo = tuple(axis.halo for axis in config.shape.axes)
    if any(halo):
        from napari_shiftseg.networks.finding.suitability import padding_cause

        causes = [vars(padding_cause("zeros", halo))]
    return {"tiling": "exact", "causes": causes, "agreement": dict(BY_CONSTRUCTION)}


def training_window_warning(config: NetworkConfig) -> str:
    """Say that the training window was not above the period; empty if it was.

    With a window w = p the functions at phase p − 1 and 0 never met in the loss, so
    seams appear at every multiple of p, which no cropping mends; with w < p some
    functions were never trained (Rumberger et al., ICCV 2021, section 3.3).
    """
    provenance = config.provenance
    return own_seams_warning(provenance.window, config.shape) if provenance else ""


def own_seams_warning(window: Sequence[int], shape: NetworkShape) -> str:
    """Say that a training window is not above the period; empty if it is.

    Parameters
    ----------
    window : sequence of int
        Output window the loss saw, per axis.
    shape : NetworkShape
    """
    axis = _axis_with_own_seams(window, shape)
    if axis is None:
        return ""
    training, period = axis
    return (
        f"a training window of {training} is not above the period {period}: "
        f"expect seams at every multiple of {period}, tiled or untiled; no stitching "
        f"mends them"
    )


def own_seams(config: NetworkConfig) -> int | None:
    """Return the period at whose multiples the model itself makes seams, in pixels.

    They are there in one pass as in tiles; see `training_window_warning`. None where
    training left none, or is not known.
    """
    provenance = config.provenance
    axis = provenance and _axis_with_own_seams(provenance.window, config.shape)
    return axis[1] if axis else None


def _axis_with_own_seams(
    window: Sequence[int], shape: NetworkShape
) -> tuple[int, int] | None:
    """Return training window and period of the first axis where w ≤ p."""
    pairs = zip(window, shape.period, strict=True)
    return next(((w, p) for w, p in pairs if w <= p != 1), None)


@dataclass(frozen=True)
class Remark:
    """What is to be known about a model."""

    kind: Literal["note", "warning"]
    text: str  # whole sentences


def what_follows(config: NetworkConfig) -> list[Remark]:
    """Return what follows from a model's architecture and training, warnings first.

    Rumberger et al., ICCV 2021, section 3: period (Lemma 1), tiles (Corollary 4),
    training window.
    """
    if isinstance(config, ModelConfig):
        said = [_padding(config), _normalization(config)]
        upsampling = UPSAMPLING[config.upsampling]
        remarks = [Remark("note", text) for text in said]
    else:
        remarks, upsampling = _found(config), ""
    if config.embedding != "outputs":  # nothing is told apart by them
        text = f"{_same_looking(config)} {upsampling}".strip()
        remarks = [Remark("note", text), *remarks]
    return [_training(config), Remark("note", _tiles(config)), *remarks]


def what_exact_means(config: NetworkConfig) -> str:
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


def _training(config: NetworkConfig) -> Remark:
    if warning := training_window_warning(config):
        return Remark("warning", sentence(warning))
    text = (
        "How it was trained is not known: if the output window of its loss was not "
        "above the period, expect seams at every multiple of the period, tiled or "
        "untiled."
    )
    if config.provenance is not None:
        text = (
            f"Trained with an output window of {compact(config.provenance.window)}, "
            f"above the period {compact(config.shape.period)}: all phases (positions "
            f"within one period) met in the loss, so it makes no seams of its own."
        )
    return Remark("note", text)


def _tiles(config: NetworkConfig) -> str:
    period = config.shape.period
    if max(period) == 1:
        return "It pools nothing: the period is 1, any window is valid."
    return (
        f"Shifting the image by a multiple of {compact(period)} shifts the "
        f"{config.gives} alike, any other shift may change it: tiles must keep a "
        f"multiple of {compact(period)}."
    )


def _same_looking(config: NetworkConfig) -> str:
    most = config.shape.max_same_looking
    if most == 1:
        return "It cannot tell same-looking objects apart."
    return (
        f"It computes at most {most:,} different functions, one a phase (position "
        f"within one period): it tells at most {most:,} same-looking objects apart, "
        f"and none that lie a multiple of {compact(config.shape.period)} apart."
    )


UPSAMPLING = {
    "nearest": "Upsampling repeats the nearest value: phases share all weights.",
    "learnt": "Upsampling is learnt, with weights of its own a phase.",
}


def _found(config: NetworkConfig) -> list[Remark]:
    """Return what was found of a network that was made elsewhere."""
    causes = config.architecture.get("causes", ())
    halo = compact(tuple(axis.halo for axis in config.shape.axes))
    read = f"Cropped tiles read a halo of {halo} pixels and drop it."
    return [
        *(
            Remark(
                "note" if cause["effect"] == "halo" else "warning",
                f"{cause_text(cause)} {sentence(cause['remedy'])}",
            )
            for cause in causes
        ),
        Remark("note", read),
    ]


def cause_text(cause: Mapping[str, str]) -> str:
    """Say which layer makes tiles differ, and by what.

    Parameters
    ----------
    cause : mapping
        Of what was found of a network, see `Cause`.
    """
    return f"{sentence(named(cause))[:-1]}: {cause['text']}"


KINDS = {"whole tile": "a layer that sees the whole tile"}  # where a name is no layer's


def named(cause: Mapping[str, str]) -> str:
    """Name a cause and its layer: ``attention (/attn/MatMul)``."""
    layer = visible(cause["layer"]).removeprefix("(").removesuffix(")")
    return f"{KINDS.get(cause['kind'], cause['kind'])} ({layer})"


def why_not_exact(config: NetworkConfig) -> str:
    """Name the layer that keeps tiles from being exact; empty if none is known.

    Parameters
    ----------
    config : NetworkConfig
    """
    for cause in config.architecture.get("causes", ()):
        if cause["effect"] != "halo":
            return named(cause)
    return ""


def _padding(config: ModelConfig) -> str:
    if config.padding == "valid":
        return (
            "Its convolutions are valid, nothing is made up at a tile's border: "
            "cropped tiles equal one pass over the whole image."
        )
    halo = compact(tuple(axis.halo for axis in config.shape.axes))
    return (
        f"It pads with zeros: naive tiles are inconsistent at their borders, whatever "
        f"the stride. Cropped tiles read a halo of {halo} pixels and drop it: they "
        f"equal one pass over the whole image with the same halo. Beyond the image "
        f"that halo is a mirror image, not the zeros of training: expect other values "
        f"near the image border."
    )


def _normalization(config: ModelConfig) -> str:
    said = "It normalises nothing"
    if config.normalization == "batch":
        said = "Batch norm uses the statistics of training"
    return f"{said}: no value depends on a tile as a whole."
