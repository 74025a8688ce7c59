"""Files of edits, and which edits are in none yet."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from subprocess import list2cmdline
from typing import TYPE_CHECKING, Any

from magicgui.widgets import show_file_dialog
from napari.layers import Labels
from qtpy.QtWidgets import QMessageBox

from napari_shiftseg.clustering.settings import Clustering
from napari_shiftseg.gui.mend.corrections import image_of
from napari_shiftseg.gui.parts.plain_text import plainly
from napari_shiftseg.gui.parts.records import LayerRecord, LayerSession
from napari_shiftseg.gui.parts.result_layers import METADATA_KEY
from napari_shiftseg.samples.catalogue import SAMPLES
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import napari
    from napari.layers import Image, Layer

    from napari_shiftseg.mending.edit_files import EditList
    from napari_shiftseg.relabelling.relabel import Kept


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
    return options


def joined(words: Sequence[str]) -> str:
    """Return words as a shell of this system reads them; with quotes where needed."""
    return list2cmdline(words) if os.name == "nt" else shlex.join(words)


FILTER = "Edits (*.json)"


class EditFiles:
    """Saves and loads the edits of labels layers.

    Which edits are saved is known as long as the layer lives, not the widget; see
    `EditStore`.

    Parameters
    ----------
    viewer : napari.Viewer
    say : callable
        Takes what the user should read, and its kind.
    """

    def __init__(self, viewer: napari.Viewer, say: Callable[[str, str], None]) -> None:
        self._viewer, self._say = viewer, say

    @property
    def unsaved(self) -> list[Labels]:
        """Layers of the viewer whose edits are not as they were saved."""
        return [layer for layer in self._viewer.layers if number_unsaved(layer)]

    @property
    def number_unsaved(self) -> int:
        """How many edits of these are made, or taken out, since they were saved."""
        return sum(number_unsaved(layer) for layer in self.unsaved)

    def save_unsaved(self) -> bool:
        """Save the edits of every layer; False: not all are saved."""
        return all(self.save(layer) for layer in self.unsaved)

    def save(self, layer: Labels) -> bool:
        """Ask for a file and write the edits of a layer; False: there is none."""
        title = f"Save the edits of {layer.name}"
        name = f"{layer.metadata[METADATA_KEY]['image']} edits.json".replace("/", "_")
        asked = show_file_dialog("w", title, start_path=name, filter=FILTER)
        if not asked:
            return False
        path = Path(asked)
        if not path.suffix:
            path = path.with_suffix(".json")
        from napari_shiftseg.mending.edit_files import EditList, write_edits

        record, store = LayerRecord(layer), LayerSession.of(layer).edits
        edits = EditList(
            store.edits if store is not None else (),
            record.chosen,
            record.run["model"],
            record.run["image"],
        )
        try:
            write_edits(path, edits)
        except OSError as error:
            self._say(f"The edits were not saved: {error}", "error")
            return False
        if store is not None:
            store.mark_saved()
        command = mend_command(self._viewer, layer, path.absolute())
        self._say(f"Saved to {path.absolute()}. On the command line: {command}", "note")
        return True

    def load(self, layer: Labels, kept: Kept) -> EditList | None:
        """Ask for a file and read its edits, for the labels of a run.

        None: there is none, it is wrong, or it is of others and the user thinks better.
        """
        path = show_file_dialog("r", "Load edits", filter=FILTER)
        if not path:
            return None
        from napari_shiftseg.mending.edit_files import read_edits

        try:
            known = read_edits(Path(path))
            check_clustering(known, layer, kept)
        except (OSError, ValueError) as error:
            self._say(str(error), "error")
            return None
        others = of_others(known, layer)
        return None if others and not self.ask(others) else known

    @staticmethod
    def ask(others: str) -> bool:
        """Ask the user whether edits of another image or model shall be made."""
        buttons = QMessageBox.StandardButton
        question = plainly(f"{others} Make them all the same?")
        answer = QMessageBox.question(
            None, "Edits of others", question, buttons.Yes | buttons.No, buttons.No
        )
        return bool(answer == buttons.Yes)


def check_clustering(edits: EditList, layer: Labels, kept: Kept) -> None:
    """Refuse a clustering that this run cannot have.

    Raises
    ------
    ValueError
        If a value is out of range, or the scope is "component" and the model has no
        foreground logit.
    """
    clustering = Clustering.model_validate(
        kept.clustering.model_dump() | dict(edits.clustering)
    )
    if clustering.scope == "component" and not kept.has_foreground:
        raise ValueError(
            f"the edits were made with a clustering of each component of the "
            f"foreground, which the model of {layer.name!r} does not predict: take a "
            f"result of the model they were made on"
        )


def of_others(edits: EditList, layer: Labels) -> str:
    """Say of which other image or model edits are; "" where they fit a layer."""
    record, of = layer.metadata[METADATA_KEY], []
    for kind, theirs in (("image", edits.image), ("model", edits.model)):
        if theirs and Path(theirs).stem != Path(record[kind]).stem:
            of.append(f"the {kind} “{theirs}”, not “{record[kind]}”")
    return f"These edits were made on {' and '.join(of)}." if of else ""


def loaded_text(found: int, new: int) -> str:
    """Say how many of the edits of a file are new; these are selected in the list.

    Parameters
    ----------
    found : int
        Edits of the file.
    new : int
        Those of them that were not in the list.
    """
    parts = [f"{number_of(new, 'edit')} loaded."]
    if found > new:
        there = number_of(found - new, "edit")
        parts.append(f"{there} of the file stood in the list already.")
    if new:
        parts.append("“Take out” drops what is selected.")
    return " ".join(parts)


def number_unsaved(layer: Layer) -> int:
    """Return how many edits of a layer are others than when they were saved."""
    is_mended = isinstance(layer, Labels)
    store = LayerSession.of(layer).edits if is_mended else None
    return 0 if store is None else store.number_unsaved
