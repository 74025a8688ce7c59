"""What Mend hands on: corrections to learn from, a command, a run done again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels

from napari_shiftseg.gui.parts.belonging import METADATA_KEY, METADATA_OF, MadeFrom
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.gui.parts.layout import opened
from napari_shiftseg.gui.parts.recipes import image_of, recipe_of
from napari_shiftseg.gui.parts.records import (
    METADATA_CORRECTED,
    CorrectionRecord,
    LayerRecord,
)
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun
from napari_shiftseg.gui.parts.source import LayerSource, layer_shape
from napari_shiftseg.mending.edits import Delete
from napari_shiftseg.progress import Progress
from napari_shiftseg.results.recipe import as_command

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    import napari
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.steering import Steering
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.changes import Made
    from napari_shiftseg.relabelling.relabel import Kept


@dataclass(frozen=True)
class Corrections:
    r"""What is known of an image's objects after some were mended or marked.

    Attributes
    ----------
    known : ndarray of int
        ([leading,] \*spatial) of the image; −1 is not known.
    corrected : CorrectionRecord
        How much it is.
    """

    known: NDArray[np.integer]
    corrected: CorrectionRecord


@dataclass(frozen=True)
class _Corrected:
    """A frame as it was mended and marked: copies, for a thread."""

    position: Point
    labels: NDArray[np.integer]
    made: tuple[Made, ...]
    right: NDArray[np.integer] | None

    @property
    def changed(self) -> NDArray[np.bool_]:
        """Pixels that edits changed."""
        pixels = np.zeros(self.labels.shape, dtype=bool)
        for made in self.made:
            pixels[made.change.box] |= made.change.before != made.change.after
        return pixels

    @property
    def deleted(self) -> int:
        """How many objects were deleted."""
        edits = (made.edit for made in self.made)
        return sum(len(edit.points) for edit in edits if isinstance(edit, Delete))

    def known(self) -> tuple[int, NDArray[np.integer]]:
        """Return how many objects were mended or are right, and what is known."""
        from napari_shiftseg.training.partial import corrections

        pixels = self.changed
        marked = pixels if self.right is None else pixels | (self.right > 0)
        objects = set(np.unique(self.labels[marked]).tolist()) - {0}
        return len(objects), corrections(self.labels, objects, pixels=pixels)


def _corrections_of(
    steering: Steering, right: Mapping[Point, NDArray[np.integer]], image: Image
) -> Generator[Progress, None, Corrections]:
    r"""Return steps that collect what is known of an image's objects.

    Frames are copied now: the steps may run in a thread.

    Returns
    -------
    generator
        Its value is `Corrections`; it raises ValueError if no object was mended or
        marked.
    """
    frames = [
        _Corrected(
            at, frame.mending.labels.copy(), tuple(frame.mending.made), right.get(at)
        )
        for at, frame in steering.frames.items()
        if frame.mending.made or at in right
    ]
    record, kept = LayerRecord(steering.layer).run, steering.kept
    return _correction_steps(frames, record, kept, layer_shape(image))


def _correction_steps(
    frames: Sequence[_Corrected],
    record: Mapping[str, Any],
    kept: Kept,
    size: tuple[int, ...],
) -> Generator[Progress, None, Corrections]:
    from napari_shiftseg.metrics.label_image import UNKNOWN

    config, first = kept.config, tuple(record["frame"])
    leading = size[: len(size) - config.image_axes]
    known = np.full((*leading, *size[len(size) - config.ndim :]), UNKNOWN, np.int32)
    mended = deleted = number = 0
    for frame in frames:
        yield Progress(0, 1, stage="collecting corrections")
        objects, found = frame.known()
        if objects or frame.changed.any():
            number += 1
            mended += objects
            deleted += frame.deleted
            sides = zip(kept.offset, found.shape, strict=True)
            at = tuple(slice(o, o + n) for o, n in sides)
            known[(*(first or frame.position), *at)] = found
    if not number:
        raise ValueError(
            "nothing was mended yet: mend objects, or mark some as right, to train on "
            "them"
        )
    settings = record["settings"]
    corrected = CorrectionRecord(
        mended, deleted, number, prod(leading), record["model"], config.ndim,
        settings.get("intensity", "auto"), settings.get("invert", False),
    )  # fmt: skip
    return Corrections(known, corrected)


def _show_corrections(
    viewer: napari.Viewer, image: Image, found: Corrections
) -> Labels:
    """Show what is known as a hidden layer, or in the one that is there."""
    known, of = found.known, str(image.unique_id)
    for layer in viewer.layers:
        is_known = METADATA_CORRECTED in layer.metadata
        if is_known and layer.metadata.get(METADATA_OF) == of:
            layer.data = known
            found.corrected.write(layer)
            return layer
    layer = Labels(
        known,
        name=f"corrections · {image.name}",
        visible=False,
        metadata={METADATA_OF: of},
        **LayerSource.of(image).placed((), known.ndim),
    )
    found.corrected.write(layer)
    viewer.layers.append(layer)
    return layer


def training_task(
    viewer: napari.Viewer,
    steering: Steering,
    right: Mapping[Point, NDArray[np.integer]],
) -> FrameTask:
    r"""Return what collects corrections, and then opens the Train widget on them.

    Parameters
    ----------
    viewer : napari.Viewer
    steering : Steering
    right : mapping of tuple of int to ndarray of int
        Objects that are right, (\*spatial), of some frames.

    Raises
    ------
    ValueError
        If the image is not open.
    """
    image = image_of(viewer, steering.layer)

    def train(found: Corrections) -> None:
        labels = _show_corrections(viewer, image, found)
        viewer.layers.selection.active = steering.layer
        opened(viewer, "Train").take_corrections(image, labels)

    return FrameTask(
        lambda: _corrections_of(steering, right, image), train, all_frames=True
    )


def run_of(viewer: napari.Viewer, labels: Labels) -> SegmentationRun:
    """Return the run that made labels.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : Labels

    Raises
    ------
    ValueError
        If its image is not open.
    """
    record: dict[str, Any] = labels.metadata[METADATA_KEY]
    source = MadeFrom(record).source(image_of(viewer, labels))
    return SegmentationRun.again(record, source)


def predicted_again(run: SegmentationRun) -> Generator[Progress, None, Kept]:
    """Predict as a run did, and return what is kept of it."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.networks.loading.models import load_model
    from napari_shiftseg.pipeline.segmentation import segment_steps
    from napari_shiftseg.relabelling.relabel import Kept

    network = load_model(run.model)
    size = run.source.pixel_size(network.config.ndim)
    names = run.source.leading_names(network.config.ndim)
    result = yield from segment_steps(
        run.source.pixels(), network, run.settings, scale=run.scale, pixel_size=size,
        axes=names,
    )  # fmt: skip
    return Kept(result, network.config)


def mend_command(viewer: napari.Viewer, labels: Labels, edits: Path) -> str:
    """Return the command that mends the image of labels by a file of edits.

    See `recipe_of`: it runs as it is, if the image was opened from a file or is a
    sample of ours; else IMAGE stands for its file.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : Labels
        That a run made.
    edits : Path
        Of their edits.
    """
    recipe = replace(recipe_of(viewer, labels).recipe, edits=str(edits))
    return as_command(recipe, str(edits.with_name(f"{edits.stem}_mended")))
