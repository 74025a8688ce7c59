"""The embedding as a scatter plot, linked with the image both ways."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from magicgui.widgets import Container
from qtpy.QtCore import QTimer

from napari_shiftseg.gui.mend.embedding.canvas import (
    DELETED,
    HOW,
    NOTHING,
    OTHER_SHAPE,
    PlotControls,
    chosen_text,
    lassoed_text,
    sample_text,
)
from napari_shiftseg.gui.mend.embedding.subject import (
    FollowedLabels,
    LassoedLayer,
    LassoPixels,
    PlotSubject,
    lasso_run,
    projection_run,
)
from napari_shiftseg.gui.parts.jobs import LatestJobs
from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.plot import theme_colours
from napari_shiftseg.gui.parts.travel import bring_into_view
from napari_shiftseg.gui.parts.viewer import ViewWatch, region_in_view

if TYPE_CHECKING:
    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.gui.mend.embedding.canvas import EmbeddingCanvas
    from napari_shiftseg.relabelling.projection import Projection

SOON = 40  # milliseconds in which changes of the labels are gathered
GREY = (0.5, 0.5, 0.5, 0.5)  # of points that the labels leave transparent


@dataclass(frozen=True)
class _PointColours:
    """Labels and colours of the points as they are drawn, and the object chosen."""

    labels: NDArray[Any]
    colours: NDArray[Any]
    chosen: int | None

    def is_like(self, other: _PointColours | None) -> bool:
        """Whether another drawing is the same."""
        return (
            other is not None
            and self.chosen == other.chosen
            and np.array_equal(self.labels, other.labels)
            and np.array_equal(self.colours, other.colours)
        )


class EmbeddingPlot(Container):
    """Show a sample of an embedding along two components, coloured by object.

    A lasso lights up its pixels in the image, and so does an object clicked here, which
    is selected there; an object selected there lights up here.

    There is a layer "… · lassoed" as long as there is a lasso, or an object that was
    clicked.

    Attributes
    ----------
    canvas : EmbeddingCanvas or None
        None until there is something to draw.
    projection : Projection or None
        That is shown.
    """

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self._subject: PlotSubject | None = None
        self.projection: Projection | None = None
        self.canvas: EmbeddingCanvas | None = None
        self._chosen: int | None = None  # object
        self._lit: int | None = None  # object, in the image
        self._drawn: _PointColours | None = None
        self._lassoed = LassoedLayer(napari_viewer)
        self._build()
        self._connect()
        self._say_nothing(NOTHING)

    def _build(self) -> None:
        self.controls = PlotControls()
        super().__init__(widgets=[self.controls], labels=False)
        self._jobs = LatestJobs(
            self.native, lambda text: self.controls.say(text, "warning")
        )
        self._followed = FollowedLabels(
            self._viewer,
            self.native,
            changed=lambda: self._soon.start(),
            selected=self._choose,
            deleted=lambda: self._empty(DELETED),
        )

    def _connect(self) -> None:
        controls = self.controls
        controls.all.changed.connect(self._show_all)
        controls.in_view.changed.connect(self._project)
        controls.background.changed.connect(self._project)
        controls.modes.changed.connect(self._show_modes)
        controls.clear.changed.connect(self.drop)
        self._soon = QTimer(self.native, singleShot=True, interval=SOON)
        self._soon.timeout.connect(self._recolour)
        self._watch = ViewWatch(self._viewer, self.native, self._follow_view)
        self._viewer.events.theme.connect(self._follow_theme)
        self.native.destroyed.connect(self._jobs.abandon_all)

    # What is plotted

    def show(self, subject: PlotSubject) -> None:
        """Plot an embedding; the points of the one shown stay where they are."""
        layer = subject.layer
        before, self._subject = self._subject, subject
        if before is None or before.layer != layer:
            self._followed.follow(layer)
            self._drop_lasso()
            self._chosen = None
        if not subject.is_seen_like(before):
            self.projection = None
            self._drop_lasso()
            with self.controls.background.changed.blocked():
                self.controls.background.value = subject.prediction.logit is None
        self._project()

    def drop(self) -> None:
        """Drop the lasso, and show the points of all objects alike."""
        self._drop_lasso()
        self._chosen = None
        self._recolour()
        if self.projection is not None:
            self.controls.say(HOW)

    @property
    def is_busy(self) -> bool:
        """Whether something is being computed."""
        return bool(self._jobs) or self._soon.isActive()

    def _empty(self, reason: str) -> None:
        self._jobs.abandon_all()
        self._drop_lasso()
        self._lassoed.remove()
        self._followed.follow(None)
        self._subject = self.projection = self._chosen = None
        self._say_nothing(reason)

    def _say_nothing(self, reason: str) -> None:
        self.controls.about.value = reason
        self.controls.say("")
        self._show_canvas(False)

    # The projection

    def _project(self) -> None:
        subject = self._subject
        if subject is None:
            return
        if not subject.fits:
            self._empty(OTHER_SHAPE)
            return
        try:
            region = self._region(subject)
        except ValueError as error:
            self.controls.say(str(error), "warning")
            return
        background, shown, known = self.controls.background.value, self.projection, None
        if shown is not None and (shown.region, shown.background) == (
            region, background,
        ):  # fmt: skip
            known = shown.components  # the points stay
        steps = projection_run(subject, region, background, known)
        self._jobs.run("projection", steps, self._take)

    def _region(self, subject: PlotSubject) -> Region:
        spatial = subject.spatial
        if not self.controls.in_view.value:
            return tuple((0, n) for n in spatial)
        return region_in_view(subject.layer, self._viewer, len(spatial))

    def _follow_view(self) -> None:
        if self.controls.in_view.value:
            self._project()

    def _take(self, projection: Projection) -> None:
        self.canvas = canvas = self.canvas or self._added_canvas()
        before = self.projection
        keep = before is not None and before.components is projection.components
        self.projection, self._drawn = projection, None
        canvas.show_projection(projection, keep)
        self._show_canvas(True)
        self.controls.about.value = sample_text(projection)
        self.controls.say(HOW)
        self._recolour()

    def _added_canvas(self) -> EmbeddingCanvas:
        from napari_shiftseg.gui.mend.embedding.canvas import EmbeddingCanvas

        canvas = EmbeddingCanvas()
        canvas.lassoed.connect(self._lasso)
        canvas.picked.connect(self._pick)
        canvas.escaped.connect(self.drop)
        self.native.layout().insertWidget(0, canvas, 1)
        canvas.set_colours(theme_colours(self._viewer.theme))
        canvas.show_modes(self.controls.modes.value)
        return canvas

    @property
    def _shown(self) -> tuple[PlotSubject, Projection, EmbeddingCanvas] | None:
        """What is plotted, its points, and where; None while there is nothing."""
        subject, projection, canvas = self._subject, self.projection, self.canvas
        if subject is None or projection is None or canvas is None:
            return None
        return subject, projection, canvas

    def _show_canvas(self, visible: bool) -> None:
        if self.canvas is not None:
            self.canvas.setVisible(visible)
        self.controls.enable(visible)

    def _show_all(self) -> None:
        if self.canvas is not None:
            self.canvas.show_all()

    def _show_modes(self) -> None:
        if self.canvas is not None:
            self.canvas.show_modes(self.controls.modes.value)

    def _follow_theme(self) -> None:
        if self.canvas is not None and is_open(self.native):
            self.canvas.set_colours(theme_colours(self._viewer.theme))

    # The labels

    def _choose(self, label: int) -> None:
        """Light up the points of an object; of none where it is the background."""
        self._chosen = label or None
        if self._lit is not None and self._lit != self._chosen:
            self._drop_lasso()
        self._soon.start()

    def _recolour(self) -> None:
        if self._shown is None:
            return
        subject, projection, canvas = self._shown
        if not subject.fits:
            self._empty(OTHER_SHAPE)
            return
        self._light_up(subject)
        labels = subject.labels_at(projection.sample.pixels)
        colours = np.array(subject.layer.colormap.map(labels))
        colours[colours[:, 3] == 0] = GREY
        drawn = _PointColours(labels, colours, self._chosen)
        if drawn.is_like(self._drawn):
            return
        self._drawn = drawn
        chosen, near = labels == self._chosen, projection.nearest
        if self._chosen is not None:
            is_lit = self._chosen == self._lit
            self.controls.say(chosen_text(self._chosen, int(chosen.sum()), is_lit))
        if chosen.any():
            near = near[chosen]
        modes = np.unique(near[near >= 0])  # those of other parts of the image are left
        canvas.colour(colours, chosen if chosen.any() else None, modes)

    # Plot to image

    def _lasso(self, polygon: NDArray[np.float64]) -> None:
        if self._shown is None:
            return
        subject, projection, _ = self._shown
        self._lit = None
        self.controls.say("Looking for the pixels …")

        def take(found: LassoPixels) -> None:
            if found.pixels:
                self._lassoed.show(found.mask, subject.layer, subject.frame)
            else:
                self._lassoed.hide()
            self.controls.say(lassoed_text(found))

        self._jobs.run("lasso", lasso_run(subject, projection, polygon), take)

    def _light_up(self, subject: PlotSubject) -> None:
        """Show the pixels of the object that was clicked, if one was, as they are."""
        if self._lit is None:
            return

        mask = (subject.labels() == self._lit).view(np.uint8)
        self._lassoed.show(mask, subject.layer, subject.frame)

    def _drop_lasso(self) -> None:
        self._lit = None
        self._jobs.abandon("lasso")
        self._lassoed.hide()
        if self.canvas is not None:
            self.canvas.clear_lasso()

    def _pick(self, index: int) -> None:
        if self._shown is None:
            return
        subject, projection, _ = self._shown
        pixel = projection.sample.pixels[index]
        label = int(subject.labels_at(pixel[None])[0])
        place = ", ".join(map(str, pixel))
        self._drop_lasso()
        if label == 0:
            self.controls.say(f"The pixel at {place} belongs to no object.")
            return
        self._viewer.layers.selection.active = subject.layer
        self._followed.select(label)
        self._lit = label
        self._drawn = None  # it may have been selected before
        self._choose(label)
        bring_into_view(self._viewer, subject.layer, (*subject.frame, *pixel))
