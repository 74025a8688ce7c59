"""A job: one image, cut into blocks, and the files between the passes over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.joining import Parts
from napari_shiftseg.distributed.arrays import BlockArray, save_all
from napari_shiftseg.distributed.journal import Steps
from napari_shiftseg.pipeline.result import above

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.distributed.blocks import Blocks
    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.stores.image import Image


FOLDERS = ("raw", "parts", "components", "owned", "pieces", "labels", "drawn")


@dataclass(frozen=True)
class Job:
    """One image in blocks: all that a worker must know, wherever it runs.

    Attributes
    ----------
    image : Image
        Opened; its pixels slice lazily, and go to other machines as a path.
    model : TiledNetwork
    settings : Settings
    blocks : Blocks
    folder : Path
        Of what one pass leaves to the next; all workers see it.
    """

    image: Image
    model: TiledNetwork
    settings: Settings
    blocks: Blocks
    folder: Path

    @property
    def clustering(self) -> Clustering:
        """How embeddings become objects."""
        return self.settings.clustering(self.model.config)

    @property
    def is_global(self) -> bool:
        """Whether modes are those of the whole image, not of each component."""
        return self.clustering.scope == "global"

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the result."""
        return self.blocks.plan.output_shape

    @property
    def raw(self) -> BlockArray:
        """Embedding, then the logits, (channels, *spatial)."""
        return BlockArray(self.folder / "raw", self.blocks)

    @property
    def predicted(self) -> Steps:
        """By what each block was predicted, and what was to be known of it."""
        return Steps(self.folder / "predicted")

    @property
    def parts(self) -> BlockArray:
        """Part numbers of each block for itself, (*spatial)."""
        return BlockArray(self.folder / "parts", self.blocks)

    def about_parts(self, number: int) -> Path:
        """Return the file of what others must know of the parts of a block."""
        return self.folder / "parts" / f"{number}.npz"

    def owned(self, number: int) -> Path:
        """Return the file of the components that begin in a block."""
        return self.folder / "owned" / f"{number}.npz"

    def pieces(self, number: int) -> Path:
        """Return the file of the objects of the components that a block owns."""
        return self.folder / "pieces" / f"{number}.npz"

    def drawn(self, number: int) -> Path:
        """Return the file that is there once a box of the output is written."""
        return self.folder / "drawn" / str(number)

    def table(self, name: str, number: int | None = None) -> Path:
        """Return the file of a table of numbers, of one block or of all."""
        return self.folder / (
            f"{name}.npz" if number is None else f"{name}/{number}.npy"
        )

    def make_folders(self) -> None:
        """Make the folders that the passes write to."""
        for name in FOLDERS:
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def embedding(self, box: Box) -> NDArray[Any]:
        r"""Read the embedding of a box of the result, (channels, \*box)."""
        config = self.model.config
        raw = self.raw.read(box)
        return raw[: len(raw) - config.foreground - len(config.classes)]

    def foreground(self, box: Box) -> NDArray[np.bool_]:
        r"""Read which pixels of a box are foreground, (\*box)."""
        logit = self.raw.read(box)[-1 - len(self.model.config.classes)]
        return np.asarray(above(logit, self.clustering.foreground_threshold))


def write_parts(path: Path, parts: Parts) -> None:
    """Write what others must know of the parts of a block, durably."""
    faces = {f"face{n}": face for n, face in enumerate(parts.faces)}
    save_all(
        path, values=parts.values, sizes=parts.sizes, first=parts.first, low=parts.low,
        high=parts.high, **faces,
    )  # fmt: skip


def read_parts(path: Path) -> Parts:
    """Read what `write_parts` wrote."""
    with np.load(path) as stored:
        faces = [stored[f"face{n}"] for n in range(2 * stored["low"].shape[1])]
        names = ("values", "sizes", "first", "low", "high")
        return Parts(**{name: stored[name] for name in names}, faces=faces)
