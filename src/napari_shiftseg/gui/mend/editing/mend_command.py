"""The command that does again on the command line what was done in the Mend widget."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from subprocess import list2cmdline
from typing import TYPE_CHECKING, Any

from napari_shiftseg.gui.layers import METADATA_KEY
from napari_shiftseg.gui.mend.corrections import image_of
from napari_shiftseg.samples.catalogue import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import napari
    from napari.layers import Image, Labels

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
        image = ANY_IMAGE if is_part else file_of(image_of(viewer, labels))
    except ValueError:  # it is not open any more
        image = ANY_IMAGE
    output = edits.with_name(f"{edits.stem}_mended")
    words = ["shiftseg", "mend", image, "--edits", str(edits), "-o", str(output)]
    return joined([*words, *tiling_options(record["settings"])])


def file_of(image: Image) -> str:
    """Return the file that an image was opened from, or the name of our sample."""
    source = image.source
    if source.sample is not None and source.sample[0] == PLUGIN:
        name = source.sample[1].replace("_", "-")
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
    return options


def joined(words: Sequence[str]) -> str:
    """Return words as a shell of this system reads them; with quotes where needed."""
    return list2cmdline(words) if os.name == "nt" else shlex.join(words)
