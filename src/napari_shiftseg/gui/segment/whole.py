"""The whole of an image on disk to labels on disk: where to, pause, what is seen."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from magicgui.widgets import FileEdit, PushButton
from superqt.utils import qthrottled

from napari_shiftseg.distributed.journal import Journal, unfinished
from napari_shiftseg.gui.parts.belonging import hide_earlier_runs
from napari_shiftseg.gui.parts.large import is_large, is_on_disk, part_words
from napari_shiftseg.gui.parts.layout import ControlForm, ControlRows
from napari_shiftseg.gui.parts.object_features import features_of
from napari_shiftseg.gui.parts.run_panel import LEAVE, RunPanel
from napari_shiftseg.gui.parts.source import LayerSource, layer_shape
from napari_shiftseg.gui.parts.stored_labels import stored_labels
from napari_shiftseg.gui.parts.text_boxes import dress, wrapped_label
from napari_shiftseg.gui.parts.viewer import OwnLayer
from napari_shiftseg.gui.segment.mending import MendButton
from napari_shiftseg.gui.segment.stored_run import (
    Grown,
    Hold,
    StoredOutcome,
    StoredRun,
    path_of,
    stored_run,
)
from napari_shiftseg.stores.own_stores import levels_of
from napari_shiftseg.stores.reading import name_of_file
from napari_shiftseg.stores.zarr_image import is_zarr
from napari_shiftseg.text import by, number_of, said_by, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import napari
    from napari.layers import Image

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.progress import Progress


BEGIN, GO_ON = "Segment the whole to disk", "Go on to disk"
PAUSE, UNPAUSE = "Pause", "Go on"
SUFFIX = ".zarr"
REFRESH = 500  # milliseconds from one look at what has grown to the next
GROWING = "growing"  # under our key, of the layer that shows it
BUTTON_TIP = (
    "Segment all of the image, block by block, into an OME-Zarr store; the memory it "
    "takes depends on the blocks, not on the image"
)


MEND_TIP = (
    "Correct objects of these labels: opens Mend, which predicts what is in view again"
)


class WholeImage(ControlRows):
    """Shown for an image on disk: what Run does, and a run of the whole into a store.

    Parameters
    ----------
    viewer : napari.Viewer
    wanted : callable
        Returns the model, the source and the settings that the controls ask for.
    changed : callable
        Called whenever a run has begun or has ended.

    Attributes
    ----------
    note : Label
        What Run does with the image; it stands elsewhere.
    target : FileEdit
        Where the labels go.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        wanted: Callable[[Path], StoredRun],
        changed: Callable[[], None],
    ) -> None:
        self._viewer, self._wanted, self._changed = viewer, wanted, changed
        self._image: Image | None = None
        self._hold = Hold()
        self._run: StoredRun | None = None
        self._growing = GrowingLayer(viewer)
        self.note = wrapped_label(visible=False)
        dress(self.note, "note")
        self.target = FileEdit(
            mode="w", label="To disk", filter=f"*{SUFFIX}",
            tooltip="The OME-Zarr store that the labels of the whole image go to",
        )  # fmt: skip
        self.pause = PushButton(
            text=PAUSE, visible=False, tooltip="Let the run wait; press again to go on"
        )
        self.mend = MendButton(viewer, MEND_TIP)
        self.panel = RunPanel(
            self._steps, self._done, self._run_changed, self._progressed, BEGIN,
            stop=lambda: self._hold.stop(), ending=LEAVE, beside=[self.pause],
            further=self.mend, is_of_use=lambda: self.mend.is_of_use,
            tooltip=BUTTON_TIP,
        )  # fmt: skip
        super().__init__(ControlForm(self.target), self.panel)
        self.visible = False
        self.target.changed.connect(self._name_button)
        self.pause.changed.connect(self._pause_or_go_on)
        self.panel.failed.connect(self._say_what_is_kept)

    # What is chosen

    def follow(self, image: Image | None, region: Region | None, work: str) -> None:
        """Learn what is chosen, and whether it can be run.

        Parameters
        ----------
        image : Image or None
        region : sequence of (int, int) or None
            That Run segments; None: all of the image.
        work : str
            What the run into a store takes; empty: it cannot be run.
        """
        offered = image is not None and is_on_disk(image)
        if image is not None and offered and image is not self._image:
            self._image, self.target.value = image, usual_target(image)
        self.visible = offered or self.panel.is_running
        self.note.visible = offered
        if image is not None and offered:
            self.note.value = _about(image, region, work)
        self.panel.allow(bool(work) and offered)
        self._name_button()

    def _name_button(self) -> None:
        target = Path(self.target.value)
        begun = bool(target.name) and unfinished(target).exists()
        self.panel.call(GO_ON if begun else BEGIN)

    # A run

    def _steps(self) -> Generator[Progress, None, StoredOutcome]:
        target = Path(self.target.value).expanduser().resolve()
        if target.suffix != SUFFIX:
            raise ValueError(
                f"the labels go to a zarr store: its name must end with {SUFFIX}, got "
                f"{target.name!r}; for example {target.stem or 'image'}_labels{SUFFIX}"
            )
        if not target.parent.is_dir():
            raise ValueError(f"there is no folder {target.parent}: choose another one")
        self._run, self._hold = self._wanted(target), Hold()
        self._growing.begin(self._run.source)
        return _in_words(stored_run(self._run, self._hold))

    def _progressed(self, progress: Progress) -> None:
        if isinstance(progress, Grown):
            self._growing.show(progress)

    def _done(self, outcome: StoredOutcome) -> tuple[str, str]:
        self._growing.lay_down()
        target, report = outcome.run.target, outcome.report
        self.mend.take(None)
        if report is None:
            return _cancelled(target), "note"
        name = f"labels · {Path(outcome.run.model).stem} · {target.stem}"
        record = outcome.record
        made = stored_labels(
            levels_of(target), outcome.run.source, outcome.offset, name, record
        )
        if outcome.table is not None:
            made.features = features_of(outcome.table)
        hide_earlier_runs(self._viewer.layers, record)
        self._viewer.add_layer(made)
        self.mend.take(made)
        said = [f"{number_of(report['objects'], 'object')} in {target}"]
        return " · ".join([*said, *map(sentence, report["notes"])]), "note"

    def _run_changed(self) -> None:
        self.pause.visible, self.pause.text = self.panel.is_running, PAUSE
        self.target.enabled = not self.panel.is_running
        if not self.panel.is_running:
            self._growing.lay_down()
        self._changed()

    def _pause_or_go_on(self) -> None:
        if self._hold.is_paused:
            self._hold.go_on()
        else:
            self._hold.pause()
        self.pause.text = UNPAUSE if self._hold.is_paused else PAUSE

    def _say_what_is_kept(self) -> None:
        text = self.panel.result.value
        is_refused = any(words in text for words in REFUSALS)
        if self._run is None or is_refused:
            return
        journal = Journal(unfinished(self._run.target))
        if journal.is_there:
            kept = "What was done is kept: " if journal.keeps else ""
            self.panel.say(f"{text.rstrip('.')}. {kept}{GO_ON} tries again.", "error")

    def leave(self) -> None:
        """End a run, which can be gone on with, and take its layer away."""
        self._hold.stop()
        self._growing.lay_down()


class GrowingLayer(OwnLayer):
    """The labels of a run so far; they stay on disk."""

    def __init__(self, viewer: napari.Viewer) -> None:
        super().__init__(viewer)
        self._source: LayerSource | None = None
        self._refresh = qthrottled(self._look_again, timeout=REFRESH)

    def begin(self, source: LayerSource) -> None:
        """Wait for the labels of a run on an image."""
        self._source = source

    def show(self, grown: Grown) -> None:
        """Show what there is; what the user has removed stays so."""
        if self._layer is None and self._source is not None:
            name = f"labels so far · {self._source.title}"
            self._add(
                stored_labels(grown.levels, self._source, grown.offset, name, GROWING)
            )
        self._refresh()

    def _look_again(self) -> None:
        if self.layer is not None:
            self.layer.refresh()


def _about(image: Image, region: Region | None, work: str) -> str:
    """Say what Run does with an image on disk, and what else there is."""
    shape = by(layer_shape(image))
    if not is_large(image):
        what = "it is small, so Run segments it in memory"
    elif region is None:
        what = "Run would segment all of it in memory"
    else:
        what = f"Run segments the part in view, {part_words(region)}"
    whole = "the whole goes to disk" + (work and f": {work}")
    return f"An image of {shape} that stays on disk: {what}; {whole}."


def _cancelled(target: Path) -> str:
    """Say what a run that was stopped has left."""
    journal = Journal(unfinished(target))
    if not journal.is_there:
        return "Cancelled: nothing was begun."
    left = journal.folder.name
    if not journal.keeps:
        return f"Cancelled before a block was done: {left} holds none, {GO_ON} begins."
    return (
        f"Cancelled: what is done is kept in {left}. {GO_ON} goes on with it, in a "
        f"later session too; delete that folder to give it up."
    )


def usual_target(image: Image) -> Path:
    """Return where labels of an image go: beside its file, ``NAME_labels.zarr``.

    Where that is not known, or nothing can be written there, the working folder.

    Parameters
    ----------
    image : Image
    """
    taken = path_of(LayerSource.of(image)) or image.source.path
    name, folder = re.sub(r"[^\w.-]+", "_", image.name), Path()
    if taken and Path(taken).exists():
        path = Path(taken).resolve()
        while is_zarr(path.parent):
            path = path.parent
        name, folder = name_of_file(path), path.parent
    for place in (folder, Path.cwd(), Path.home()):
        if os.access(place, os.W_OK):
            return place.resolve() / f"{name}_labels{SUFFIX}"
    return folder / f"{name}_labels{SUFFIX}"


def _in_words(
    steps: Generator[Progress, None, StoredOutcome],
) -> Generator[Progress, None, StoredOutcome]:
    """Pass steps on; their errors say what to do in the widget, not in a command."""
    try:
        return (yield from steps)
    except (ValueError, OSError) as error:
        text = said_by(error)
        for command, here in WORDS:
            text = re.sub(command, here, text)
        kind = OSError if isinstance(error, OSError) else ValueError
        raise kind(text) from error


REFUSALS = "choose another name", "begin anew", "is at work on"
WORDS = (  # of a script, and of the widget
    (r"give the same again with resume=True to go on", f"{GO_ON} goes on"),
    (r"give another name(, or add overwrite=True to [a-z]+ ?[a-z]*)?",
     "choose another name"),
    (r"Give the same again, or add overwrite=True to begin anew",
     "Choose the same again, another name, or delete that folder to begin anew"),
    (r", or write TIFFs instead", ""),
)  # fmt: skip
