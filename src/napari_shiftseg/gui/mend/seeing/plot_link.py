"""The embedding plot follows the frame that is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.compat import isalive

from napari_shiftseg.gui.mend.seeing.plot_dock import open_embedding_plot

if TYPE_CHECKING:
    import napari
    from napari.layers import Labels, Layer

    from napari_shiftseg.gui.mend.seeing.embedding_plot import EmbeddingPlot
    from napari_shiftseg.gui.mend.steering.frame_steps import SteeredFrame


class PlotLink:
    """Opens the embedding plot, and shows it a frame only when that is another.

    Parameters
    ----------
    viewer : napari.Viewer

    Attributes
    ----------
    plot : EmbeddingPlot or None
        None until it was opened.
    """

    def __init__(self, viewer: napari.Viewer) -> None:
        self._viewer = viewer
        self.plot: EmbeddingPlot | None = None
        self._of: Labels | None = None
        self._plotted: SteeredFrame | None = None

    def open(self) -> None:
        """Open the plot, or bring it to the front; it waits for `follow`."""
        self.plot, self._plotted = open_embedding_plot(self._viewer), None

    def follow(self, layer: Labels, frame: SteeredFrame) -> None:
        """Let an open plot show a frame of a layer, and its modes."""
        if self.plot is None or frame is self._plotted:
            return
        if not isalive(self.plot.native):
            self.forget()
            return
        self._of, self._plotted = layer, frame
        self.plot.show(
            layer,
            frame.predicted,
            frame.objects.modes,
            frame.clustering.bandwidth,
            frame.clustering.kernel,
            frame.position,
        )

    def let_go(self, layer: Layer) -> None:
        """Hold no frame of labels that were deleted."""
        if self._of is layer:
            self._of = self._plotted = None

    def forget(self) -> None:
        """Hold neither plot nor frame."""
        self.plot = self._of = self._plotted = None
