"""Labels that are open, mended or not, saved in the files of other programs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_shiftseg.progress import Progress
from napari_shiftseg.results.recipe_file import as_yaml, made_with
from napari_shiftseg.stores.folders import kept_if_used
from napari_shiftseg.stores.label_sum import labels_sum
from napari_shiftseg.stores.reading import stored_in
from napari_shiftseg.stores.tables import write_rows
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.stores.writing import OBJECTS, TEXTS
from napari_shiftseg.stores.written_labels import ENDINGS, check_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari_shiftseg.metrics.measuring import Table
    from napari_shiftseg.results.recipe import Recipe
    from napari_shiftseg.stores.written_labels import LabelImage


TABLE = "table"
WORDS = {  # of each kind, as people call it
    "labels": "labels, OME-TIFF",
    TABLE: "table of objects, CSV",
    "rois": "outlines for ImageJ and Fiji, ROI zip",
    "geojson": "outlines for QuPath, GeoJSON",
    "tracks": "objects for trackers, CSV",
    "zarr": "labels, OME-Zarr",
    "settings": "settings",
    "edits": "edits",
}


@dataclass(frozen=True)
class SaveOrder:
    """What is to be saved, and where.

    Attributes
    ----------
    folder : Path
    name : str
        With which the files begin.
    kinds : tuple of str
        Of `WORDS`, but for settings and edits, which go with them.
    """

    folder: Path
    name: str
    kinds: tuple[str, ...]

    def files(self, recipe: Recipe) -> dict[str, Path]:
        """Return the files by kind, those of the recipe, too."""
        texts = {} if recipe.edit_list is None else {"edits": TEXTS["edits"]}
        texts["settings"] = TEXTS["settings"]
        ends = ENDINGS | {TABLE: f"{OBJECTS}.csv"} | texts
        return {
            kind: self.folder / f"{self.name}{ends[kind]}"
            for kind in (*self.kinds, *texts)
        }


def labels_saving_steps(
    order: SaveOrder,
    labels: LabelImage,
    recipe: Recipe,
    measured: Callable[[], Generator[Progress, None, Table]],
) -> Generator[Progress, None, dict[str, Path]]:
    """Write what is asked for, all or none; yields `Progress` before each file.

    Parameters
    ----------
    order : SaveOrder
    labels : LabelImage
    recipe : Recipe
        Of the run that made them; edits that it has are written beside.
    measured : callable
        Returns the steps that measure the objects.

    Returns
    -------
    dict of str to Path
        The files, by kind.

    Raises
    ------
    ValueError
        If a kind cannot be made of these labels, or there is none.
    OSError
        If a file cannot be written; none is there then, and older ones are as they
        were.
    """
    check_kinds(order.kinds, labels.axes)
    if not order.kinds:
        raise ValueError("nothing was chosen to be saved: choose one kind or more")
    files = order.files(recipe)
    labels = _calibrated(labels)
    with kept_if_used(order.folder):
        if {TABLE, "geojson"} & set(order.kinds):
            labels = replace(labels, table=(yield from measured()))
        stores = [path for kind, path in files.items() if kind == "zarr"]
        with all_or_none(list(files.values()), stores) as unfinished:
            for done, (kind, part) in enumerate(zip(files, unfinished, strict=True)):
                yield Progress(done, len(files), stage=f"writing {WORDS[kind]}")
                _write(kind, part, labels, recipe, files)
    return files


def _calibrated(labels: LabelImage) -> LabelImage:
    """Return labels with the pixel size that the file of the image says.

    A viewer may not have read it.
    """
    if labels.calibration or not Path(labels.path).is_file():
        return labels
    with suppress(OSError, ValueError):
        known = stored_in(Path(labels.path), lazily=True).calibration
        return replace(labels, calibration=known)
    return labels


def _write(
    kind: str, part: Path, labels: LabelImage, recipe: Recipe, files: dict[str, Path]
) -> None:
    if kind == TABLE:
        write_rows(part, labels.table or {})
    elif kind == "edits" and recipe.edit_list is not None:
        part.write_text(recipe.edit_list.to_json(), encoding="utf-8")
    elif kind == "settings":
        part.write_text(_settings(labels, recipe, files), encoding="utf-8")
    else:
        labels.write(kind, part)


def _settings(labels: LabelImage, recipe: Recipe, files: dict[str, Path]) -> str:
    if "edits" in files:
        recipe = replace(recipe, edits=files["edits"].name)
    made = made_with(recipe, labels_sum(labels.labels))
    return as_yaml(recipe, made, files["settings"].name)
