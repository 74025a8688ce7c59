"""Results written to files that napari and Fiji open."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import tifffile
from PIL import Image

from napari_shiftseg.stores.axes import CHANNELS, ORDER, ordered, result_axes, to_ome
from napari_shiftseg.stores.class_tables import CLASSES, COLUMNS
from napari_shiftseg.stores.folders import (
    Run,
    read_record,
    refuse_to_overwrite,
    sums_of,
    written_by,
)
from napari_shiftseg.stores.tables import write_rows
from napari_shiftseg.stores.tiff import numbered
from napari_shiftseg.stores.whole_file import all_or_none

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.stores.axes import Calibration
    from napari_shiftseg.stores.reading import Source


OBJECTS = "_objects"  # end of the name of a table
KINDS = ("labels", "embedding", "gradient")
BY_OME = ("u1", "u2", "u4", "i1", "i2", "i4", "f4", "f8")  # dtypes
LARGEST = 2.0**31  # number of pixels a unit, and its inverse, that a tag can hold
A_CENTIMETRE = {"nm": 1e7, "µm": 1e4, "mm": 10.0, "cm": 1.0, "in": 1 / 2.54}


@dataclass(frozen=True)
class Outputs:
    """Files that a run on an image writes, none of which may be lost."""

    folder: Path
    name: str  # with which they begin
    kinds: tuple[str, ...]  # of labels, embedding, gradient
    run: Run
    overwrite: bool = False  # whether files of others may be replaced
    has_classes: bool = False  # whether there is a table of their classes alone, too

    @property
    def tables(self) -> dict[str, Path]:
        """The CSV files, by kind: the table of objects, and that of their classes."""
        kinds = {"table": OBJECTS} | ({"classes": CLASSES} if self.has_classes else {})
        return {k: self.folder / f"{self.name}{end}.csv" for k, end in kinds.items()}

    @property
    def images(self) -> dict[str, Path]:
        """The TIFFs, by kind."""
        return {kind: self.folder / f"{self.name}_{kind}.tif" for kind in self.kinds}

    @property
    def record(self) -> Path:
        """The report, by which all are known again."""
        return self.folder / f"{self.name}_report.json"

    def refuse_others(self) -> None:
        """Refuse to replace what this very run did not write."""
        own = written_by(self.run, self.record)
        paths = (*self.images.values(), *self.tables.values(), self.record)
        refuse_to_overwrite(paths, own, self.overwrite)


def outputs_of(
    command: str,
    source: Source,
    folder: Path,
    kinds: Iterable[str] = KINDS[:1],
    overwrite: bool = False,
    has_classes: bool = False,
) -> Outputs:
    """Name the files that a command on an image writes.

    Where the results of another image have the name of this one, the folder of the
    image stands before it: ``b_cells`` for ``b/cells.tif``.

    Parameters
    ----------
    command : str
    source : Source
    folder : Path
    kinds : iterable of str
        Of labels, embedding, gradient.
    overwrite : bool
        Whether files of others may be replaced.
    has_classes : bool
        Whether the model tells classes apart, so that there is a table of these alone.

    Raises
    ------
    ValueError
        If a kind is not known.
    FileExistsError
        If a file would be replaced that this very run did not write; it is named.
    """
    kinds = tuple(dict.fromkeys(kinds))
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or not kinds:
        raise ValueError(
            f"save one or more of {', '.join(KINDS)}, got {unknown or 'none'}"
        )
    run = Run(command, inputs_of(source))
    outputs = [
        Outputs(folder, name, kinds, run, overwrite, has_classes)
        for name in _names(source)
    ]
    free = (one for one in outputs if overwrite or not _is_of_another(one))
    chosen = next(free, outputs[0])
    chosen.refuse_others()
    return chosen


def inputs_of(source: Source) -> tuple[str, ...]:
    """Return by what an image is known again: its path, series and channel."""
    taken = {"series": source.series, "channel": source.channel}
    said = (f"{what} {value}" for what, value in taken.items() if value)
    return (source.path or source.name, *said)


def _names(source: Source) -> list[str]:
    """Return the name of an image; then with its folder, with that one's folder, ..."""
    path, *taken = inputs_of(source)
    plain = [re.sub(r"[^\w-]+", "", word) for word in (*Path(path).parts[:-1], *taken)]
    at = len(plain) - len(taken)
    folders, others = plain[:at], plain[at:]
    longer = (
        "_".join(filter(None, [*folders[begin:], source.name, *others]))
        for begin in reversed(range(len(folders)))
    )
    return [source.name, *longer]


def _is_of_another(outputs: Outputs) -> bool:
    """Whether the record is that of this command on another image."""
    known = read_record(outputs.record)
    command, inputs = known.get("command"), known.get("inputs")
    is_known = command == outputs.run.command and isinstance(inputs, list)
    return is_known and inputs != list(outputs.run.inputs)


def write_segmentation(
    result: Segmentation,
    model: TiledNetwork,
    source: Source,
    outputs: Outputs,
    more: Mapping[str, Any] | None = None,
    table: Mapping[str, NDArray[Any]] | None = None,
) -> dict[str, Any]:
    """Write what was asked for as TIFFs, tables, and a report, all or none.

    Parameters
    ----------
    result : Segmentation
    model : TiledNetwork
    source : Source
        Whose axes and calibration the files keep.
    outputs : Outputs
    more : mapping, optional
        Figures that stand in the report besides.
    table : mapping of str to ndarray, optional
        Of the objects; see `object_table_steps`.
    """
    outputs.refuse_others()  # again: the run may have taken long
    spatial = result.plan.shape.ndim
    axes = result_axes(source.axes, result.labels.ndim, spatial)
    arrays = {
        "labels": (label_dtype(result.labels), axes, numbered(_whole(result, axes))),
        "embedding": (result.embeddings, CHANNELS + axes, ""),
        "gradient": (result.gradient, axes, ""),
    }
    tables = outputs.tables
    if table is None:
        del tables["table"]
    files = outputs.images | tables
    with all_or_none([outputs.record, *files.values()]) as unfinished:
        record, *parts = unfinished
        for kind, part in zip(files, parts, strict=True):
            if kind == "table":
                write_rows(part, table or {})
                continue
            if kind == "classes":
                _write_classes(part, result, axes[:-spatial])
                continue
            pixels, names, about = arrays[kind]
            write_pixels(part, pixels, names, source.calibration, about)
        written = {p.name: u for p, u in zip(files.values(), parts, strict=True)}
        report = _report(result, model) | {
            "image": source.name,
            **outputs.run.about(),
            "notes": [*source.notes, *result.notes],
            "files": {kind: str(path) for kind, path in files.items()},
            **sums_of(outputs.run, outputs.record, written),
            **(more or {}),
        }
        record.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return report


def _whole(result: Segmentation, axes: str) -> str:
    """Return the axes of an image in which objects are whole: linked ones, too."""
    leading, along = len(result.leading), result.linking.along
    return axes[along if along == leading - 1 else leading :]


def _write_classes(path: Path, result: Segmentation, leading: str) -> None:
    """Write a row an object: place on axes not linked, label, class, confidence."""
    along = result.linking.along
    names = [name for axis, name in enumerate(leading) if axis != along]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*names, *COLUMNS, "confidence"))
        for at, found in zip(result.volumes, result.classes, strict=True):
            rows = zip(found.ids.tolist(), found.of, found.confidence, strict=True)
            writer.writerows((*at, i, of, f"{sure:.4f}") for i, of, sure in rows)


def _report(result: Segmentation, model: TiledNetwork) -> dict[str, Any]:
    """Return the figures and settings of a run, ready for JSON."""
    plan = result.plan
    return {
        "model": model.config.name,
        "objects": result.objects,
        **({"classes": result.class_counts} if result.classes else {}),
        "modes": len(result.modes),
        "window": list(plan.window),
        "stride": list(plan.stride),
        "tiles": len(plan),
        "period": list(plan.shape.period),
        "offset": list(result.offset),
        "exact": plan.is_exact,
        "engine": result.engine,
        "seconds": result.seconds,
        "notes": list(result.notes),
        "doubts": list(result.doubts),
        "reads": result.intensity.figures(),
        "settings": asdict(result.settings) | {"window": list(plan.window)},
        **result.rescaled,
    }


def write_pixels(
    path: Path,
    pixels: NDArray[Any],
    axes: str,
    calibration: Calibration,
    description: str = "",
) -> None:
    """Write pixels as an OME-TIFF; of axes that OME does not name, in tifffile's JSON.

    Parameters
    ----------
    path : Path
        Of a file that may be lost; see `all_or_none`.
    pixels : ndarray
        One axis a letter of `axes`.
    axes : str
        Of the letters T, Z, C, Y, X, and others; they are written in the order TZCYX.
    calibration : dict
        Of the source.
    description : str
        Of the image.
    """
    if "Y" not in axes:
        pixels, axes = pixels[..., None, :], axes.replace("X", "YX")
    is_ome = set(axes) <= set(ORDER) and pixels.dtype in map(np.dtype, BY_OME)
    if is_ome:
        pixels, axes = ordered(pixels, axes, "TZCYX")
    sizes, _ = to_ome(calibration)
    about = {"Description": description} if description else {}
    if is_ome:
        said = f"{pixels.shape} {axes} {sizes} {description}"
        about |= {"Creator": "napari-shiftseg", "UUID": str(uuid5(NAMESPACE_OID, said))}
    packed = None if pixels.dtype.kind == "f" else "zlib"  # floats hardly shrink
    tifffile.imwrite(
        path, pixels, ome=is_ome, compression=packed, photometric="minisblack",
        metadata={"axes": axes, **sizes, **about},
        **_resolution(calibration),
    )  # fmt: skip


def write_colours(
    path: Path,
    pixels: NDArray[np.uint8],
    axes: str,
    calibration: Calibration,
    is_png: bool = False,
) -> None:
    """Write colours as an OME-TIFF, or one picture as a PNG.

    Parameters
    ----------
    path : Path
        Of a file that may be lost; see `all_or_none`.
    pixels : ndarray of uint8
        One axis a letter of `axes`, then red, green and blue.
    axes : str
        Of the letters Z, Y, X; without Y it is a line.
    calibration : dict
        Of the source; a PNG has none.
    is_png : bool

    Raises
    ------
    ValueError
        If a PNG is asked for of a volume.
    """
    if "Y" not in axes:
        pixels, axes = pixels[None], f"Y{axes}"
    if is_png:
        if pixels.ndim != 3:
            raise ValueError(
                f"a PNG holds one picture, but the colours have the shape "
                f"{pixels.shape}: write a .tif file"
            )
        Image.fromarray(pixels).save(path, format="PNG")
        return
    sizes, _ = to_ome(calibration)
    tifffile.imwrite(
        path, pixels, ome=True, compression="zlib", photometric="rgb",
        metadata={"axes": f"{axes}S", **sizes}, **_resolution(calibration),
    )  # fmt: skip


def _resolution(calibration: Calibration) -> dict[str, Any]:
    """Return the pixel size as tags, for readers that know no OME-XML."""
    if "X" not in calibration:
        return {}
    x = calibration["X"]
    y = calibration.get("Y", x)
    unit = A_CENTIMETRE.get(x.unit) if x.unit == y.unit else None
    name = "NONE" if unit is None else "CENTIMETER"
    sizes = tuple((unit or 1) / distance.size for distance in (x, y))
    if not all(1 / LARGEST < size < LARGEST for size in sizes):
        return {}
    return {"resolution": sizes, "resolutionunit": name}


def label_dtype(labels: NDArray[np.int32]) -> NDArray[Any]:
    """Return labels as uint16 where they fit, which ImageJ reads, else as uint32."""
    return labels.astype(np.uint16 if labels.max(initial=0) < 2**16 else np.uint32)
