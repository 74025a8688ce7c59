"""What is plotted, and the labels layer that it is linked with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Labels
from napari.utils.colormaps import CyclicLabelColormap

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.gui.parts.viewer import OwnLayer
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import napari
    from numpy.typing import NDArray
    from qtpy.QtWidgets import QWidget

    from napari_shiftseg.clustering.settings import Kernel
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.pipeline.result import Prediction
    from napari_shiftseg.relabelling.projection import PrincipalComponents, Projection


@dataclass(frozen=True)
class PlotSubject:
    """What is plotted.

    Attributes
    ----------
    layer : Labels
        Of the objects.
    prediction : Prediction
        Of the image, or of one frame of a series.
    modes : ndarray
        (modes, channels)
    bandwidth : float
    kernel : {"gaussian", "flat", "von-mises-fisher", "learnt-spread"}
    frame : tuple of int
        Position on the leading axes of the layer; none: it has no such axes.
    """

    layer: Labels
    prediction: Prediction
    modes: NDArray[Any]
    bandwidth: float
    kernel: Kernel
    frame: tuple[int, ...] = ()

    @property
    def spatial(self) -> tuple[int, ...]:
        """Shape of the embedding, without channels."""
        return tuple(self.prediction.embedding.shape[1:])

    @property
    def fits(self) -> bool:
        """Whether the layer still has the shape it had."""
        leading = len(self.frame)
        shape = tuple(self.layer.data.shape)
        inside = all(at < n for at, n in zip(self.frame, shape, strict=False))
        return shape[leading:] == self.spatial and inside

    def labels(self) -> NDArray[Any]:
        r"""Return the objects as they are now, (\*spatial)."""
        return np.asarray(self.layer.data[self.frame])

    def labels_at(self, pixels: NDArray[np.int64]) -> NDArray[Any]:
        """Return the objects of some pixels: (points, axes) → (points,)."""
        found: NDArray[Any] = self.labels()[tuple(pixels.T)]
        return found

    def is_seen_like(self, other: PlotSubject | None) -> bool:
        """Whether two have the same points: only labels, modes or bandwidth differ."""
        sphere = "von-mises-fisher"
        return (
            other is not None
            and self.prediction is other.prediction
            and (self.kernel == sphere) == (other.kernel == sphere)
        )


@dataclass(frozen=True)
class LassoPixels:
    r"""Pixels within a lasso.

    Attributes
    ----------
    mask : ndarray of uint8
        (\*spatial)
    pixels, objects : int
        How many there are, and of how many objects.
    """

    mask: NDArray[np.uint8]
    pixels: int
    objects: int


def projection_run(
    subject: PlotSubject,
    region: Region | None,
    background: bool,
    components: PrincipalComponents | None,
) -> Generator[Progress, None, Projection]:
    """Return steps that project a subject onto two components, for a thread.

    Parameters
    ----------
    subject : PlotSubject
        Its labels are copied now.
    region, background, components
        See `projection_steps`.
    """
    labels = subject.labels().copy()

    def steps() -> Generator[Progress, None, Projection]:
        yield Progress(0, 0, stage="loading")
        import napari_shiftseg.gui.mend.embedding.canvas  # noqa: F401, or the GUI waits
        from napari_shiftseg.relabelling.projection import projection_steps

        return (
            yield from projection_steps(
                subject.prediction, labels, subject.modes, subject.bandwidth,
                subject.kernel, region, background, components=components,
            )
        )  # fmt: skip

    return steps()


def lasso_run(
    subject: PlotSubject, projection: Projection, polygon: NDArray[np.float64]
) -> Generator[Progress, None, LassoPixels]:
    """Return steps that find all pixels within a lasso, for a thread.

    Only where the sample was taken from.

    Parameters
    ----------
    subject : PlotSubject
        Its labels are copied now.
    projection : Projection
        That is shown.
    polygon : ndarray
        (corners, 2), of the lasso.
    """
    labels = subject.labels().copy()

    def steps() -> Generator[Progress, None, LassoPixels]:
        from napari_shiftseg.relabelling.pixel_sample import lassoed_steps

        mask = yield from lassoed_steps(
            subject.prediction.embedding,
            projection.components,
            polygon,
            projection.region,
            None if projection.background else labels,
        )
        found = np.unique(labels[mask > 0])
        return LassoPixels(mask, int(mask.sum(dtype=np.int64)), int((found != 0).sum()))

    return steps()


LASSOED = "lassoed"  # in the metadata
LASSO_COLOUR = "white"  # no object has it
OPACITY = 0.8


class LassoedLayer(OwnLayer):
    """A Labels layer that is made at the first lasso and then updated in place."""

    def show(
        self, mask: NDArray[Any], labels: Labels, frame: Sequence[int] = ()
    ) -> None:
        r"""Show pixels where the labels are placed; to be called in the GUI thread.

        Parameters
        ----------
        mask : ndarray of uint8
            (\*spatial), 0 or 1.
        labels : Labels
        frame : sequence of int
            Position on the leading axes of the labels; none: the mask has all axes.
        """
        data = mask.reshape(*(1,) * len(frame), *mask.shape)
        place = LayerSource.of(labels, frame).placed((), labels.ndim)
        layer = self.layer
        if layer is not None and layer.data.shape == data.shape:
            layer.data[...] = data  # new data would take napari twice as long
            layer.refresh(extent=False)
            self._place(layer, place)
        else:
            self.remove()
            layer = Labels(
                data,
                name=_name(labels),
                colormap=CyclicLabelColormap(colors=["transparent", LASSO_COLOUR]),
                opacity=OPACITY,
                metadata={METADATA_KEY: LASSOED},
                **place,
            )
            self._add(layer, labels)
            layer.editable = False
        layer.visible = True


def _name(labels: Labels) -> str:
    """Return how the layer is named, after the image where a run made the labels."""
    record = labels.metadata.get(METADATA_KEY)
    image = record["image"] if isinstance(record, dict) else labels.name
    return f"{LASSOED} · {image}"


EVENTS = ("data", "set_data", "labels_update", "paint", "colormap")


class FollowedLabels:
    """Calls back with what happens to one labels layer, as long as its owner is open.

    Parameters
    ----------
    viewer : napari.Viewer
    owner : QWidget
    changed, selected, deleted : callable
        Called when pixels or colours may be others, with the object that the user
        selected, and when the layer was removed from the viewer.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        owner: QWidget,
        changed: Callable[[], None],
        selected: Callable[[int], None],
        deleted: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._tell_changed, self._tell_selected = changed, selected
        self._tell_deleted = deleted
        self._layer: Labels | None = None
        self._selected = 0
        viewer.layers.events.removed.connect(self._removed)

    def follow(self, layer: Labels | None) -> None:
        """Follow this layer instead of the one before; None: no layer."""
        before, self._layer = self._layer, layer
        if before is not None:
            for name in EVENTS:
                getattr(before.events, name).disconnect(self._changed)
            before.events.selected_label.disconnect(self._selection_changed)
        if layer is not None:
            self._selected = layer.selected_label
            for name in EVENTS:
                getattr(layer.events, name).connect(self._changed)
            layer.events.selected_label.connect(self._selection_changed)

    def select(self, label: int) -> None:
        """Select an object in the layer, if one is followed; nobody is told."""
        if self._layer is not None:
            self._selected = label
            self._layer.selected_label = label

    def _changed(self) -> None:
        if is_open(self._owner):
            self._tell_changed()

    def _selection_changed(self) -> None:
        if self._layer is None or not is_open(self._owner):
            return
        label = self._layer.selected_label
        if label != self._selected:  # other colours also say that it was selected
            self._selected = label
            self._tell_selected(label)

    def _removed(self, event: Any) -> None:
        if is_open(self._owner) and event.value == self._layer:
            self._tell_deleted()
