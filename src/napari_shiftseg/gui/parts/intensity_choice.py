"""Which grey values are read as 0 and as 1: found, as displayed, or given."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, LineEdit
from psygnal import Signal

from napari_shiftseg.gui.parts.choices import ColourChoice, may_shrink
from napari_shiftseg.gui.parts.jobs import LatestJobs
from napari_shiftseg.gui.parts.layout import ControlRow, ControlRows, is_open
from napari_shiftseg.gui.parts.models import leading_axes
from napari_shiftseg.gui.parts.source import GREY, LayerSource, layer_shape
from napari_shiftseg.gui.parts.text_boxes import dress, wrapped_label
from napari_shiftseg.intensity.automatic import INVERTED
from napari_shiftseg.intensity.scale import (
    REMEDY,
    Reading,
    Rule,
    parse_intensity,
    written,
)
from napari_shiftseg.intensity.stack import FrameScales, scales_of
from napari_shiftseg.progress import Progress, exhaust
from napari_shiftseg.text import grey

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from napari.layers import Image

    from napari_shiftseg.gui.parts.choices import LayerChoice
    from napari_shiftseg.intensity.scale import Asked, Scale
    from napari_shiftseg.networks.config import NetworkConfig


MODES = AUTOMATIC, DISPLAYED, GIVEN = "Automatic", "As displayed", "From–to"
SMALL = 2**16  # pixels; the grey values of fewer are found at once
DARK = "looks like dark objects on a bright background: tick Invert"
OWN = "reads each frame by its own grey values, as the contrast falls"
LEAST_WIDTH = 80  # pixels: 4000:65535
VALUES_WIDTH = 110  # pixels: -1234.5:6789.1
TICK = "replace them, or tick NaN is no data"


def for_widgets(text: str) -> str:
    """Return the words of an error that name what to do in a widget."""
    return text.replace(REMEDY, TICK)


BY_THE_IMAGE = (
    "from the background to the brighter half of the objects. Bars, hot pixels and "
    "borders do not count. A stack has one scale."
)
BY_WORD = {
    "as-is": "grey values as they are, as the model was trained.",
    "range": "from the lowest to the highest value of the image.",
}


def _about_modes(config: NetworkConfig) -> str:
    """Return the tooltip of the modes: automatic is what a model says."""
    rule = config.intensity
    if isinstance(rule, Rule):
        automatic = f"as the network's own package says: {rule.sentence}."
    else:
        automatic = BY_WORD.get(rule, BY_THE_IMAGE)
    return (
        f"Which grey values the model reads as 0 and as 1.\nAutomatic: {automatic}\n"
        f"As displayed: the contrast limits of the layer.\n"
        f"From–to: two values of your own."
    )


class IntensityChoice(ControlRows):
    """How grey values are read, and what that means for the image that is chosen.

    Parameters
    ----------
    image : LayerChoice
    config : callable
        Returns the model's; call `refresh` when it is another.
    colour : ColourChoice, optional
        What is read of a colour image; grey if it is not given.
    is_wide : bool
        Whether there is room to say what is read in the same row.

    Attributes
    ----------
    is_refused : bool
        Whether the image as a whole cannot be read so, as far as is known.
    scale : Scale or None
        That all of the image is read by, of its first channel; None: not known yet, or
        each frame has its own.
    refused : Signal
        Emitted when that becomes known, or is no longer so.
    """

    refused = Signal()

    def __init__(
        self,
        image: LayerChoice,
        config: Callable[[], NetworkConfig],
        colour: ColourChoice | None = None,
        is_wide: bool = False,
    ) -> None:
        self._image, self._config, self._colour = image, config, colour
        self._watched: Image | None = None
        self._are_files = False
        self._has_nan = False  # as far as was seen of the image
        self.is_refused = False
        self.scale: Scale | None = None
        self._read = ""  # grey values that are read, as they are written
        self.mode = ComboBox(choices=MODES)
        self.values = LineEdit(
            visible=False,
            tooltip="Grey values read as 0 and as 1, for example 100:1100",
        )
        self.invert = CheckBox(
            text="Invert", tooltip="Objects are dark on a bright background"
        )
        self.ignore_nan = CheckBox(
            text="NaN is no data", visible=False,
            tooltip="Pixels that are NaN or infinite are read as background",
        )  # fmt: skip
        self.said = wrapped_label(tooltip="How grey values of this image are read")
        beside, below = ([self.said], []) if is_wide else ([], [self.said])
        row = ControlRow(self.mode, self.values, self.invert, self.ignore_nan, *beside)
        super().__init__(row, *below, label="Intensity")
        may_shrink(self.mode)
        self.values.min_width, self.values.max_width = LEAST_WIDTH, VALUES_WIDTH
        self._jobs = LatestJobs(self.native, self._refuse)
        self._connect()
        self._follow(image.value)

    def _connect(self) -> None:
        self.mode.changed.connect(self._take_mode)
        for control in (self.values, self.invert, self.ignore_nan):
            control.changed.connect(self.refresh)
        if self._colour is not None:
            self._colour.changed.connect(self.refresh)
        self._image.changed.connect(self._follow)

    # What is chosen

    @property
    def intensity(self) -> Asked:
        """Grey values read as 0 and 1, or "auto".

        Raises
        ------
        ValueError
            If what is written is no such pair.
        """
        if self.mode.value == GIVEN:
            return Reading(parse_intensity(self.values.value)).intensity
        if self.mode.value == DISPLAYED and self._image.value is not None:
            low, high = map(float, self._image.value.contrast_limits)
            return low, high
        return "auto"

    def settings(self) -> dict[str, Any]:
        """Return what is chosen, as keywords of `Settings`; see `intensity`."""
        return {
            "intensity": self.intensity,
            "invert": bool(self.invert.value),
            "ignore_nan": bool(self.ignore_nan.value),
        }

    @property
    def reading(self) -> Reading | None:
        """What is chosen; None where what is written is no pair of grey values."""
        try:
            return Reading(**self.settings())
        except ValueError:
            return None

    def restore(self, settings: dict[str, Any]) -> None:
        """Show the settings of an earlier run, or of another widget."""
        intensity = settings.get("intensity", "auto")
        if intensity != "auto":
            self.values.value = written(intensity)
        self.mode.value = AUTOMATIC if intensity == "auto" else GIVEN
        self.invert.value = settings.get("invert", False)
        self.ignore_nan.value = settings.get("ignore_nan", False)

    def follow(self, other: IntensityChoice) -> None:
        """Take what another widget has chosen."""
        self.values.value, self.mode.value = other.values.value, other.mode.value
        self.invert.value = other.invert.value
        self.ignore_nan.value = other.ignore_nan.value

    def read_files(self, are_files: bool) -> None:
        """Offer what there is for files, which are not displayed, or for layers."""
        if are_files == self._are_files:
            return
        self._are_files = are_files
        if are_files and self.mode.value == DISPLAYED:
            self.mode.value = AUTOMATIC
        self.mode.choices = (AUTOMATIC, GIVEN) if are_files else MODES
        self.refresh()

    def _take_mode(self) -> None:
        is_given = self.mode.value == GIVEN
        if is_given and not self.values.value:
            self.values.value = self._read
        self.values.visible = is_given
        self.refresh()

    # What it means

    def _follow(self, image: Image | None) -> None:
        if image is not self._watched:
            for layer, do in ((self._watched, "disconnect"), (image, "connect")):
                if layer is not None:
                    for event in (layer.events.contrast_limits, layer.events.data):
                        getattr(event, do)(self._layer_changed)
            self._watched, self._has_nan = image, False
        self.refresh()

    def _layer_changed(self, event: Any) -> None:
        if not is_open(self.native):
            return
        if event.type == "data" or self.mode.value == DISPLAYED:
            self.refresh()

    def refresh(self) -> None:
        """Say anew what is read of the image; of a large one in a while."""
        self._jobs.abandon("reading")
        self.scale = None
        try:
            task = self._task()
            if task is not None and task[1] <= SMALL:
                self._take(exhaust(task[0]))
                return
        except (ValueError, OSError) as error:
            self._refuse(str(error))
            return
        if task is None:
            self._say("")
        else:
            self._say("…")
            self._jobs.run("reading", task[0], self._take)

    def _task(self) -> tuple[Generator[Progress, None, FrameScales], int] | None:
        config = self._config()
        self.mode.tooltip = _about_modes(config)
        layer = self._image.value
        if layer is None or self._are_files:
            return None
        size = layer_shape(layer)
        leading_axes(layer, config)  # refuses what the model does not read
        reading = Reading(**self.settings())
        colour = GREY if self._colour is None else self._colour.value
        source = LayerSource.of(layer, colour=colour)

        def steps() -> Generator[Progress, None, FrameScales]:
            yield Progress(0, 0, stage="reading grey values")
            return scales_of(source.pixels(), config, reading)

        return steps(), prod(size)

    def _take(self, scales: FrameScales) -> None:
        self.scale = scale = scales.common
        if scale is None:
            self._say(OWN if scales.notes else "")
            return
        notes = [n for n in (*scales.notes, *scales.planes) if n != INVERTED]
        is_dark = INVERTED in scales.notes
        self._read = f"{grey(scale.low)}:{grey(scale.high)}".replace(",", "")
        said = [scale.sentence, *notes]
        if is_dark:
            said.append(DARK)
        self._say("; ".join(said), "warning" if is_dark else "")

    def learn(self, failure: str) -> None:
        """Offer to take NaN for no data where a run has failed for it.

        Parameters
        ----------
        failure : str
            What was said of it.
        """
        self._has_nan = self._has_nan or TICK in failure
        self.ignore_nan.visible = self._has_nan or bool(self.ignore_nan.value)

    def _refuse(self, text: str) -> None:
        self._say(for_widgets(text), is_refused=True)

    def _say(self, text: str, kind: str = "", is_refused: bool = False) -> None:
        self.learn(text)
        self.said.value, self.said.visible = text, bool(text)
        dress(self.said, kind)
        if is_refused != self.is_refused:
            self.is_refused = is_refused
            self.refused.emit()
