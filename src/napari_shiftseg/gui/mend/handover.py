"""What Mend hands on: corrections to learn from, a command, a run done again."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from math import prod
from pathlib import Path
from subprocess import list2cmdline
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels

from napari_shiftseg.clustering.linking import LINK_THRESHOLD
from napari_shiftseg.gui.parts.belonging import METADATA_KEY, METADATA_OF, MadeFrom
from napari_shiftseg.gui.parts.choices import is_image
from napari_shiftseg.gui.parts.jobs import FrameTask
from napari_shiftseg.gui.parts.layout import opened
from napari_shiftseg.gui.parts.records import (
    METADATA_CORRECTED,
    CorrectionRecord,
    LayerRecord,
)
from napari_shiftseg.gui.parts.segmentation_run import SegmentationRun
from napari_shiftseg.gui.parts.source import LayerSource, layer_shape
from napari_shiftseg.mending.edits import Delete
from napari_shiftseg.progress import Progress
from napari_shiftseg.samples.catalogue import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

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


def _image_of(viewer: napari.Viewer, labels: Labels) -> Image:
    """Return the image that labels were made from.

    Raises
    ------
    ValueError
        If it is not open.
    """
    images = [layer for layer in viewer.layers if is_image(layer)]
    return MadeFrom(labels.metadata[METADATA_KEY]).among(images)


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
    image = _image_of(viewer, steering.layer)

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
    source = MadeFrom(record).source(_image_of(viewer, labels))
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


PLUGIN = "napari-shiftseg"
ANY_IMAGE = "IMAGE"  # where its file is not known


def mend_command(viewer: napari.Viewer, labels: Labels, edits: Path) -> str:
    """Return the command that mends the image of labels by a file of edits.

    It runs as it is, if the image was opened from a file or is a sample of ours, and
    was segmented whole; else IMAGE stands for its file. The command computes in
    float32, whatever the precision of the run.

    Parameters
    ----------
    viewer : napari.Viewer
    labels : Labels
        That a run made.
    edits : Path
        Of their edits; model and clustering are in it.
    """
    record = labels.metadata[METADATA_KEY]
    is_part = record["frame"] or record["settings"].get("region") is not None
    try:
        image = ANY_IMAGE if is_part else file_of(_image_of(viewer, labels))
    except ValueError:  # it is not open any more
        image = ANY_IMAGE
    output = edits.with_name(f"{edits.stem}_mended")
    words = ["shiftseg", "mend", image, "--edits", str(edits), "-o", str(output)]
    return joined([*words, *tiling_options(record["settings"])])


def file_of(image: Image) -> str:
    """Return the file that an image was opened from, or the name of our sample."""
    source = image.source
    if source.sample is not None and source.sample[0] == PLUGIN:
        name = str(source.sample[1]).replace("_", "-")
        return name if name in SAMPLES else name.rpartition("-")[0]
    if source.path is not None and Path(source.path).is_file():
        return str(Path(source.path).absolute())
    return ANY_IMAGE


def tiling_options(settings: Mapping[str, Any]) -> list[str]:
    """Return the options of a run without which its labels would be others.

    Cropped tiles give the same labels whatever the window.
    """
    options = []
    if settings["stitching"] == "naive":
        options += ["--stitching", "naive"]
        if settings["window"] is not None:
            window = settings["window"]
            sizes = [window] if isinstance(window, int) else window
            options += ["--window", "x".join(map(str, sizes))]
    if settings["border"] != "mirror":
        options += ["--border", settings["border"]]
    if settings.get("views", 1) != 1:
        options += ["--views", str(settings["views"])]
    if settings.get("diameter") is not None:
        options += ["--diameter", str(settings["diameter"])]
    if settings.get("link_planes") is not None:
        options.append(f"--{'' if settings['link_planes'] else 'no-'}link-planes")
    if settings.get("link_threshold", LINK_THRESHOLD) != LINK_THRESHOLD:
        options += ["--link-threshold", str(settings["link_threshold"])]
    return options


def joined(words: Sequence[str]) -> str:
    """Return words as a shell of this system reads them; with quotes where needed."""
    return list2cmdline(words) if os.name == "nt" else shlex.join(words)
