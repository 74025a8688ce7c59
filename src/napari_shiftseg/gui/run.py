"""What the Segment widget runs off the GUI thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_shiftseg.geometry.words import number_of
from napari_shiftseg.gui.layers import LayerTuple, result_layers
from napari_shiftseg.inference.progress import Progress
from napari_shiftseg.metrics.seams import SEAM_RATIO

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_shiftseg.gui.source import Source
    from napari_shiftseg.interaction.steering.kept import Kept
    from napari_shiftseg.metrics.seams import SeamScores
    from napari_shiftseg.pipeline.segmentation import Segmentation
    from napari_shiftseg.pipeline.settings import Settings


@dataclass(frozen=True)
class Run:
    """What is to be run: a model, by name or path, on an image."""

    model: str
    source: Source
    settings: Settings


@dataclass(frozen=True)
class Outcome:
    """What a run gives.

    Attributes
    ----------
    model : str
    result : Segmentation
    layers : list of LayerTuple
    seams : SeamScores or None
        None for several images.
    own_seams : int or None
        Period at whose multiples the model itself makes seams; see `own_seams`.
    kept : Kept
        For mending.
    """

    model: str
    result: Segmentation
    layers: list[LayerTuple]
    seams: SeamScores | None
    own_seams: int | None
    kept: Kept

    @property
    def has_seams(self) -> bool:
        """Whether the embedding jumps at tile borders that make seams."""
        ratio = self.seams.ratio if self.seams else None
        return ratio is not None and self.result.plan.makes_seams and ratio > SEAM_RATIO

    @property
    def line(self) -> str:
        """What came out, in one line; notes that stood there before are left out."""
        number = self.result.objects
        objects = number_of(number, "object")
        parts = [f"{objects} in {self.result.seconds:.1f} s"]
        parts += [note for note in self.result.notes if "memory" in note]
        if self.seams is not None and self.seams.ratio is not None:
            parts.append(f"seam ratio {self.seams.ratio:.2f}{self._about_seams}")
        return " · ".join(parts)

    @property
    def _about_seams(self) -> str:
        if self.has_seams:
            return ": the embedding jumps at tile borders"
        if self.result.plan.makes_seams:
            return ""
        if self.own_seams is None:
            return ", without seams of tiles"
        return (
            f", without seams of tiles: the model's own, at every multiple of "
            f"{self.own_seams}, are there tiled or untiled"
        )


def segmentation_run(run: Run) -> Generator[Progress, None, Outcome]:
    """Load the model, segment, score; heavy imports happen here, in the thread."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.interaction.steering.kept import Kept
    from napari_shiftseg.metrics.seams import seam_scores
    from napari_shiftseg.model.checkpoint import load_model
    from napari_shiftseg.model.description import own_seams
    from napari_shiftseg.pipeline.segmentation import segment_steps

    network = load_model(run.model)
    result = yield from segment_steps(run.source.pixels(), network, run.settings)
    yield Progress(0, 0, stage="making layers")
    alone = result.labels.shape == result.plan.output_shape
    seams = seam_scores(result.embeddings, result.plan) if alone else None
    layers = result_layers(result, run.source, run.model)
    kept = Kept(result, network.config)
    return Outcome(run.model, result, layers, seams, own_seams(network.config), kept)
