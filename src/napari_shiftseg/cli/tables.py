"""The commands ``measure`` and ``differences``: labels to tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from math import isclose
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.cli.terminal import note, with_progress
from napari_shiftseg.metrics.agreement import compare_labels_steps
from napari_shiftseg.metrics.label_blocks import middle_box
from napari_shiftseg.metrics.label_image import as_whole, doubt_about
from napari_shiftseg.metrics.measuring import SPATIAL, measure_steps
from napari_shiftseg.report.differences import differences_picture
from napari_shiftseg.stores.axes import CHANNELS
from napari_shiftseg.stores.folders import (
    Run,
    kept_if_used,
    refuse_to_overwrite,
    sums_of,
    writable_folder,
    written_by,
)
from napari_shiftseg.stores.label_files import open_channels, open_labels
from napari_shiftseg.stores.pixel_files import write_colours
from napari_shiftseg.stores.tables import write_rows
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.stores.writing import inputs_of
from napari_shiftseg.stores.zarr_image import is_zarr
from napari_shiftseg.text import brief, number_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.cli.options import Asked
    from napari_shiftseg.metrics.agreement import Agreement
    from napari_shiftseg.stores.label_files import LabelFile
    from napari_shiftseg.stores.reading import Source

RECORDED = "_measured.json"  # beside the table: of what it was measured
WRITTEN = "{} of these labels"
MOST_LOOKED_AT = 2**26  # pixels, in search of what speaks against labels
SIDE = 2**11  # of the part that is looked at, of more
COLUMNS = "{} columns: {}"
MOST_DRAWN = 2**26  # pixels of a picture of outlines
WORDS = {
    "matched": "matched", "split": "of A split in B", "merged": "of B merge several",
    "only_a": "in A alone", "only_b": "in B alone",
}  # fmt: skip


@dataclass(frozen=True)
class MeasureOrder:
    """What is asked of the command ``measure`` besides."""

    spacing: str | None
    axes: str | None
    solidity: bool
    more: tuple[Path, ...] = ()  # that it does not take


def run_measure(
    labels: Path, image: Path | None, output: Path, order: MeasureOrder, asked: Asked
) -> None:
    """Measure labels, write the table and print what is in it.

    Parameters
    ----------
    labels, image, output, order, asked
        See ``shiftseg measure --help``.
    """
    if output.suffix.lower() != ".csv":
        raise ValueError(f"the file must end with .csv, got {output.name!r}")
    _refuse_many(labels, order.more)
    file = open_labels(labels, order.axes)
    light: Source | None = None
    channels: tuple[str, ...] = ()
    if image is not None:
        light, channels = open_channels(image, asked.channel, asked.series)
        _check_place(file, light)
    elif asked.channel or asked.series:
        raise ValueError("--channel and --series are of an image: name one")
    spacing = _spacing(order.spacing, file, light)
    writable_folder(output.parent)
    of_image = () if light is None else inputs_of(light)
    run = Run("measure", (*inputs_of(file.source), *of_image))
    record = output.with_name(f"{output.stem}{RECORDED}")
    own = written_by(run, record)
    refuse_to_overwrite(
        [output, record], own, asked.overwrite, WRITTEN.format("measurement")
    )
    for said in (*file.source.notes, *(light.notes if light else ())):
        note(said)
    _note_doubt(labels, file)
    pixels = None if light is None else light.data
    table = with_progress(
        measure_steps(
            file.source.data, pixels, spacing, axes=file.axes, channels=channels,
            solidity=order.solidity,
        ),
        "block",
    )  # fmt: skip
    with all_or_none([record, output]) as (about, new):
        write_rows(new, table)
        _write_record(about, run, record, {output.name: new})
    _print_table(table, output, spacing, asked.json)


def _refuse_many(labels: Path, more: Sequence[Path]) -> None:
    """Refuse more than one label image, and say how many are measured."""
    if more or (labels.is_dir() and not is_zarr(labels)):
        given = labels if not more else f"{2 + len(more)} files"
        raise ValueError(
            f"measure takes one label image, and the image it is of, got {given}: call "
            f"it once for each (for f in *_labels.tif; do shiftseg measure $f -o "
            f"$f.csv; done); shiftseg segment FOLDER -o OUT measures all that it makes"
        )


def _note_doubt(path: Path, file: LabelFile) -> None:
    """Note that labels look like a raw image or a mask.

    Of very large ones a part in the middle of the first plane is looked at.
    """
    data: Any = file.source.data
    leading = len(data.shape) - file.spatial
    if np.prod(data.shape) > MOST_LOOKED_AT:
        box = middle_box(data.shape[-2:], SIDE)
        data, leading = data[(*(0,) * (len(data.shape) - 2), *box)], 0
    labels = as_whole(np.asarray(data))
    if said := doubt_about(labels.reshape(-1, *labels.shape[leading:])):
        note(f"labels {path.name} {said}")


def _write_record(part: Path, run: Run, record: Path, files: dict[str, Path]) -> None:
    """Write by what files are known again as those of a run."""
    about = run.about() | sums_of(run, record, files)
    part.write_text(json.dumps(about, indent=2), encoding="utf-8")


def _spacing(
    given: str | None, file: LabelFile, light: Source | None
) -> tuple[float, ...]:
    """Return µm from pixel to pixel: as given, as labels or image say; else empty."""
    if given is None:
        own = file.source.pixel_size(file.spatial)
        return own or (_plain(light).pixel_size(file.spatial) if light else ())
    try:
        sizes = tuple(float(part) for part in given.lower().split("x"))
    except ValueError:
        raise ValueError(
            f"--spacing takes numbers above 0 joined by x, 0.5 or 2x0.5x0.5, got "
            f"{brief(given)}"
        ) from None
    return sizes


def _plain(source: Source) -> Source:
    """Return a source whose axes are those of its labels."""
    return replace(source, axes=source.axes.replace(CHANNELS, ""))


def _check_place(file: LabelFile, light: Source) -> None:
    """Refuse an image that says that it lies elsewhere, or has other pixels."""
    one, other = file.source.calibration, light.calibration
    for axis in SPATIAL:
        if axis in one and axis in other and one[axis].unit == other[axis].unit:
            sizes = one[axis].size, other[axis].size
            if not isclose(*sizes, rel_tol=0.01):
                raise ValueError(
                    f"the pixels of the labels are {sizes[0]:g} {one[axis].unit} along "
                    f"{axis.lower()}, those of the image {sizes[1]:g}: give the image "
                    f"that was segmented, or correct one of the files"
                )
    begins = file.source.origin, light.origin
    if all(begins) and any(
        not isclose(begins[0].get(a, 0), begins[1].get(a, 0), abs_tol=1e-6)
        for a in SPATIAL
    ):
        raise ValueError(
            f"the labels begin at {_place(begins[0])}, the image at "
            f"{_place(begins[1])}: give the image that was segmented"
        )


def _place(origin: dict[str, float]) -> str:
    return ", ".join(f"{a.lower()} {x:g}" for a, x in origin.items() if a in SPATIAL)


def _print_table(
    table: dict[str, NDArray[Any]],
    output: Path,
    spacing: tuple[float, ...],
    as_json: bool,
) -> None:
    """Print how many objects there are, and which columns."""
    number, areas = len(table["label"]), table["area"]
    middle = float(np.median(areas)) if number else None
    if as_json:
        report = {
            "objects": number, "median_area": middle, "spacing": list(spacing),
            "columns": list(table), "file": str(output),
        }  # fmt: skip
        print(json.dumps(report))
        return
    about = "" if middle is None else f", median area {middle:,.0f} pixels"
    print(f"{number_of(number, 'object')}{about}, written to {output}")
    print(COLUMNS.format(len(table), ", ".join(table)))


def run_differences(
    one: Path, other: Path, output: Path, iou: float, asked: Asked
) -> None:
    """Compare two label images, write table and outlines, and print the counts.

    Parameters
    ----------
    one, other, output, iou, asked
        See ``shiftseg differences --help``.
    """
    files = {path: open_labels(path) for path in (one, other)}
    for path, file in files.items():
        _note_doubt(path, file)
    a, b = files[one].source, files[other].source
    drawn = len(a.data.shape) == 2 and np.prod(a.data.shape) <= MOST_DRAWN
    paths = {"table": output / "differences.csv"}
    paths |= {"outlines": output / "differences.png"} if drawn else {}
    run = Run("differences", (*inputs_of(a), *inputs_of(b)))
    record = output / "differences.json"
    with kept_if_used(output):
        refuse_to_overwrite(
            [record, *paths.values()], written_by(run, record), asked.overwrite,
            WRITTEN.format("comparison"),
        )  # fmt: skip
        found = with_progress(compare_labels_steps(a.data, b.data, iou), "block")
        with all_or_none([record, *paths.values()]) as (about, *unfinished):
            write_rows(unfinished[0], found.table)
            for picture in unfinished[1:]:
                both = np.asarray(a.data), np.asarray(b.data)
                pixels = differences_picture(*both, found)
                write_colours(picture, pixels, "YX", {}, is_png=True)
            names = [path.name for path in paths.values()]
            written = dict(zip(names, unfinished, strict=True))
            _write_record(about, run, record, written)
    _print_counts(found, paths, asked.json)


def _print_counts(found: Agreement, paths: dict[str, Path], as_json: bool) -> None:
    """Print how many objects there are of each kind."""
    if as_json:
        report = {
            **found.counts, "iou": found.iou, "objects_a": found.objects_a,
            "objects_b": found.objects_b,
            "files": {kind: str(path) for kind, path in paths.items()},
        }  # fmt: skip
        print(json.dumps(report))
        return
    print(f"{found.objects_a:,} objects in A, {found.objects_b:,} in B")
    for kind, number in found.counts.items():
        print(f"{number:8,} {WORDS[kind]}")
    print(f"written to {paths['table'].parent}")
