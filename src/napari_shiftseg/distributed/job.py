"""A job: one image, cut into blocks, and the files between the passes over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.joining import Parts
from napari_shiftseg.distributed.arrays import BlockArray, save_all
from napari_shiftseg.distributed.journal import Steps
from napari_shiftseg.geometry.rescaling import widths_of
from napari_shiftseg.pipeline.result import above

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.distributed.blocks import Blocks
    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.stores.image import Image


FOLDERS = (
    "raw",
    "parts",
    "components",
    "owned",
    "pieces",
    "tissue",
    "spots",
    "labels",
    "drawn",
)


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
        clustering = self.clustering
        return clustering.scope == "global" and clustering.method == "mean-shift"

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
        """Return the file of what is known of the objects that a block owns.

        They are those of the components that begin in it.
        """
        return self.folder / "pieces" / f"{number}.npz"

    def drawings(self, number: int) -> Path:
        """Return the file of the pixels of these objects, box after box, int32."""
        return self.folder / "pieces" / f"{number}.raw"

    def tissue(self, number: int, name: str) -> Path:
        """Return a file of the neighbourhoods of large components in a block."""
        return self.folder / "tissue" / f"{number}-{name}"

    @property
    def has_tissue(self) -> bool:
        """Whether there are components too large to be held; once parts are joined."""
        return self.table("spots").exists()

    @property
    def neighbourhood(self) -> tuple[int, ...] | None:
        """Size of neighbourhoods, per axis, larger components are clustered in."""
        provenance = self.model.config.provenance
        return widths_of(provenance.window if provenance else None, None)

    def drawn(self, number: int) -> Path:
        """Return the file that is there once a box of the output is written."""
        return self.folder / "drawn" / str(number)

    def table(self, name: str, number: int | str | None = None) -> Path:
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
        logits = config.foreground + len(config.classes)
        return self.raw.read(box, channels=slice(-logits or None))

    def foreground(self, box: Box) -> NDArray[np.bool_]:
        r"""Read which pixels of a box are foreground, (\*box)."""
        logit = self.raw.read(box, channels=-1 - len(self.model.config.classes))
        return np.asarray(above(logit, self.clustering.foreground_threshold))


class StoredEmbedding:
    r"""An embedding on disk, (channels, \*spatial), for `Pixels`: parts of it are read.

    Parameters
    ----------
    job : Job
        Predicted.
    box : tuple of slice
        Of the result.
    """

    def __init__(self, job: Job, box: Box) -> None:
        self._job, self._corner = job, [side.start for side in box]
        one = job.embedding(tuple(slice(side.start, side.start + 1) for side in box))
        sizes = (side.stop - side.start for side in box)
        self.shape: tuple[int, ...] = (len(one), *sizes)
        self.dtype = one.dtype

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: tuple[Any, ...]) -> NDArray[Any]:
        """Read the channels of a box, or of pixels given by an index an axis."""
        where = key[1:]
        if isinstance(where[0], slice):
            sizes = zip(where, self.shape[1:], strict=True)
            return self._read([side.indices(n)[:2] for side, n in sizes])
        if not where[0].size:
            return np.empty((len(self), 0), self.dtype)
        about = [(int(at.min()), int(at.max()) + 1) for at in where]
        within = [at - low for at, (low, _) in zip(where, about, strict=True)]
        return self._read(about)[(slice(None), *within)]

    def _read(self, bounds: Sequence[tuple[int, int]]) -> NDArray[Any]:
        corners = zip(bounds, self._corner, strict=True)
        return self._job.embedding(tuple(slice(a + c, b + c) for (a, b), c in corners))


TABLES = 16  # of parts, that are held at once


def component_tables(job: Job) -> Callable[[int], NDArray[np.int64]]:
    """Return what gives the component of each part of a block; a table is read once.

    Parameters
    ----------
    job : Job
        Its parts joined.
    """

    @lru_cache(maxsize=TABLES)
    def table(number: int) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.load(job.table("components", number))
        return found

    return table


def components_in(
    job: Job,
    box: Box,
    tables: Callable[[int], NDArray[np.int64]],
    only: int | None = None,
) -> NDArray[Any]:
    r"""Return the component of each pixel of a box, 0 where there is none, (\*box).

    Parameters
    ----------
    job : Job
        Its parts joined.
    box : tuple of slice
        Of the result.
    tables : callable
        See `component_tables`.
    only : int, optional
        One component: which pixels are of it is returned.
    """

    def as_components(number: int, parts: NDArray[Any]) -> NDArray[Any]:
        of_part = tables(number)
        found = of_part if only is None else of_part == only
        return np.asarray(found[parts])

    return job.parts.read(box, as_components)


def write_parts(path: Path, parts: Parts) -> None:
    """Write what others must know of the parts of a block, durably."""
    faces = {f"face{n}": face for n, face in enumerate(parts.faces)}
    save_all(
        path, values=parts.values, sizes=parts.sizes, first=parts.first, low=parts.low,
        high=parts.high, **faces,
    )  # fmt: skip


def read_parts(path: Path) -> Parts:
    """Read what `write_parts` wrote, but for the faces, each read when it is used."""
    with np.load(path) as stored:
        names = ("values", "sizes", "first", "low", "high")
        known = {name: stored[name] for name in names}
        return Parts(**known, faces=_Faces(path, 2 * known["low"].shape[1]))


@dataclass(frozen=True)
class _Faces(Sequence[Any]):
    """The faces of a block, on disk: those of all blocks may be too many to hold."""

    path: Path
    number: int

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, at: Any) -> Any:
        with np.load(self.path) as stored:
            return stored[f"face{range(self.number)[at]}"]
