"""The button that opens Batch with what is chosen in Segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from magicgui.widgets import PushButton
from napari.utils.notifications import show_error

from napari_shiftseg.gui.parts.folder_settings import FolderSettings
from napari_shiftseg.gui.parts.layout import opened
from napari_shiftseg.gui.parts.source import GREY, channel_in_view
from napari_shiftseg.gui.parts.text_boxes import plainly
from napari_shiftseg.samples.catalogue import USUAL_MODEL, VOLUME_MODEL
from napari_shiftseg.text import said_by

if TYPE_CHECKING:
    import napari

    from napari_shiftseg.gui.parts.devices import DeviceChoice
    from napari_shiftseg.gui.segment.form import SegmentForm


WHOLE_IMAGES = "Of each image all is segmented, not only what is in view."


class FolderButton(PushButton):
    """Opens Batch, where a folder of images is segmented with these settings.

    Parameters
    ----------
    viewer : napari.Viewer
    form : SegmentForm
    device : DeviceChoice
    """

    def __init__(
        self, viewer: napari.Viewer, form: SegmentForm, device: DeviceChoice
    ) -> None:
        super().__init__(
            text="Use these settings for a folder…",
            tooltip="Segment all images of a folder so: opens Batch with this model "
            "and these settings",
        )
        self._viewer, self._form, self._device = viewer, form, device
        self.changed.connect(self._open)

    def _open(self) -> None:
        try:
            chosen = folder_settings(self._viewer, self._form, self._device.value)
        except ValueError as error:
            show_error(plainly(said_by(error)))
            return
        opened(self._viewer, "Batch").take(chosen)


def folder_settings(
    viewer: napari.Viewer, form: SegmentForm, device: str
) -> FolderSettings:
    """Return what is chosen in Segment, as it is asked of any image.

    Parameters
    ----------
    viewer : napari.Viewer
    form : SegmentForm
    device : str

    Raises
    ------
    ValueError
        If a control says what cannot be.
    """
    chosen = form.for_any_image(device)
    notes = (WHOLE_IMAGES,) if form.is_in_view else ()
    model, channel = _model_of(form), _channel_of(viewer, form)
    return FolderSettings(model, chosen, channel, notes)


def _model_of(form: SegmentForm) -> str:
    """Return the model that was chosen; empty: nobody chose one, each image has its."""
    name: str = form.model.value
    is_given = form.model.is_own or name not in (USUAL_MODEL, VOLUME_MODEL)
    return name if is_given else ""


def _channel_of(viewer: napari.Viewer, form: SegmentForm) -> str:
    """Return which channel or colour of the image is read; empty: it has one."""
    image = form.image.value
    if image is None:
        return ""
    if image.rgb:
        return "" if form.colour.value == GREY else str(form.colour.value)
    channel = channel_in_view(image, viewer.dims)
    return "" if channel is None else str(channel.index + 1)
