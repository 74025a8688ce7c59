"""The files of a run, and beside them the settings by which it is made again."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_shiftseg.progress import exhaust
from napari_shiftseg.results.recipe import ANY_IMAGE, Recipe
from napari_shiftseg.results.recipe_file import as_yaml, made_with
from napari_shiftseg.results.table import file_table_steps
from napari_shiftseg.stores.folders import kept_if_used
from napari_shiftseg.stores.label_sum import labels_sum
from napari_shiftseg.stores.writing import (
    TEXTS,
    label_image,
    outputs_of,
    write_segmentation,
)
from napari_shiftseg.stores.written_labels import check_kinds

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_shiftseg.mending.edit_lists import EditList
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.stores.outlines import Table
    from napari_shiftseg.stores.reading import Source
    from napari_shiftseg.stores.writing import Outputs


def save_results(
    result: Segmentation,
    model: TiledNetwork,
    source: Source,
    folder: str | Path,
    save: Sequence[str] = ("labels",),
    overwrite: bool = False,
    edits: EditList | None = None,
    loaded_from: str = "",
) -> dict[str, Any]:
    """Write the results of a run as ``shiftseg segment`` does, all or none.

    The table of objects, the report and the settings always are among them.

    Parameters
    ----------
    result : Segmentation
    model : TiledNetwork
        That made it.
    source : Source
        The image, as `read_image` returns it.
    folder : str or Path
    save : sequence of str
        Of labels, embedding, gradient, rois (ImageJ), geojson (QuPath), tracks (of a
        time series), zarr (OME-Zarr).
    overwrite : bool
        Whether files of others may be replaced.
    edits : EditList, optional
        By which the labels were mended.
    loaded_from : str
        Name or file of the model; its own name if not given.

    Returns
    -------
    dict
        The report: files by kind, the SHA-256 of the labels, ...

    Raises
    ------
    ValueError
        If a kind is not known, or cannot be made of this image.
    FileExistsError
        If a file would be replaced that this very run did not write; it is named.
    OSError
        If a file cannot be written; none is there then.
    """
    check_kinds(tuple(save), label_image(result, source).axes)
    command = "segment" if edits is None else "mend"
    has_classes = bool(result.class_names and result.class_logits is not None)
    with kept_if_used(Path(folder)) as there:
        outputs = outputs_of(command, source, there, save, overwrite, has_classes)
        table = exhaust(file_table_steps(result, model, source))
        return write_with_recipe(
            result, model, source, outputs, None, table, edits, loaded_from
        )


def write_with_recipe(
    result: Segmentation,
    model: TiledNetwork,
    source: Source,
    outputs: Outputs,
    more: Mapping[str, Any] | None = None,
    table: Table | None = None,
    edits: EditList | None = None,
    loaded_from: str = "",
) -> dict[str, Any]:
    """Write results, the settings beside them, and edits that they need, all or none.

    Parameters
    ----------
    result, model, source, outputs, more, table
        See `write_segmentation`.
    edits : EditList, optional
        By which the labels were mended.
    loaded_from : str
        Name or file of the model; its own name if not given.

    Returns
    -------
    dict
        The report.
    """
    recipe = recipe_of(result, source, outputs.kinds, loaded_from or model.config.name)
    texts = {}
    if edits is not None:
        recipe = replace(recipe, edits=f"{outputs.name}{TEXTS['edits']}")
        texts["edits"] = edits.to_json()
    made = made_with(
        recipe, labels_sum(result.labels), objects=result.objects, engine=result.engine
    )
    name = f"{outputs.name}{TEXTS['settings']}"
    texts["settings"] = as_yaml(recipe, made, name)
    return write_segmentation(result, model, source, outputs, more, table, texts)


def recipe_of(
    result: Segmentation, source: Source, save: tuple[str, ...], model: str
) -> Recipe:
    """Return how a run is made again; its window is that which was carried out.

    Parameters
    ----------
    result, source
        See `write_with_recipe`.
    save : tuple of str
    model : str
        Name or file.
    """
    settings = asdict(result.settings)
    if result.settings.stitching != "whole":
        settings["window"] = result.plan.window
    return Recipe(
        model, settings, source.path or ANY_IMAGE, source.channel, source.series, save
    )
