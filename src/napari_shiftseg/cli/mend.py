"""The command ``mend``: an image to files, its objects mended by a list of edits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.segment import print_segmentation
from napari_shiftseg.cli.terminal import with_progress
from napari_shiftseg.files.edits import read_edits
from napari_shiftseg.files.reading import read_image
from napari_shiftseg.files.writing import write_segmentation
from napari_shiftseg.interaction.editing.mend import mend
from napari_shiftseg.model.checkpoint import load_model
from napari_shiftseg.pipeline.segmentation import segment_steps
from napari_shiftseg.report.folder import writable_folder

if TYPE_CHECKING:
    from pathlib import Path

    from napari_shiftseg.files.edits import EditList
    from napari_shiftseg.interaction.editing.replay import Replayed
    from napari_shiftseg.pipeline.segmentation import Segmentation
    from napari_shiftseg.pipeline.settings import Settings


def run_mend(
    image: Path,
    model: str,
    edits: Path,
    settings: Settings,
    output: Path,
    as_json: bool,
) -> None:
    """Segment an image, make the edits, write the outcome and print it."""
    folder, known = writable_folder(output), read_edits(edits)
    network, source = load_model(model), read_image(image)
    chosen = with_clustering(settings, known)
    result = with_progress(segment_steps(source.data, network, chosen))
    mended, outcome = mend(result, network, known.edits)
    figures = mending_figures(result, mended, outcome, known)
    report = write_segmentation(mended, network, source, folder, figures)
    print_segmentation(mended, report, folder, as_json)
    if not as_json:
        print(in_words(figures))


def with_clustering(settings: Settings, edits: EditList) -> Settings:
    """Return settings with the clustering of the edits where nothing was chosen."""
    known = {
        name: value
        for name, value in edits.clustering.items()
        if getattr(settings, name, value) is None
    }
    return replace(settings, **known)


def mending_figures(
    result: Segmentation, mended: Segmentation, outcome: Replayed, edits: EditList
) -> dict[str, Any]:
    """Return what became of the edits, ready for JSON."""
    return {
        "objects_before": result.objects,
        "objects": mended.objects,
        "edits": len(edits.edits),
        "applied": list(outcome.applied),
        "overruled": [
            {"edit": old, "by": new} for old, new in outcome.overruled.items()
        ],
        "left_out": [
            {"edit": number, "reason": reason}
            for number, reason in outcome.left_out.items()
        ],
    }


def in_words(figures: dict[str, Any]) -> str:
    """Return these figures as a line."""
    return (
        f"{figures['objects_before']} objects before, {figures['objects']} after: "
        f"{len(figures['applied'])} of {figures['edits']} edits applied, "
        f"{len(figures['overruled'])} of them overruled, "
        f"{len(figures['left_out'])} left out"
    )
