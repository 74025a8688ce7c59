"""The embedding of a run in random colours: a button, and the layer that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import PushButton
from napari.layers import Image, Labels

from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.jobs import LatestJobs
from napari_shiftseg.gui.parts.layout import is_open
from napari_shiftseg.gui.parts.records import KEPT
from napari_shiftseg.gui.parts.source import LayerSource
from napari_shiftseg.progress import Progress, patiently
from napari_shiftseg.relabelling.colours import random_projection

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    import napari
    from numpy.typing import NDArray

    from napari_shiftseg.relabelling.relabel import Kept

METADATA_SEED = "shiftseg random colours"
PROJECTING = Progress(0, 1, stage="projecting")
TOOLTIP = (
    "Show the embedding as colours, in three random directions. Press again for three "
    "others: what looks alike in one projection seldom does in the next."
)


class RandomColours(PushButton):
    """Shown while there are labels whose embedding is known: shows that in colours.

    It takes the run of the selected layer, else the latest one. The first press adds a
    layer, any other gives it another projection.

    Parameters
    ----------
    viewer : Viewer
    latest : callable
        Returns the labels of the latest run, or None.
    failed : callable
        Takes the words of an error.
    """

    def __init__(
        self,
        viewer: napari.Viewer,
        latest: Callable[[], Labels | None],
        failed: Callable[[str], None],
    ) -> None:
        super().__init__(text="Random colours", tooltip=TOOLTIP)
        self._layers, self._latest = viewer.layers, latest
        self._jobs = LatestJobs(self.native, failed)
        self.changed.connect(self._press)
        for happened in (
            viewer.layers.selection.events.active,
            viewer.layers.events.removed,
        ):
            happened.connect(self.offer)
        self.native.destroyed.connect(self._jobs.abandon_all)

    def offer(self) -> None:
        """Show the button if there is an embedding to show."""
        if is_open(self.native):
            self.visible = self._labels() is not None

    def _labels(self) -> Labels | None:
        """Return the labels of the run that is meant."""
        run = _run_of(self._layers.selection.active)
        for layer in self._layers:
            if run is not None and _run_of(layer) == run and _kept(layer):
                return layer
        latest = self._latest()
        return latest if _kept(latest) else None

    def _press(self) -> None:
        labels = self._labels()
        if labels is None:
            return
        shown = self._shown(labels)
        seed = 0 if shown is None else shown.metadata[METADATA_SEED] + 1
        self._jobs.run(
            "colours",
            projection_steps(KEPT.of(labels), seed),
            lambda colours: self._show(labels, colours, seed),
        )

    def _shown(self, labels: Labels) -> Image | None:
        """Return the layer that shows the embedding of labels, if there is one."""
        for layer in self._layers:
            if METADATA_SEED in layer.metadata and _run_of(layer) == _run_of(labels):
                return layer
        return None

    def _show(self, labels: Labels, colours: NDArray[Any], seed: int) -> None:
        if labels not in self._layers:
            return
        layer = self._shown(labels)
        if layer is None:
            layer = Image(
                colours, rgb=True, **LayerSource.of(labels).placed((), labels.ndim)
            )
            layer.metadata = {METADATA_KEY: labels.metadata[METADATA_KEY]}
            layer.metadata[METADATA_SEED] = seed
            self._layers.append(layer)
        layer.data, layer.visible = colours, True
        layer.metadata[METADATA_SEED] = seed
        rest = labels.name.removeprefix("labels · ")
        layer.name = f"random colours {seed + 1} · {rest}"


def projection_steps(
    kept: Kept | None, seed: int
) -> Generator[Progress, None, NDArray[Any]]:
    """Project the embeddings of a run onto random directions, off the GUI thread.

    Parameters
    ----------
    kept : Kept
    seed : int
    """
    if kept is None:
        raise ValueError("the embeddings are no longer known: run Segment again")
    yield PROJECTING
    embeddings, kernel = kept.embeddings, kept.clustering.kernel
    what = embeddings, seed, kernel, kept.views
    steps = patiently(PROJECTING, embeddings.size, random_projection, *what)
    return (yield from steps)


def _run_of(layer: Any) -> str | None:
    """Return which run made a layer; None: none did."""
    record = None if layer is None else layer.metadata.get(METADATA_KEY)
    return record.get("run") if isinstance(record, dict) else None


def _kept(layer: Any) -> bool:
    return isinstance(layer, Labels) and KEPT.of(layer) is not None
