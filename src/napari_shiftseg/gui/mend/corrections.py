"""From mended labels to what the Train widget learns from."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels

from napari_shiftseg.gui.parts.belonging import (
    METADATA_KEY,
    METADATA_OF,
    image_behind,
    recorded_source,
)
from napari_shiftseg.gui.parts.choices import is_image
from napari_shiftseg.gui.parts.layout import opened
from napari_shiftseg.gui.parts.records import METADATA_CORRECTED, CorrectionRecord
from napari_shiftseg.gui.parts.result_layers import SegmentationRun
from napari_shiftseg.gui.parts.source import LayerSource, layer_shape
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.steps import Progress

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import napari
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_shiftseg.gui.mend.frames import SteeredFrame
    from napari_shiftseg.gui.mend.steering import Steering
    from napari_shiftseg.gui.train.widget import TrainWidget
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.mending import Mending
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


def image_of(viewer: napari.Viewer, labels: Labels) -> Image:
    """Return the image that labels were made from.

    Raises
    ------
    ValueError
        If it is not open.
    """
    images = [layer for layer in viewer.layers if is_image(layer)]
    return image_behind(labels.metadata[METADATA_KEY], images)


def correction_steps(
    steering: Steering, right: Mapping[Point, NDArray[np.integer]], image: Image
) -> Generator[Progress, None, Corrections]:
    r"""Return what is known of an image's objects after some were mended or marked.

    Parameters
    ----------
    steering : Steering
    right : mapping of tuple of int to ndarray of int
        Objects that are right, (\*spatial), of some frames.
    image : Image
        That was segmented.

    Returns
    -------
    Corrections

    Raises
    ------
    ValueError
        If no object was mended or marked.
    """
    from napari_shiftseg.mending.edits import Delete
    from napari_shiftseg.metrics.label_image import UNKNOWN
    from napari_shiftseg.training.partial import corrections

    config, size = steering.kept.config, layer_shape(image)
    leading = size[: len(size) - config.image_axes]
    first = tuple(steering.layer.metadata[METADATA_KEY]["frame"])
    known = np.full((*leading, *size[len(size) - config.ndim :]), UNKNOWN, np.int32)
    mended = deleted = frames = 0
    for position, frame in steering.frames.items():
        yield Progress(0, 1, stage="collecting corrections")
        objects, pixels = touched(frame, right.get(position))
        if objects or pixels.any():
            frames += 1
            mended += len(objects)
            deleted += sum(
                len(made.edit.points)
                for made in frame.mending.made
                if isinstance(made.edit, Delete)
            )
            at = tuple(
                slice(o, o + n)
                for o, n in zip(
                    steering.kept.offset, frame.mending.labels.shape, strict=True
                )
            )
            known[(*(first or position), *at)] = corrections(
                frame.mending.labels, objects, pixels=pixels
            )
    if not frames:
        raise ValueError(
            "nothing was mended yet: mend objects, or mark some as right, to train on "
            "them"
        )
    record = steering.layer.metadata[METADATA_KEY]
    settings = record["settings"]
    corrected = CorrectionRecord(
        mended, deleted, frames, prod(leading), record["model"], config.ndim,
        settings.get("intensity", "auto"), settings.get("invert", False),
    )  # fmt: skip
    return Corrections(known, corrected)


def touched(
    frame: SteeredFrame, right: NDArray[np.integer] | None
) -> tuple[set[int], NDArray[np.bool_]]:
    """Return the objects that were mended or are right, and pixels that were erased."""
    mending: Mending = frame.mending
    pixels = np.zeros(mending.labels.shape, dtype=bool)
    for made in mending.made:
        change = made.change
        pixels[change.box] |= change.before != change.after
    marked = pixels if right is None else pixels | (right > 0)
    return set(np.unique(mending.labels[marked]).tolist()) - {0}, pixels


def show_corrections(viewer: napari.Viewer, image: Image, found: Corrections) -> Labels:
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


def open_training(viewer: napari.Viewer, image: Image, labels: Labels) -> TrainWidget:
    """Open the Train widget on corrections, to begin with the model that made them."""
    train: TrainWidget = opened(viewer, "Train")
    train.take_corrections(image, labels)
    return train


def run_of(viewer: napari.Viewer, labels: Labels) -> SegmentationRun:
    """Return the run that made labels.

    Raises
    ------
    ValueError
        If its image is not open.
    """
    record: dict[str, Any] = labels.metadata[METADATA_KEY]
    source = recorded_source(record, image_of(viewer, labels))
    return SegmentationRun(record["model"], source, Settings(**record["settings"]))


def predicted_again(run: SegmentationRun) -> Generator[Progress, None, Kept]:
    """Predict as a run did, and return what is kept of it."""
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.networks.checkpoint import load_model
    from napari_shiftseg.pipeline.segmentation import segment_steps
    from napari_shiftseg.relabelling.relabel import Kept

    network = load_model(run.model)
    result = yield from segment_steps(run.source.pixels(), network, run.settings)
    return Kept(result, network.config)
