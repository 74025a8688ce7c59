"""Start here: tiles, each of which leads into a widget with all it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, PushButton

from napari_shiftseg.gui.parts.belonging import image_of_labels, labels_of
from napari_shiftseg.gui.parts.choices import (
    is_image,
    is_truth,
    likely_truth,
    selected,
)
from napari_shiftseg.gui.parts.keys import RUN, key_text
from napari_shiftseg.gui.parts.layout import MARK, ControlRows, ScrolledRows, opened
from napari_shiftseg.gui.parts.text_boxes import StandingText, wrapped_label

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Image, Labels

SEGMENT, FOLDER, SEAMS, TRAIN = (
    "Segment my image",
    "Segment a folder of images",
    "Why do my tiles show seams?",
    "Train on my labels",
)
ABOUT = {
    SEGMENT: "Find the objects of the image that is selected, and count them.",
    FOLDER: "Count and measure the objects of many images, condition by condition.",
    SEAMS: "See two ways of tiling side by side, and what tile borders break.",
    TRAIN: "Make a model of your own from an image and labels that you have drawn.",
}
NEXT = {
    SEGMENT: "press Run ({key}); then Mend… corrects what came out.",
    FOLDER: "choose the folder, then press Run ({key}).",
    SEAMS: "press Compare ({key}); then “Next worst seam” goes to what broke.",
    TRAIN: "give the model a name and press Train ({key}).",
}
NO_IMAGE = "No image is open, so this is a sample of ours, “{}”."
NO_LABELS = (
    "No labels of “{}” are open. Open them, or add a layer of labels and paint each "
    "object with a number of its own; then press this again."
)
NO_LABELS_AT_ALL = (
    "No image is open, so this is a sample of ours, “{}”, with true labels."
)
WELCOME = "Each leads into its widget. Tab goes from one to the next, Space presses."
HEIGHT = 40  # pixels of a tile's button
TILE = "font-weight: bold; text-align: left; padding-left: 10px;"


class StartWidget(ScrolledRows):
    """What can be done, and the way there."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self.tiles: dict[str, PushButton] = {}
        steps = {
            SEGMENT: self._segment, FOLDER: self._batch, SEAMS: self._compare,
            TRAIN: self._train,
        }  # fmt: skip
        tiles = [self._tile(title, do) for title, do in steps.items()]
        self.said = StandingText(lines=6, empty=WELCOME, least=4)
        rows = Container(widgets=[*tiles, self.said], labels=False)
        rows.native.layout().addStretch()
        super().__init__(rows)

    def _tile(self, title: str, do: Callable[[], None]) -> ControlRows:
        button = PushButton(text=title, tooltip=ABOUT[title])
        button.native.setMinimumHeight(HEIGHT)
        button.native.setStyleSheet(TILE)
        button.changed.connect(do)
        self.tiles[title] = button
        return ControlRows(button, wrapped_label(ABOUT[title]))

    def _segment(self) -> None:
        image, about = self._image_or("nuclei")
        widget = opened(self._viewer, "Segment")
        widget.image.suggest(image)
        self._lead(SEGMENT, widget.panel, about)

    def _batch(self) -> None:
        widget = opened(self._viewer, "Batch")
        self._lead(FOLDER, widget.panel, "")
        if not widget.panel.button.enabled:
            widget.form.folder.choose_btn.native.setFocus()

    def _compare(self) -> None:
        image, about = self._image_or("disks_13")
        widget = opened(self._viewer, "Compare stitching")
        widget.form.image.suggest(image)
        self._lead(SEAMS, widget.panel, about)

    def _train(self) -> None:
        labels, image = self._labels_and_image()
        about = ""
        if image is None:
            image, _ = self._image_or("nuclei")
            labels = likely_truth(image, self._layers(is_truth))
            about = NO_LABELS_AT_ALL.format(image.name)
        widget = opened(self._viewer, "Train")
        if labels is None:
            widget.form.pairs.image.suggest(image)
            text = f"{NO_LABELS.format(image.name)} {self._next(TRAIN)}"
            self.said.say(text, "warning")
            widget.panel.say(text, "warning")
            return
        widget.take_corrections(image, labels)
        self._lead(TRAIN, widget.panel, about)

    def _lead(self, title: str, panel: Any, about: str) -> None:
        """Say what comes next, here and there, and let Space press it."""
        text = f"{about} {self._next(title)}".strip()
        self.said.say(text, "note")
        panel.say(text, "note")
        panel.button.native.setFocus()

    @staticmethod
    def _next(title: str) -> str:
        return f"Next: {NEXT[title].format(key=key_text(RUN))}"

    def _image_or(self, sample: str) -> tuple[Image, str]:
        """Return the image to work on, or a sample's, and what is to be said of it."""
        image = self._image()
        if image is not None:
            return image, ""
        layers = self._viewer.open_sample(MARK, sample)
        image = next(layer for layer in layers if is_image(layer))
        self._viewer.layers.selection.active = image
        return image, NO_IMAGE.format(image.name)

    def _image(self) -> Image | None:
        """Return the image that is selected or belongs to it; else the topmost."""
        images = self._layers(is_image)
        return selected(self._viewer, images) or next(reversed(images), None)

    def _labels_and_image(self) -> tuple[Labels | None, Image | None]:
        """Return the user's own labels and their image; None for what is not there."""
        images, own = self._layers(is_image), self._layers(is_truth)
        labels = selected(self._viewer, own)
        image = image_of_labels(labels, images) if labels is not None else None
        if image is not None:
            return labels, image
        image = self._image()
        return (None if image is None else labels_of(image, own, images)), image

    def _layers(self, accept: Callable[[Any], bool]) -> list[Any]:
        return [layer for layer in self._viewer.layers if accept(layer)]
