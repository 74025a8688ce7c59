"""What a run keeps, so that its objects can be found anew without the network."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize

import numpy as np

from napari_shiftseg.interaction.steering.relabelling import Relabelling
from napari_shiftseg.pipeline.segmentation import Prediction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.model.config import Clustering, ModelConfig
    from napari_shiftseg.pipeline.segmentation import Segmentation

LARGE = 2**30  # bytes; embeddings that take more go to the disk


class Kept:
    """The embeddings of a run and how they were clustered.

    Large embeddings are copied to a memory map in a temporary folder, from which only
    what is read takes memory; they leave the memory when nothing else holds the result.
    The folder goes when this is closed or collected.

    Parameters
    ----------
    result : Segmentation
        Of an image or a time series.
    config : ModelConfig
        Of the model that predicted it.
    most_bytes : int
        Embeddings that take more go to the disk.

    Attributes
    ----------
    config : ModelConfig
    clustering : Clustering
        That the result was made with.
    neighbourhood : tuple of int or None
        Output window the model was trained with, per axis.
    device : str
        As the run was asked to use.
    leading : tuple of int
        Axes (time, planes) before the spatial ones; empty for one image.
    folder : Path or None
        Where the embeddings are on the disk; None where they are in memory.
    """

    def __init__(
        self, result: Segmentation, config: ModelConfig, most_bytes: int = LARGE
    ) -> None:
        self.config = config
        self.clustering: Clustering = result.settings.clustering(config)
        self.neighbourhood = config.provenance.window if config.provenance else None
        self.device = result.settings.device
        self.leading = result.labels.shape[: result.labels.ndim - config.ndim]
        self._plan, self._notes = result.plan, result.notes
        self._embeddings: Any = result.embeddings
        self._logits = result.foreground
        self.folder: Path | None = None
        if result.embeddings.nbytes > most_bytes:
            self.folder = Path(mkdtemp(prefix="shiftseg-"))
            self._removal = finalize(self, rmtree, self.folder, ignore_errors=True)
            self._embeddings = _stored(result.embeddings, self.folder)

    @property
    def ndim(self) -> int:
        """Axes of a frame."""
        return self.config.ndim

    @property
    def has_foreground(self) -> bool:
        """Whether the model predicts a foreground logit."""
        return self.config.foreground

    @property
    def offset(self) -> tuple[int, ...]:
        """Image pixel at which the result begins, per spatial axis."""
        return self._plan.offset

    @property
    def frames(self) -> list[tuple[int, ...]]:
        """Indices along the leading axes, one for each frame; one image has ()."""
        return list(np.ndindex(self.leading))

    @property
    def is_closed(self) -> bool:
        """Whether the embeddings were given up."""
        return self._embeddings is None

    def frame(self, at: tuple[int, ...] = ()) -> Prediction:
        """Return what the network said of a frame.

        Raises
        ------
        ValueError
            If there is no such frame, or the embeddings were given up.
        """
        if self._embeddings is None:
            raise ValueError(
                "the embeddings of this result were given up: predict the image again"
            )
        if tuple(at) not in self.frames:
            raise ValueError(
                f"the result has frames of {self.leading or 'no leading axes'}, not "
                f"{tuple(at)}: give one index for each leading axis"
            )
        logit = None if self._logits is None else self._logits[tuple(at)]
        embedding = self._embeddings[(slice(None), *at)]
        return Prediction(embedding, logit, self._plan, self._notes)

    def relabelling(self, at: tuple[int, ...] = ()) -> Relabelling:
        """Return a frame ready to be labelled anew; see `frame`."""
        return Relabelling(self.frame(at), self.neighbourhood, self.device)

    def close(self) -> None:
        """Give up the embeddings, and remove them from the disk."""
        self._embeddings = self._logits = None
        if self.folder is not None:
            self._removal()
            self.folder = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _stored(array: NDArray[Any], folder: Path) -> Any:
    """Write an array, and return it as a memory map that is only read."""
    path = folder / "embeddings.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")
