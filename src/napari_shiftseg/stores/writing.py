"""Results written to files that napari and Fiji open."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_shiftseg.stores.axes import CHANNELS, result_axes
from napari_shiftseg.stores.class_tables import CLASSES, COLUMNS
from napari_shiftseg.stores.folders import (
    Run,
    read_record,
    refuse_to_overwrite,
    sums_of,
    written_by,
)
from napari_shiftseg.stores.label_sum import labels_sum
from napari_shiftseg.stores.pixel_files import write_pixels
from napari_shiftseg.stores.tables import plain, write_rows
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.stores.written_labels import ENDINGS, LabelImage
from napari_shiftseg.stores.written_labels import KINDS as LABEL_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.stores.outlines import Table
    from napari_shiftseg.stores.reading import Source


OBJECTS = "_objects"  # end of the name of a table
KINDS = ("labels", "embedding", "gradient")
HANDED_ON = tuple(kind for kind in LABEL_KINDS if kind not in KINDS)
TEXTS = {"settings": "_settings.yaml", "edits": "_edits.json"}  # endings


@dataclass(frozen=True)
class Outputs:
    """Files that a run on an image writes, none of which may be lost."""

    folder: Path
    name: str  # with which they begin
    kinds: tuple[str, ...]  # of `KINDS` and `HANDED_ON`
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
        own = [kind for kind in self.kinds if kind in KINDS]
        return {kind: self.folder / f"{self.name}_{kind}.tif" for kind in own}

    @property
    def handed_on(self) -> dict[str, Path]:
        """What other programs read, by kind."""
        others = [kind for kind in self.kinds if kind in HANDED_ON]
        return {kind: self.folder / f"{self.name}{ENDINGS[kind]}" for kind in others}

    @property
    def files(self) -> dict[str, Path]:
        """All of these, by kind."""
        return self.images | self.tables | self.handed_on

    @property
    def texts(self) -> dict[str, Path]:
        """By what the run is made again: settings, edits."""
        return {kind: self.folder / f"{self.name}{end}" for kind, end in TEXTS.items()}

    @property
    def record(self) -> Path:
        """The report, by which all are known again."""
        return self.folder / f"{self.name}_report.json"

    def refuse_others(self) -> None:
        """Refuse to replace what this very run did not write."""
        own = written_by(self.run, self.record)
        paths = (*self.files.values(), *self.texts.values(), self.record)
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
        Of `KINDS` and `HANDED_ON`.
    overwrite : bool
        Whether files of others may be replaced.
    has_classes : bool
        Whether the model tells classes apart, so that there is a table of these alone.

    Raises
    ------
    ValueError
        If a kind is not known, or none is named.
    FileExistsError
        If a file would be replaced that this very run did not write; it is named.
    """
    kinds = tuple(dict.fromkeys(kinds))
    unknown = [kind for kind in kinds if kind not in (*KINDS, *HANDED_ON)]
    if unknown or not kinds:
        raise ValueError(
            f"save one or more of {', '.join((*KINDS, *HANDED_ON))}, got "
            f"{unknown or 'none'}"
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
    table: Table | None = None,
    texts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Write what was asked for, tables, and a report, all or none.

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
    texts : mapping of str to str, optional
        Settings and edits by which the run is made again; see `TEXTS`.

    Raises
    ------
    ValueError
        If a kind cannot be made of these axes.
    """
    outputs.refuse_others()  # again: the run may have taken long
    labels = label_image(result, source, table)
    arrays = {
        "embedding": (result.embeddings, CHANNELS + labels.axes),
        "gradient": (result.gradient, labels.axes),
    }
    files, texts = outputs.files, texts or {}
    if table is None:
        del files["table"]
    files |= {kind: outputs.texts[kind] for kind in texts}
    stores = [path for kind, path in files.items() if kind == "zarr"]
    with all_or_none([outputs.record, *files.values()], stores) as unfinished:
        record, *parts = unfinished
        for kind, part in zip(files, parts, strict=True):
            if kind in arrays:
                write_pixels(part, *arrays[kind], source.calibration)
            elif kind == "table":
                write_rows(part, table or {})
            elif kind == "classes":
                _write_classes(part, result, labels.axes[: len(result.leading)])
            elif kind in texts:
                part.write_text(texts[kind], encoding="utf-8")
            else:
                labels.write(kind, part)
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


def label_image(
    result: Segmentation, source: Source, table: Table | None = None
) -> LabelImage:
    """Return the labels of a run with what files say of them.

    Parameters
    ----------
    result, source, table
        See `write_segmentation`.
    """
    spatial = result.plan.shape.ndim
    axes = result_axes(source.axes, result.labels.ndim, spatial)
    return LabelImage(
        result.labels, axes, _whole(result, axes), result.offset, source.calibration,
        source.origin, source.name, source.path, table,
    )  # fmt: skip


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
            writer.writerows((*at, i, plain(of), f"{sure:.4f}") for i, of, sure in rows)


def _report(result: Segmentation, model: TiledNetwork) -> dict[str, Any]:
    """Return the figures and settings of a run, ready for JSON."""
    plan = result.plan
    return {
        "model": model.config.name,
        "objects": result.objects,
        **({"classes": result.class_counts} if result.classes else {}),
        "labels_sha256": labels_sum(result.labels),
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
