"""The Inspect widget: what a model is, what tiles cost, whether they are exact."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container
from napari.qt.threading import create_worker
from qtpy.QtWidgets import QTextBrowser

from napari_shiftseg.geometry.cost import Cost, cheapest, planned_costs
from napari_shiftseg.gui.inspect.card import CostTable, model_card
from napari_shiftseg.gui.parts.choices import OPEN_FIRST, LayerChoice, is_image
from napari_shiftseg.gui.parts.devices import Devices, find_devices
from napari_shiftseg.gui.parts.intensity_choice import IntensityChoice
from napari_shiftseg.gui.parts.layout import ControlForm, ScrolledRows, follow_segment
from napari_shiftseg.gui.parts.models import ModelChoice, leading_axes
from napari_shiftseg.gui.parts.opening import Dropping
from napari_shiftseg.gui.parts.run_panel import RunPanel
from napari_shiftseg.gui.parts.source import layer_shape, source_in_view
from napari_shiftseg.gui.parts.text_boxes import wrapped_label
from napari_shiftseg.gui.parts.viewer import taken_note
from napari_shiftseg.intensity.scale import Reading
from napari_shiftseg.networks.properties import what_follows
from napari_shiftseg.progress import Progress
from napari_shiftseg.report.suitability import suitability
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari

    from napari_shiftseg.gui.parts.source import LayerSource
    from napari_shiftseg.gui.segment.form import SegmentForm
    from napari_shiftseg.pipeline.seam_causes import SeamCauses
    from napari_shiftseg.pipeline.self_test import SelfTest


def measurement(
    model: str, image_shape: tuple[int, ...]
) -> Generator[Progress, None, list[Cost]]:
    """Load a model and time its tiles.

    Parameters
    ----------
    model : str
        Name or path.
    image_shape : tuple of int
        Of the image that the tiles are for.
    """
    yield Progress(0, 0, stage="loading the model")
    from napari_shiftseg.networks.loading.models import load_model
    from napari_shiftseg.pipeline.costs import cost_steps

    return (yield from cost_steps(image_shape, load_model(model)))


def tiled_against_untiled(
    model: str, source: LayerSource, reading: Reading
) -> Generator[Progress, None, tuple[SelfTest, SeamCauses | None]]:
    """Load a model, test its tiles on one frame of an image, and say what makes seams.

    Parameters
    ----------
    model : str
        Name or path.
    source : LayerSource
        Of the frame.
    reading : Reading
        How its grey values are read.
    """
    network, scale = yield from source.opened(model, reading)
    from napari_shiftseg.pipeline.seam_causes import seam_causes_steps
    from napari_shiftseg.pipeline.self_test import self_test_steps

    frame = source.frame()
    test = yield from self_test_steps(frame, network, reading=reading, scale=scale)
    causes = seam_causes_steps(frame, network, reading=reading, scale=scale)
    return test, (yield from causes)


CARD_HEIGHT = 110  # pixels at least: some rows of it
INDENT = 14  # pixels, of its lists
CHANGED = "You changed the image or the model meanwhile: run it again."


class InspectWidget(ScrolledRows):
    """Show what a model is and what its tiles cost, and test that they are exact.

    The layers of the viewer are read; none is added, changed or removed.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._devices: Devices = {}  # they are not known yet
        self._costs: list[Cost] = []
        self._subject: tuple[Any, ...] | None = None  # that the costs speak of
        self._asked: tuple[Any, ...] | None = None  # that a run speaks of
        self._tested: tuple[Any, ...] = ()  # what the self-test found, on this image
        self._build()
        self._connect()
        follow_segment(napari_viewer, self.follow)
        self._show_model()
        create_worker(find_devices, _connect={"returned": self._take_devices})

    def _build(self) -> None:
        self.image = LayerChoice(
            self._viewer, is_image, label="Image",
            tooltip="The image that costs and times are shown for",
        )  # fmt: skip
        self.model = ModelChoice()
        self.model.suggest(self.image.value)
        self.intensity = IntensityChoice(
            self.image, lambda: self.model.config, is_wide=True
        )
        self.model.chosen.connect(self.intensity.refresh)
        self.warning = wrapped_label(kind="warning")
        self.card = QTextBrowser()
        self.card.setToolTip(
            "What the model is; hold the pointer over an underlined word"
        )
        self.card.setMinimumHeight(CARD_HEIGHT)
        self.card.document().setIndentWidth(INDENT)
        self.title = wrapped_label()
        self.table = CostTable()
        self.measuring = RunPanel(
            self._measure,
            self._take_times,
            self._allow,
            progressed=self._take_time,
            caption="Measure times",
            cancelled="Cancelled: times that are missing were not measured.",
            tooltip="Predict a tile of each size, and fill in the times",
        )
        self.testing = RunPanel(
            self._test,
            self._take_verdict,
            self._allow,
            caption="Self-test on this image",
            cancelled="Cancelled: the model was not tested.",
            tooltip="Predict with tiles and without: the results must agree; and "
            "measure what makes seams on this image",
        )
        self.testing.failed.connect(self.intensity.learn)
        rows = ControlForm(self.image, self.model, self.intensity)
        after = [self.title, self.measuring, self.testing]
        whole = Container(widgets=[rows, self.warning, *after], labels=False)
        layout = whole.native.layout()
        layout.insertWidget(2, self.card, 1)
        layout.insertWidget(4, self.table)
        super().__init__(whole)
        self.testing.bind_key(self.native)
        self._dropping = Dropping(self.native, self.model.open)

    def _connect(self) -> None:
        self.model.chosen.connect(self._show_model)
        self.image.changed.connect(self.model.suggest)
        self.image.changed.connect(self._show_costs)
        self.intensity.changed.connect(self._allow)
        layers = self._viewer.layers.events
        for event in (layers.inserted, layers.removed, layers.renamed):
            event.connect(self._layers_changed, position="last")

    def follow(self, form: SegmentForm, opening: bool = False) -> None:
        """Take what Segment has, but for what the user has chosen here himself.

        Parameters
        ----------
        form, opening
            See `CompareForm.follow`.
        """
        self.image.follow(form.image, opening)
        self.model.follow(form.model)
        self.intensity.follow(form.intensity)

    def take(self, form: SegmentForm) -> None:
        """Show the model that Segment has, on its image."""
        self.image.suggest(form.image.value)
        self.model.take(form.model.value)
        self.intensity.follow(form.intensity)

    def _layers_changed(self) -> None:
        if self._is_open:
            self._show_costs()

    def _take_devices(self, devices: Devices) -> None:
        if not self._is_open:
            return
        self._devices = devices
        if self._costs and not any(cost.seconds for cost in self._costs):
            self._costs = self._planned()  # now it is known what fits
        self._show_costs()

    # What the model is

    def _show_model(self) -> None:
        config = self.model.config
        warnings = [r.text for r in what_follows(config) if r.kind == "warning"]
        self.warning.value = "\n".join(warnings)
        self.warning.visible = bool(warnings)
        self._show_card()
        self._show_costs()

    def _show_card(self) -> None:
        """Show what the model is, and what the self-test found if it was run."""
        config = self.model.config
        self.card.setHtml(model_card(config, suitability(config, *self._tested)))

    # What tiles cost

    def _show_costs(self) -> None:
        """Show what can be computed at once; times are kept while they hold."""
        try:
            size = self._image_size()
        except ValueError as error:
            self._show_none(str(error))
            return
        subject = (self.model.value, self.image.value, size)
        if subject != self._subject:
            self._forget(subject)
            self._costs = self._planned()
        self._fill()
        self._allow()

    def _headline(self) -> str:
        layer, best = self.image.value, cheapest(self._costs)
        images = prod(layer_shape(layer)[: self._leading()])
        parts = [f"Tile sizes on {layer.name}", by(self._image_size())]
        if images > 1:
            parts.append(f"each of {images:,} images")
        if self._devices:
            parts.append(f"device {next(iter(self._devices))}")
        end = "not even the smallest tile fits in memory"
        if best is not None:
            end = f"cheapest that fits in memory: {best.name}"
        said = f"{', '.join(parts)}; {end}."
        return " ".join(filter(None, [said, taken_note(layer, self._viewer.dims)]))

    def _show_none(self, reason: str) -> None:
        self._forget(None)
        self._costs = []
        self._fill()
        self.title.value = reason
        self._allow()

    def _forget(self, subject: tuple[Any, ...] | None) -> None:
        """Stop and drop what speaks of another image or model."""
        self._subject = subject
        if self._tested:
            self._tested = ()
            self._show_card()
        for panel in (self.measuring, self.testing):
            panel.cancel()
            panel.forget()

    def _fill(self) -> None:
        self.table.show_costs(self._costs)
        self.table.setVisible(bool(self._costs))
        if self._costs:
            self.title.value = self._headline()

    def _planned(self) -> list[Cost]:
        memory = next(iter(self._devices.values()), None)
        return planned_costs(self._image_size(), self.model.config.shape, None, memory)

    def _leading(self) -> int:
        return leading_axes(self.image.value, self.model.config)

    def _image_size(self) -> tuple[int, ...]:
        if self.image.value is None:
            raise ValueError(OPEN_FIRST)
        self._leading()  # refuses too few axes
        size = layer_shape(self.image.value)
        if 0 in size:
            raise ValueError(f"the image of shape {size} is empty: choose another")
        return size[-self.model.config.ndim :]

    def _allow(self) -> None:
        """Enable what can be run; one run at a time, or times would be wrong."""
        panels = (self.measuring, self.testing)
        idle = not any(panel.is_running for panel in panels)
        for panel in panels:
            panel.allow(bool(self._costs) and idle)
        if self.intensity.reading is None:
            self.testing.allow(False)

    # What is measured

    def _measure(self) -> Generator[Progress, None, list[Cost]]:
        self._show_costs()  # the layer may hold other pixels by now
        self.testing.allow(False)
        self._asked = self._subject
        return measurement(self.model.value, self._image_size())

    def _take_time(self, progress: Progress) -> None:
        from napari_shiftseg.pipeline.costs import CostProgress

        if isinstance(progress, CostProgress) and self._asked == self._subject:
            found = progress.cost
            self._costs = [
                found if cost.plan == found.plan else cost for cost in self._costs
            ]
            self._fill()

    def _take_times(self, costs: list[Cost]) -> tuple[str, str]:
        if self._asked != self._subject:
            return CHANGED, "note"
        self._costs = costs
        self._fill()
        timed = [cost for cost in costs if cost.seconds is not None]
        if not timed:
            return "No tile fits in memory.", "warning"
        best = min(timed, key=lambda cost: cost.seconds or 0)
        return f"Fastest: {best.name}, {best.time}.", "note"

    def _test(self) -> Generator[Progress, None, tuple[SelfTest, SeamCauses | None]]:
        self._show_costs()
        self.measuring.allow(False)
        self._asked = self._subject
        layer = self.image.value
        source = source_in_view(layer, self._viewer.dims, self._leading())
        reading = Reading(**self.intensity.settings())
        return tiled_against_untiled(self.model.value, source, reading)

    def _take_verdict(
        self, found: tuple[SelfTest, SeamCauses | None]
    ) -> tuple[str, str]:
        if self._asked != self._subject:
            return CHANGED, "note"
        self._tested, test = found, found[0]
        self._show_card()
        return test.verdict, "note" if test.passed else "warning"
