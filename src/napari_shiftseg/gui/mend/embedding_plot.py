"""The embedding as a scatter plot, linked with the image both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import CheckBox, Container, PushButton
from qtpy.compat import isalive
from qtpy.QtCore import QTimer

from napari_shiftseg.gui.job import Job
from napari_shiftseg.gui.mend.embedding_steps import (
    Lassoed,
    Subject,
    lasso_run,
    projection_run,
)
from napari_shiftseg.gui.mend.lassoed_layer import LassoedLayer
from napari_shiftseg.gui.note import STYLES, wrapped_label
from napari_shiftseg.gui.plot import theme_colours
from napari_shiftseg.gui.source import region_in_view
from napari_shiftseg.gui.travel import bring_into_view
from napari_shiftseg.gui.view_watch import ViewWatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from napari.layers import Labels
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.embedding_canvas import EmbeddingCanvas
    from napari_shiftseg.interaction.seeing.projection import Projection
    from napari_shiftseg.model.config import Kernel
    from napari_shiftseg.pipeline.segmentation import Prediction

NAME = "Embedding"
NOTHING = "No embedding yet: segment an image, then open this plot from its result."
DELETED = "The labels were deleted: there is nothing to plot."
OTHER_SHAPE = "The labels have another shape now: segment the image again."
HOW = (
    "Draw around points: all their pixels light up in the image. Click a point: its "
    "object is selected."
)
LABEL_EVENTS = ("data", "set_data", "labels_update", "paint", "colormap")
SOON = 40  # milliseconds in which changes of the labels are gathered
NARROW = 32  # pixels of a button with one sign
GREY = (0.5, 0.5, 0.5, 0.5)  # of points that the labels leave transparent


def open_embedding_plot(viewer: napari.Viewer) -> EmbeddingPlot:
    """Open the embedding plot of a viewer, or bring it to the front."""
    plot = viewer.window.dock_widgets.get(NAME)
    if plot is None:
        plot = EmbeddingPlot(viewer)
        viewer.window.add_dock_widget(plot, name=NAME, area="right")
    dock = plot.native.parent()
    dock.show()
    dock.raise_()
    return plot


class EmbeddingPlot(Container):
    """Show a sample of an embedding along two components, coloured by object.

    A lasso lights up its pixels in the image; an object selected there lights up here,
    and one clicked here is selected there.

    Parameters
    ----------
    napari_viewer : napari.Viewer
        Gets a layer "… · lassoed" as long as there is a lasso.

    Attributes
    ----------
    canvas : EmbeddingCanvas or None
        None until there is something to draw.
    projection : Projection or None
        That is shown.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._subject: Subject | None = None
        self.projection: Projection | None = None
        self.canvas: EmbeddingCanvas | None = None
        self._chosen: int | None = None  # object
        self._drawn: tuple[Any, ...] | None = None  # labels, colours, object
        self._jobs: dict[str, Job] = {}
        self._lassoed = LassoedLayer(napari_viewer)
        self._build()
        self._connect()
        self._say_nothing(NOTHING)

    def _build(self) -> None:
        self.about = wrapped_label()
        self.said = wrapped_label()
        self.all = PushButton(text="⤢", tooltip="Show all points")
        self.all.native.setMaximumWidth(NARROW)
        self.in_view = CheckBox(
            text="Only what is in view",
            tooltip="Plot the part of the image that the canvas shows, and follow it",
        )
        self.background = CheckBox(
            text="Background", tooltip="Plot pixels of no object, too, as one more"
        )
        self.modes = CheckBox(
            text="Modes",
            value=True,
            tooltip="Crosses: the modes nearest to these points. Circles: one "
            "bandwidth around them. All pixels within a bandwidth of a mode lie in its "
            "circle; others may seem to, being far in a direction that is not seen.",
        )
        self.clear = PushButton(text="Clear (Esc)", tooltip="Drop lasso and selection")
        rows = ([self.all, self.in_view, self.clear], [self.modes, self.background])
        controls = [
            Container(widgets=row, layout="horizontal", labels=False) for row in rows
        ]
        for row in controls:
            row.margins = (0, 0, 0, 0)
        super().__init__(widgets=[self.about, *controls, self.said], labels=False)
        self._controls = [self.all, self.in_view, self.clear, self.modes]
        self._controls.append(self.background)

    def _connect(self) -> None:
        self.all.changed.connect(lambda: self.canvas and self.canvas.show_all())
        self.in_view.changed.connect(self._project)
        self.background.changed.connect(self._project)
        self.modes.changed.connect(self._show_modes)
        self.clear.changed.connect(self.drop)
        self._soon = QTimer(self.native, singleShot=True, interval=SOON)
        self._soon.timeout.connect(self._recolour)
        self._watch = ViewWatch(self._viewer, self.native, self._follow_view)
        self._viewer.layers.events.removed.connect(self._layer_removed)
        self._viewer.events.theme.connect(self._follow_theme)
        self.native.destroyed.connect(self._abandon)

    # What is plotted

    def show(
        self,
        layer: Labels,
        prediction: Prediction,
        modes: NDArray[Any],
        bandwidth: float,
        kernel: Kernel,
        frame: Sequence[int] = (),
    ) -> None:
        """Plot an embedding; the points of the one shown already stay where they are.

        Parameters
        ----------
        layer : Labels
            Of the objects, as large as the embedding.
        prediction : Prediction
            Of the image, or of one frame of a series.
        modes : ndarray
            (modes, channels)
        bandwidth : float
        kernel : {"gaussian", "flat", "von-mises-fisher"}
        frame : sequence of int
            Position of the prediction on the leading axes of the layer.
        """
        subject = Subject(layer, prediction, modes, bandwidth, kernel, tuple(frame))
        before, self._subject = self._subject, subject
        if before is None or before.layer != layer:
            self._unfollow(before)
            self._follow(layer)
            self._chosen = None
        if not subject.is_seen_like(before):
            self.projection = None
            self._drop_lasso()
            with self.background.changed.blocked():
                self.background.value = prediction.logit is None
        self._project()

    def forget(self) -> None:
        """Show nothing, and follow no layer."""
        self._empty(NOTHING)

    def drop(self) -> None:
        """Drop the lasso, and show the points of all objects alike."""
        self._drop_lasso()
        self._chosen = None
        self._recolour()
        if self.projection is not None:
            self._say(HOW)

    @property
    def is_busy(self) -> bool:
        """Whether something is being computed."""
        return bool(self._jobs) or self._soon.isActive()

    def _empty(self, reason: str) -> None:
        self._abandon()
        self._drop_lasso()
        self._lassoed.remove()
        self._unfollow(self._subject)
        self._subject = self.projection = self._chosen = None
        self._say_nothing(reason)

    def _say_nothing(self, reason: str) -> None:
        self.about.value = reason
        self._say("")
        self._show_canvas(False)

    def _say(self, text: str, kind: str = "") -> None:
        self.said.value = text
        self.said.native.setStyleSheet(STYLES.get(kind, ""))
        self.said.visible = bool(text)

    # The projection

    def _project(self) -> None:
        if self._subject is None:
            return
        if not self._subject.fits:
            self._empty(OTHER_SHAPE)
            return
        try:
            region = self._region()
        except ValueError as error:
            self._say(str(error), "warning")
            return
        known = self.projection.components if self._shows(region) else None
        steps = projection_run(self._subject, region, self.background.value, known)
        self._run("projection", steps, self._take)

    def _region(self) -> Region:
        spatial = self._subject.spatial
        if not self.in_view.value:
            return tuple((0, n) for n in spatial)
        return region_in_view(self._subject.layer, self._viewer.dims, len(spatial))

    def _shows(self, region: Region) -> bool:
        """Whether the points are those of a region, so that they may stay."""
        shown, background = self.projection, self.background.value
        return shown is not None and (shown.region, shown.background) == (
            region, background,
        )  # fmt: skip

    def _follow_view(self) -> None:
        if self.in_view.value:
            self._project()

    def _take(self, projection: Projection) -> None:
        self._ensure_canvas()
        before = self.projection
        keep = before is not None and before.components is projection.components
        self.projection, self._drawn = projection, None
        self.canvas.show_projection(projection, keep)
        self._show_canvas(True)
        self.about.value = sample_text(projection)
        self._say(HOW)
        self._recolour()

    def _ensure_canvas(self) -> None:
        if self.canvas is not None:
            return
        from napari_shiftseg.gui.mend.embedding_canvas import EmbeddingCanvas

        self.canvas = EmbeddingCanvas()
        self.canvas.lassoed.connect(self._lasso)
        self.canvas.picked.connect(self._pick)
        self.canvas.escaped.connect(self.drop)
        self.native.layout().insertWidget(1, self.canvas, 1)
        self._follow_theme()
        self._show_modes()

    def _show_canvas(self, visible: bool) -> None:
        if self.canvas is not None:
            self.canvas.setVisible(visible)
        for widget in self._controls:
            widget.enabled = visible

    def _show_modes(self) -> None:
        if self.canvas is not None:
            self.canvas.show_modes(self.modes.value)

    def _follow_theme(self) -> None:
        if self.canvas is not None and isalive(self.native):
            self.canvas.set_colours(theme_colours(self._viewer.theme))

    # The labels

    def _follow(self, layer: Labels) -> None:
        self._selected = layer.selected_label
        for name in LABEL_EVENTS:
            getattr(layer.events, name).connect(self._labels_changed)
        layer.events.selected_label.connect(self._selection_changed)

    def _unfollow(self, subject: Subject | None) -> None:
        if subject is None:
            return
        for name in LABEL_EVENTS:
            getattr(subject.layer.events, name).disconnect(self._labels_changed)
        subject.layer.events.selected_label.disconnect(self._selection_changed)

    def _labels_changed(self) -> None:
        if isalive(self.native):
            self._soon.start()

    def _selection_changed(self) -> None:
        if not isalive(self.native):
            return
        label = self._subject.layer.selected_label
        if label != self._selected:  # other colours also say that it was selected
            self._choose(label)

    def _layer_removed(self, event: Any) -> None:
        if not isalive(self.native) or self._subject is None:
            return
        if event.value == self._subject.layer:
            self._empty(DELETED)

    def _choose(self, label: int) -> None:
        """Light up the points of an object; of none where it is the background."""
        self._selected = label
        self._chosen = label or None
        self._soon.start()

    def _recolour(self) -> None:
        if self.projection is None:
            return
        if not self._subject.fits:
            self._empty(OTHER_SHAPE)
            return
        labels = self._subject.labels_at(self.projection.sample.pixels)
        colours = np.array(self._subject.layer.colormap.map(labels))
        colours[colours[:, 3] == 0] = GREY
        drawn = (labels, colours, self._chosen)
        if self._drawn is not None and all(map(np.array_equal, drawn, self._drawn)):
            return
        self._drawn = drawn
        chosen, near = labels == self._chosen, self.projection.nearest
        if self._chosen is not None:
            self._say(_chosen_text(self._chosen, int(chosen.sum())))
        if chosen.any():
            near = near[chosen]
        modes = np.unique(near[near >= 0])  # those of other parts of the image are left
        self.canvas.colour(colours, chosen if chosen.any() else None, modes)

    # Plot to image

    def _lasso(self, polygon: NDArray[np.float64]) -> None:
        self._say("Looking for the pixels …")
        steps = lasso_run(self._subject, self.projection, polygon)
        self._run("lasso", steps, self._take_lassoed)

    def _take_lassoed(self, found: Lassoed) -> None:
        if found.pixels == 0:
            self._lassoed.hide()
            self._say("No pixel lies within the lasso.")
            return
        self._lassoed.show(found.mask, self._subject.layer, self._subject.frame)
        objects = "1 object" if found.objects == 1 else f"{found.objects:,} objects"
        self._say(f"Lassoed: {found.pixels:,} pixels of {objects}, white in the image.")

    def _drop_lasso(self) -> None:
        if "lasso" in self._jobs:
            self._jobs.pop("lasso").abandon()
        self._lassoed.hide()
        if self.canvas is not None:
            self.canvas.clear_lasso()

    def _pick(self, index: int) -> None:
        subject, pixel = self._subject, self.projection.sample.pixels[index]
        label = int(subject.labels_at(pixel[None])[0])
        place = ", ".join(map(str, pixel))
        if label == 0:
            self._say(f"The pixel at {place} belongs to no object.")
            return
        self._viewer.layers.selection.active = subject.layer
        subject.layer.selected_label = label
        self._choose(label)  # it may have been selected before
        bring_into_view(self._viewer, subject.layer, (*subject.frame, *pixel))

    # Work in threads

    def _run(self, name: str, steps: Any, done: Any) -> None:
        """Begin steps; earlier ones of this name are abandoned."""
        if name in self._jobs:
            self._jobs[name].abandon()

        def ended(take: Any, *value: Any) -> None:
            self._jobs.pop(name)
            if isalive(self.native):
                take(*value)

        self._jobs[name] = Job(
            steps,
            on_progress=lambda progress: None,
            on_done=lambda value: ended(done, value),
            on_failed=lambda error: ended(self._say, str(error), "warning"),
            on_cancelled=lambda: ended(lambda: None),
        )

    def _abandon(self) -> None:
        while self._jobs:
            self._jobs.popitem()[1].abandon()


def sample_text(projection: Projection) -> str:
    """Say what stands for what."""
    sample, shown = projection.sample, len(projection.points)
    objects = sample.objects - projection.background
    what = "1 object" if objects == 1 else f"{objects:,} objects"
    what += " and the background" * projection.background
    held = f"{sum(projection.components.shares):.0%}".replace("%", " %")
    if shown == sample.of:
        begin = f"All {shown:,} pixels of {what}"
    elif sample.each == 0:
        begin = f"One pixel each of {shown:,} of {what}"
    else:
        begin = (
            f"{shown:,} of {sample.of:,} pixels of {what}, at most {sample.each} of "
            f"each, so that small ones are seen"
        )
    return f"{begin}. Both axes hold {held} of the variance."


def _chosen_text(label: int, points: int) -> str:
    if points == 0:
        return f"Object {label} has no point here."
    return f"Object {label}: {points:,} {'point' if points == 1 else 'points'}, large."
