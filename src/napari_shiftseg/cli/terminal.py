"""What a person reads on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

from tqdm import tqdm

from napari_shiftseg.geometry.advice import by, summary
from napari_shiftseg.inference.progress import Progress, Returning

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from napari_shiftseg.pipeline.comparison import Comparison, Side
    from napari_shiftseg.pipeline.segmentation import Segmentation

Result = TypeVar("Result")

ROWS = {
    "tile size (window)": "window",
    "keeps (stride)": "stride",
    "tiles": "tiles",
    "seam ratio": "seam_ratio",
    "  inside objects": "seam_ratio_within",
    "  untiled, same pairs": "seam_ratio_untiled",
    "seam z": "seam_z",
    "objects": "objects",
    "true objects": "true_objects",
    "false splits": "false_splits",
    "false merges": "false_merges",
    "AP50": "ap50",
    "seconds": "seconds",
}


def with_progress(
    steps: Generator[Progress, None, Result], unit: str = "tile"
) -> Result:
    """Run to the end; notes and (on a terminal) a progress bar go to standard error."""
    running = Returning(steps)
    with tqdm(unit=unit, disable=None, leave=False) as bar:
        for progress in running:
            if progress.note:
                tqdm.write(progress.note, file=sys.stderr)
            bar.total = progress.total
            bar.set_description(progress.stage, refresh=False)
            bar.update(progress.done - bar.n)
    return running.value


def report_segmentation(result: Segmentation, folder: Path) -> None:
    """Print the outcome of a run."""
    print(summary(result.plan), *result.notes, sep="\n")
    print(f"{result.objects} objects in {result.seconds:.1f} s, written to {folder}")


def in_words(value: object) -> str:
    """Write a value of a report without brackets and quotes."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case dict():
            return ", ".join(
                f"{key.replace('_', ' ')} {in_words(v)}" for key, v in value.items()
            )
        case [[*_], *_]:  # several values an axis
            rows = [in_words(axis) for axis in value]
            return rows[0] if len(set(rows)) == 1 else "; ".join(rows)
        case [*_]:
            return ", ".join(in_words(v) for v in value)
    return str(value)


def report_comparison(comparison: Comparison) -> None:
    """Print naive and cropped stitching side by side."""
    naive, cropped = (_column(side) for side in (comparison.naive, comparison.cropped))
    print(f"{'':24}{'naive':>12}{'cropped':>12}")
    for title, key in ROWS.items():
        print(f"{title:24}{naive[key]:>12}{cropped[key]:>12}")


def _column(side: Side) -> dict[str, str]:
    return {key: _cell(value) for key, value in side.figures().items()}


def _cell(value: object) -> str:
    if value is None:
        return "not defined"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return by(tuple(value)) if len(set(value)) > 1 else str(value[0])
    return str(value)
