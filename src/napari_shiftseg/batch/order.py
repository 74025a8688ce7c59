"""What is to be done with many images, what became of each, and of all of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import nan
from typing import TYPE_CHECKING, Literal

from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Status = Literal["done", "skipped", "failed"]
MILLION = 1_000_000  # pixels, that a density is of


@dataclass(frozen=True)
class BatchOrder:
    """What is to be done with many images.

    Attributes
    ----------
    inputs : tuple of Path
        Images, names of samples, folders that are gone through with all that is below
        them, and patterns such as ``data/*/cells_*.tif``.
    output : Path
        Folder for the results.
    model : str
        Name or file; empty: the usual one of each image, see `usual_model_of`.
    settings : Settings
        Of all images.
    save : tuple of str
        What is written of each; see `stores.writing.KINDS`.
    channel, series
        Of each image; see `read_image`.
    overwrite : bool
        Whether files of others may be replaced.
    resume : bool
        Whether an image is left as it is that was done with the same settings, by the
        same model, and has not changed since.
    workers : int
        Images that are worked on at once.
    scheduler : str or None
        Address of a dask cluster that works on them; None: this machine.

    Raises
    ------
    ValueError
        If there is no input, or less than one worker.
    """

    inputs: tuple[Path, ...]
    output: Path
    model: str = ""
    settings: Settings = field(default_factory=Settings)
    save: tuple[str, ...] = ("labels",)
    channel: str | None = None
    series: int | None = None
    overwrite: bool = False
    resume: bool = False
    workers: int = 1
    scheduler: str | None = None

    def __post_init__(self) -> None:
        if not self.inputs:
            raise ValueError("a batch needs an image, a folder or a pattern; got none")
        if self.workers < 1:
            raise ValueError(f"there must be 1 worker or more, got {self.workers}")


@dataclass(frozen=True)
class BatchRow:
    """What became of one image.

    Attributes
    ----------
    source : Path
        The image, absolute; the name of a sample.
    name : str
        How its results begin, below the output: ``treated/cells_1``.
    status : {"done", "skipped", "failed"}
        Skipped is what was done before, with the same settings.
    condition : str
        The first folder below the input; empty: it lies in the input itself.
    error : str
        What went wrong; empty: nothing.
    objects : int
        Over all frames; one that is linked counts once.
    density : float
        Objects in a million pixels; of frames the mean of what each has.
    median_area : float
        Pixels of an object, in a frame of a time series, the median; nan without
        objects.
    foreground_share : float
        Share of the pixels that objects cover, of 1.
    confidence : float
        Mean of the objects'; nan where it is not known.
    seconds : float
    settings_hash : str
        Of all that changes the result, but for the image.
    model : str
        Its name.
    notes : tuple of str
        Why the result is hardly right.
    decided : tuple of str
        What was decided of the image, and might have been meant otherwise.
    axes : str
        Of the labels, as T, Z, Y, X; empty: not known.
    shape : tuple of int
        Of the labels, in pixels.
    in_units : mapping of str to float
        Density and median size in units, by column, where the image has a pixel size.
    files : mapping of str to Path
        What was written, by kind: labels, objects, report, ...
    """

    source: Path
    name: str
    status: Status
    condition: str = ""
    error: str = ""
    objects: int = 0
    density: float = nan
    median_area: float = nan
    foreground_share: float = nan
    confidence: float = nan
    seconds: float = nan
    settings_hash: str = ""
    model: str = ""
    notes: tuple[str, ...] = ()
    decided: tuple[str, ...] = ()
    axes: str = ""
    shape: tuple[int, ...] = ()
    in_units: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)

    @property
    def is_mended(self) -> bool:
        """Whether its labels were mended since."""
        return "edits" in self.files

    def side(self, axis: str) -> int:
        """Return how many pixels, planes or frames an image has; 0: it has none."""
        at = self.axes.find(axis) if len(self.axes) == len(self.shape) else -1
        return self.shape[at] if at >= 0 else 0

    @property
    def folder(self) -> str:
        """Where it lies below the input, with slashes; empty: in it."""
        return self.name.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class BatchProgress(Progress):
    """What a batch has done: images; and of those under way, their own progress."""

    name: str = ""  # of the image
    within: Progress | None = None  # of the image


@dataclass(frozen=True)
class BatchOutcome:
    """What became of all images.

    Attributes
    ----------
    order : BatchOrder
    rows : tuple of BatchRow
        One an image, in their order.
    files : mapping of str to Path
        Those of the whole batch: summary, objects, failures, page; of one in which all
        images failed, and that has tables of an older one, the failures alone.
    seconds : float
    left_over : tuple of str
        Names of results in the output whose image is no longer there.
    """

    order: BatchOrder
    rows: tuple[BatchRow, ...]
    files: Mapping[str, Path]
    seconds: float
    left_over: tuple[str, ...] = ()

    def of(self, status: Status) -> list[BatchRow]:
        """Return the rows of one status."""
        return [row for row in self.rows if row.status == status]
