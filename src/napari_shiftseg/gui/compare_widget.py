"""The Compare widget: naive and cropped stitching side by side, and measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from magicgui.widgets import (
    ComboBox,
    Container,
    LineEdit,
    show_file_dialog,
)
from napari.utils.notifications import show_error
from qtpy.compat import isalive

from napari_shiftseg.geometry.advice import advise
from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.geometry.window import default_windows, parse_window, window_text
from napari_shiftseg.gui.advanced import IN_VIEW, WHOLE_IMAGE
from napari_shiftseg.gui.choices import LayerChoice, ModelChoice, is_image, is_truth
from napari_shiftseg.gui.comparison_run import (
    Compared,
    Task,
    comparison_run,
    report_run,
    whole_run,
)
from napari_shiftseg.gui.comparison_view import ComparisonView
from napari_shiftseg.gui.note import Note
from napari_shiftseg.gui.run_panel import RunPanel
from napari_shiftseg.gui.source import (
    Source,
    frame_in_view,
    layer_shape,
    region_in_view,
)
from napari_shiftseg.gui.sweep_panel import SweepPanel
from napari_shiftseg.gui.view_watch import ViewWatch
from napari_shiftseg.model.description import training_window_warning
from napari_shiftseg.pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator

    import napari
    from napari.layers import Image

    from napari_shiftseg.geometry.tiling import TilePlan
    from napari_shiftseg.gui.layers import LayerTuple
    from napari_shiftseg.inference.progress import Progress

LEAST_WIDTH = 620  # pixels: two canvases and the table


class CompareWidget(Container):
    """Show what tile borders do to a segmentation, and which window mends it.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Its layers are read; none is added, changed or removed.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._build()
        self._connect()
        self._choose_image(self.image.value)
        self._choose_model()

    def _build(self) -> None:
        self.image = LayerChoice(self._viewer, is_image, label="Image")
        self.model = ModelChoice()
        self.window = LineEdit(
            label="Tile size (window)",
            tooltip="Size of the tile the network predicts (window), in pixels: 20, or "
            "one value an axis: 24x96x96",
        )
        self.truth = LayerChoice(
            self._viewer, is_truth, nullable=True, label="True labels",
            tooltip="Labels drawn by hand, if there are any: then false splits, false "
            "merges and AP50 are counted",
        )  # fmt: skip
        self.region = ComboBox(choices=(WHOLE_IMAGE, IN_VIEW), label="Region")
        self.note = Note(self._use_window)
        self.panel = RunPanel(
            self._steps, self._show, self._run_changed, caption="Compare",
            cancelled="Cancelled: nothing was changed.",
        )  # fmt: skip
        self.view = ComparisonView(self._viewer.theme, self._want_whole)
        self.sweep = SweepPanel(self._task, self._advise, self._viewer.theme)
        self.view.add_plot_tab(self.sweep, self.sweep.plot, "Window sweep")
        super().__init__(widgets=[self._form(), self.note, self.panel], labels=False)
        self.native.layout().addWidget(self.view, stretch=1)
        self.native.setMinimumWidth(LEAST_WIDTH)

    def _form(self) -> Container:
        columns = [
            Container(widgets=[self.image, self.window, self.region]),
            Container(widgets=[self.model, self.truth]),
        ]
        form = Container(widgets=columns, layout="horizontal", labels=False)
        for part in (*columns, form):
            part.margins = (0, 0, 0, 0)
        return form

    def _connect(self) -> None:
        for control in (self.window, self.truth, self.region):
            control.changed.connect(self._advise)
        self.image.changed.connect(self._choose_image)
        self.model.chosen.connect(self._choose_model)
        self.view.report_button.changed.connect(self._ask_where)
        layers = self._viewer.layers.events
        for event in (layers.inserted, layers.removed):
            event.connect(self._layers_changed, position="last")
        layers.inserted.connect(self._take_own_truth, position="last")
        self._viewer.events.theme.connect(self._follow_theme)
        self._watch = ViewWatch(self._viewer, self.native, self._view_moved)

    # What is chosen

    def _choose_image(self, image: Image | None) -> None:
        """Take the labels that belong to the image by their name for its truth."""
        if image is not None:
            own = f"{image.name} · truth"
            layers = {layer.name: layer for layer in self.truth.choices if layer}
            self.truth.value = layers.get(own)
        self._advise()

    def _layers_changed(self) -> None:
        if isalive(self.native):
            self._advise()

    def _take_own_truth(self, event: Any) -> None:
        """Take labels that come after the image they belong to by their name."""
        if not isalive(self.native) or self.truth.value is not None:
            return
        image, layer = self.image.value, event.value
        own = image is not None and layer.name == f"{image.name} · truth"
        if own and layer in self.truth.choices:
            self.truth.value = layer

    def _view_moved(self) -> None:
        if self.region.value == IN_VIEW:
            self._advise()

    def _choose_model(self) -> None:
        config = self.model.config
        self.sweep.offer(default_windows(config.shape))
        self._use_window(config.usual_window)
        self._advise()

    def _use_window(self, window: tuple[int, ...]) -> None:
        self.window.value = window_text(window)

    def _follow_theme(self) -> None:
        if isalive(self.native):
            self.view.set_theme(self._viewer.theme)

    def _task(self) -> Task:
        """Return what the controls say.

        Raises
        ------
        ValueError
            If it cannot be carried out.
        """
        image, config = self.image.value, self.model.config
        if image is None:
            raise ValueError("Open an image: File > Open, or File > Open Sample.")
        own = config.ndim + (config.in_channels > 1)
        leading = len(layer_shape(image)) - own
        if leading < 0 or config.ndim < 2:
            raise ValueError(
                f"this model reads {own} axes, the image has {own + leading}: "
                f"choose another model or image"
            )
        dims = self._viewer.dims
        region = None
        if self.region.value == IN_VIEW:
            region = region_in_view(image, dims, config.ndim)
        settings = Settings(window=parse_window(self.window.value), region=region)
        source = Source.of(image, frame_in_view(image, dims, leading))
        return Task(self.model.value, source, settings, *self._truth())

    def _truth(self) -> tuple[Any, tuple[int, ...]]:
        """Return the true labels, unread, and which frame of them is in view.

        They have the shape of the image, or of one frame of it.
        """
        layer, ndim = self.truth.value, self.model.config.ndim
        if layer is None:
            return None, ()
        shape, expected = layer_shape(layer), layer_shape(self.image.value)
        if shape not in (expected, expected[-ndim:]):
            raise ValueError(
                f"the true labels have the shape {shape}, the image {expected}: "
                f"choose other labels, or none"
            )
        data = layer.data[0] if layer.multiscale else layer.data
        leading = len(shape) - ndim
        return data, frame_in_view(layer, self._viewer.dims, leading)

    # What it means

    @property
    def _is_busy(self) -> bool:
        return self.panel.is_running or self.sweep.panel.is_running

    def _advise(self) -> None:
        """Say what the present choice means; Compare is enabled if it can be run."""
        if not isalive(self.native):
            return
        shown = self.view.compared is not None
        for control in (self.view.report_button, self.view.right):
            control.enabled = shown and not self._is_busy
        try:
            task = self._task()
            self._say_what_it_means(self._naive_plan(task))
        except ValueError as error:
            kind = "note" if self.image.value is None else "error"
            self.note.say(str(error), kind, [])
            self._allow(False)
        else:
            self._allow(True)

    def _allow(self, allowed: bool) -> None:
        """Let one thing run at a time."""
        self.panel.allow(allowed and not self.sweep.panel.is_running)
        self.sweep.panel.allow(allowed and not self.panel.is_running)

    def _naive_plan(self, task: Task) -> TilePlan:
        shape, settings = self.model.config.shape, task.settings
        size = layer_shape(self.image.value)[-shape.ndim :]
        return plan_tiles(
            size, shape, settings.window, "naive", settings.border, settings.region
        )

    def _say_what_it_means(self, plan: TilePlan) -> None:
        advice, lines = advise(plan), [training_window_warning(self.model.config)]
        if len(plan) == 1:
            lines.append(
                "One tile holds it all: there is no seam. Choose smaller ones."
            )
        elif advice.makes_seams:
            lines.append(f"naive: {advice.note}")
        else:
            lines.append(
                f"{window_text(plan.window)} is a multiple of the period: naive and "
                f"cropped tiles are the same."
            )
        text = "\n".join(filter(None, lines))
        kind = "warning" if lines[0] else "note"
        nearest = advice.nearest if advice.makes_seams else ()
        choices = [(f"Use {window_text(w)}", w) for w in nearest]
        self.note.say(text, kind, choices)

    # What comes out

    def _steps(self) -> Generator[Progress, None, Compared]:
        return comparison_run(self._task())

    def _show(self, compared: Compared) -> tuple[str, str]:
        self.view.show_comparison(compared)
        return self._said()

    def _said(self, more: str = "") -> tuple[str, str]:
        """Return what is said of the comparison shown, and of which one it is."""
        compared = self.view.compared
        about = f"{compared.task.name}, model {compared.model.config.name}"
        text = f"{about}: {compared.said}" + (f"\n{more}" if more else "")
        return text, "warning" if compared.has_seams else "note"

    def _run_changed(self) -> None:
        if not self.panel.is_running:
            self.view.settle()
        self._advise()

    def _want_whole(self) -> None:
        compared = self.view.compared
        if self._is_busy:
            self.view.settle()
            return
        try:
            region = self.view.region_in_view()
        except ValueError as error:
            show_error(str(error))
            self.view.settle()
            return
        self.panel.begin(whole_run(compared, region), self._show_whole)

    def _show_whole(self, layers: list[LayerTuple]) -> tuple[str, str]:
        self.view.show_whole(layers)
        return self._said()

    def _ask_where(self) -> None:
        folder = show_file_dialog("d", "Folder for the report")
        if folder:
            self.write_report(Path(folder))

    def write_report(self, folder: Path) -> None:
        """Write the report of what is shown into a folder."""
        if self._is_busy:
            return
        compared = self.view.compared
        points = self.sweep.points_of(compared.task)
        self.panel.begin(report_run(compared, points, folder), self._reported)

    def _reported(self, folder: Path) -> tuple[str, str]:
        return self._said(f"Report written: {folder / 'report.html'}")
