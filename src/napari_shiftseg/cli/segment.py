"""The commands ``segment`` and ``mend``: an image, or a series, to files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_shiftseg.cli.options import Storing
from napari_shiftseg.cli.recipes import note_sameness
from napari_shiftseg.cli.storing import run_segment_to_store
from napari_shiftseg.cli.terminal import note, read_source, with_progress
from napari_shiftseg.cli.usual_model import model_for
from napari_shiftseg.clustering.linking import LINK_THRESHOLD
from napari_shiftseg.clustering.settings import idle_knobs
from napari_shiftseg.geometry.advice import summary
from napari_shiftseg.inference.views import check_turns
from napari_shiftseg.mending.edit_lists import read_edits
from napari_shiftseg.mending.replay import mend
from napari_shiftseg.networks.header import SUFFIX
from napari_shiftseg.networks.loading.models import load_model
from napari_shiftseg.pipeline.segmentation import source_steps
from napari_shiftseg.results.saving import write_with_recipe
from napari_shiftseg.results.table import file_table_steps
from napari_shiftseg.stores.axes import CHANNELS, result_axes
from napari_shiftseg.stores.folders import kept_if_used
from napari_shiftseg.stores.reading import STORE
from napari_shiftseg.stores.writing import HANDED_ON, KINDS, outputs_of
from napari_shiftseg.stores.written_labels import check_kinds

if TYPE_CHECKING:
    from napari_shiftseg.cli.options import Asked, Order
    from napari_shiftseg.mending.edit_lists import EditList
    from napari_shiftseg.mending.replay import Replayed
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.stores.reading import Source
    from napari_shiftseg.stores.writing import Outputs


def kinds_to_save(text: str) -> tuple[str, ...]:
    """Read what ``--save`` names, by commas, or all; labels and table always."""
    kinds = {kind.strip().lower() for kind in text.split(",")} - {""}
    known = (*KINDS, *HANDED_ON)
    unknown = kinds - {*known, "all", "table"}
    if unknown:
        raise ValueError(
            f"--save takes {', '.join(known)} or all, separated by commas, got "
            f"{', '.join(sorted(unknown))!r}"
        )
    wanted = kinds | {KINDS[0]} | ({*KINDS} if "all" in kinds else set())
    return tuple(kind for kind in known if kind in wanted)


def _kinds_of_store(text: str) -> tuple[str, ...]:
    """Read what ``--save`` names where the output is a store."""
    kinds = kinds_to_save(text)
    others = [kind for kind in kinds if kind not in KINDS]
    if others:
        raise ValueError(
            f"a .zarr store holds {', '.join(KINDS)}, got {', '.join(others)}: give a "
            f"folder with -o for these"
        )
    return kinds


def _safe_outputs(
    command: str,
    source: Source,
    folder: Path,
    save: str,
    asked: Asked,
    network: TiledNetwork,
) -> Outputs:
    """Name the files to write, before any work; another name than usual is said."""
    kinds, has_classes = kinds_to_save(save), bool(network.config.classes)
    spatial, axes = network.config.ndim, source.axes.replace(CHANNELS, "")
    check_kinds(kinds, result_axes(source.axes, len(axes), spatial))
    outputs = outputs_of(command, source, folder, kinds, asked.overwrite, has_classes)
    if outputs.name != source.name:
        note(
            f"{folder} has the results of another image {source.name}: those of this "
            f"one are called {outputs.name}"
        )
    return outputs


def run_segment(
    image: Path, output: Path, order: Order, save: str, storing: Storing
) -> None:
    """Segment an image, write the outcome and print it.

    Parameters
    ----------
    image, output, order, save, storing
        See ``shiftseg segment --help``.
    """
    settings = order.settings
    if settings.link_planes is False and settings.link_threshold != LINK_THRESHOLD:
        note("--link-threshold counts for nothing: --no-link-planes links none")
    if output.suffix == STORE:
        run_segment_to_store(image, output, order, _kinds_of_store(save), storing)
        return
    if storing != Storing():
        raise ValueError(
            f"--resume, --chunk, --workers, --scheduler and --float16 are for a store: "
            f"give one with -o, for example -o {output.name or 'out'}{STORE}"
        )
    with kept_if_used(output) as folder:
        network = load_model(order.model)
        source = read_source(network.config, image, order.asked)
        check_turns(order.settings.views, source.pixel)
        outputs = _safe_outputs("segment", source, folder, save, order.asked, network)
        result = with_progress(source_steps(source, network, order.settings))
        table = with_progress(file_table_steps(result, network, source))
        report = write_with_recipe(
            result, network, source, outputs, order.given, table,
            loaded_from=order.given["given"]["model"],
        )  # fmt: skip
    _print_segmentation(result, report, folder, order)


NO_OBJECT = (
    "to find some: --invert where objects are dark, --intensity LOW:HIGH, another "
    "--channel, another model by -m, or a lower --foreground-threshold"
)


def _print_segmentation(
    result: Segmentation, report: dict[str, Any], folder: Path, order: Order
) -> None:
    """Print the outcome of a run, in words or as its report in JSON."""
    if not result.objects:
        note(NO_OBJECT)
    note_sameness(report["labels_sha256"])
    if order.asked.json:
        for said in result.notes:
            note(said)
        print(json.dumps(report))
    else:
        print(summary(result.plan), result.intensity.sentence, *result.notes, sep="\n")
        print(f"{result.found} in {result.seconds:.1f} s, written to {folder}")


def run_mend(image: Path, edits: Path, output: Path, order: Order, save: str) -> None:
    """Segment an image, make the edits, write the outcome and print it.

    Parameters
    ----------
    image, edits, output, order, save
        See ``shiftseg mend --help``.
    """
    known, asked = read_edits(edits), order.asked
    usual = model_for(None, image)
    network = _model_of(order.model, known, usual)
    doubt = _doubt_about(order.model, known, usual)
    given = replace(order, model=order.model or known.model or usual).given
    with kept_if_used(output) as folder:
        source = read_source(network.config, image, asked)
        check_turns(order.settings.views, source.pixel)
        outputs = _safe_outputs("mend", source, folder, save, asked, network)
        settings = _with_clustering(order.settings, known)
        result = _segmented(source, network, settings, doubt)
        mended, outcome = mend(result, network, known.edits)
        mended = replace(
            mended, notes=(*mended.notes, *_doubts(doubt, known, source.name, outcome))
        )
        figures = _mending_figures(result, mended, outcome, known)
        table = with_progress(file_table_steps(mended, network, source))
        report = write_with_recipe(
            mended, network, source, outputs, given | figures, table, known,
            given["given"]["model"],
        )  # fmt: skip
    _print_segmentation(mended, report, folder, order)
    if not asked.json:
        print(_in_words(figures))


def _model_of(chosen: str, edits: EditList, usual: str) -> TiledNetwork:
    """Load the model that was chosen, else that of the edits, else the usual one."""
    try:
        return load_model(chosen or edits.model or usual)
    except FileNotFoundError as error:
        if chosen or not edits.model:
            raise
        raise FileNotFoundError(
            f"the edits were made on a model that is not here; say with -m where it "
            f"is: {error}"
        ) from None


def _doubt_about(chosen: str, edits: EditList, usual: str) -> str:
    """Say why the model may not be that on which the edits were made; empty: it is."""
    if not edits.model:
        if chosen:
            return ""
        return (
            f"the file of edits names no model, so {usual!r} was taken: name the "
            f"one they were made on with -m"
        )
    if not chosen or _name_of(chosen) == _name_of(edits.model):
        return ""
    return (
        f"the edits were made on the model {edits.model!r}, not on {chosen!r}: leave "
        f"out -m to take theirs"
    )


def _segmented(
    source: Source, network: TiledNetwork, settings: Settings, doubt: str
) -> Segmentation:
    """Segment an image; what goes wrong with a model in doubt is laid to it."""
    try:
        return with_progress(source_steps(source, network, settings))
    except ValueError as error:
        if not doubt:
            raise
        raise ValueError(f"{doubt} ({error})") from None


def _doubts(
    doubt: str, edits: EditList, image: str, outcome: Replayed
) -> tuple[str, ...]:
    """Return what may be amiss with model and image, for the notes of a run.

    An image of another name is one only where edits do not fit it.
    """
    other = edits.image not in ("", image) and bool(outcome.left_out)
    about = f"the edits were made on the image {edits.image!r}, this is {image!r}"
    is_amiss = bool(edits.model or outcome.left_out)
    said = (doubt if is_amiss else "", about if other else "")
    return tuple(filter(None, said))


def _name_of(model: str) -> str:
    return Path(model).name.removesuffix(SUFFIX)


def _with_clustering(settings: Settings, edits: EditList) -> Settings:
    """Return settings with the clustering of the edits where nothing was chosen."""
    method = settings.method or edits.clustering.get("method", "mean-shift")
    known = {
        name: value
        for name, value in edits.clustering.items()
        if getattr(settings, name, value) is None and name not in idle_knobs(method)
    }
    return replace(settings, **known)


def _mending_figures(
    result: Segmentation, mended: Segmentation, outcome: Replayed, edits: EditList
) -> dict[str, Any]:
    """Return what became of the edits, ready for JSON."""
    return {
        "objects_before": result.objects,
        "objects": mended.objects,
        "edits": len(edits.edits),
        "made_on": {"model": edits.model, "image": edits.image},
        "applied": list(outcome.applied),
        "overruled": [
            {"edit": old, "by": new} for old, new in outcome.overruled.items()
        ],
        "left_out": [
            {"edit": number, "reason": reason}
            for number, reason in outcome.left_out.items()
        ],
    }


def _in_words(figures: dict[str, Any]) -> str:
    """Return these figures as a line."""
    return (
        f"{figures['objects_before']} objects before, {figures['objects']} after: "
        f"{len(figures['applied'])} of {figures['edits']} edits applied, "
        f"{len(figures['overruled'])} of them overruled, "
        f"{len(figures['left_out'])} left out"
    )
