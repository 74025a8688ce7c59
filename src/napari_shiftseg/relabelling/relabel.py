"""One frame labelled again and again: what is in view first, then the rest."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from napari_shiftseg.clustering.cluster import to_cluster
from napari_shiftseg.clustering.linking import ONE_IMAGE
from napari_shiftseg.clustering.modes import Pixels
from napari_shiftseg.geometry.rescaling import widths_of
from napari_shiftseg.progress import Progress, Returning
from napari_shiftseg.relabelling.numbers import numbers_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.cluster import Whole
    from napari_shiftseg.clustering.components import Components, Objects
    from napari_shiftseg.clustering.modes import Find, Finding, Found, Place
    from napari_shiftseg.clustering.settings import Clustering
    from napari_shiftseg.geometry.tiling import Box
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.pipeline.result import Prediction, Segmentation

    View = Sequence[tuple[int, int]]
    Key = tuple[object, ...]


MOST_BYTES = 2**27


class Remembered:
    """Find modes, unless they were found before of the very same pixels.

    What is found depends on the bandwidth, the kernel and the pixels alone: when
    another knob is turned, or pixels elsewhere become foreground, it is still known.
    What was not asked for longest is forgotten first.

    Parameters
    ----------
    find : callable
        Of one embedding; asked where nothing is known.
    most_bytes : int
        That what is remembered may take.

    Attributes
    ----------
    searches : int
        How often `find` was asked.
    """

    def __init__(self, find: Find, most_bytes: int = MOST_BYTES) -> None:
        self._find, self._most_bytes = find, most_bytes
        self._known: OrderedDict[Key, Found] = OrderedDict()
        self._bytes = 0
        self.searches = 0

    def __call__(self, places: Sequence[Place], settings: Clustering) -> Finding:
        """Find the modes of the pixels of places; see `Pixels.find`.

        What is left before its end is not remembered.
        """
        keys = [_key(*place, settings) for place in places]
        new = {
            key: place
            for key, place in zip(keys, places, strict=True)
            if key not in self._known
        }
        self.searches += len(new)
        found = yield from self._find([*new.values()], settings)
        made = dict(zip(new, found, strict=True))
        modes = [made[key] if key in made else self._known[key] for key in keys]
        for key, each in zip(keys, modes, strict=True):
            self._remember(key, each)
        return modes

    def _remember(self, key: Key, found: Found) -> None:
        if key not in self._known:
            self._bytes += found.nbytes
        self._known[key] = found
        self._known.move_to_end(key)
        while self._bytes > self._most_bytes and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._bytes -= oldest.nbytes


def _key(box: Box, inside: NDArray[np.bool_], settings: Clustering) -> Key:
    pixels = blake2b(np.packbits(inside).tobytes(), digest_size=16).digest()
    begin = tuple(side.start for side in box)
    return (settings.bandwidth, settings.kernel, begin, inside.shape, pixels)


STAGE = "clustering"


@dataclass(frozen=True, slots=True)
class InView(Progress):
    """All that is in view is labelled; the rest is not."""

    # start and stop along each spatial axis, within the frame
    view: tuple[tuple[int, int], ...] = field(kw_only=True)
    # (*view), 0 is background. Its objects are those of the end, pixel for pixel, but
    # their numbers are not.
    labels: NDArray[np.int32] = field(kw_only=True, repr=False)


class Relabelling:
    """Label one predicted frame with one clustering after another.

    The labels at the end are those of a run with that clustering: the very same code
    makes them. What a mean shift found is remembered: a turn of the minimum size or of
    "split far parts" needs none, one of the foreground threshold only those of
    components whose pixels change.

    Parameters
    ----------
    prediction : Prediction
    neighbourhood : sequence of int, optional
        Per axis, the window the model was trained with.
    device : str
        Where the mean shift computes.
    most_bytes : int
        That what is remembered may take.
    known : (Clustering, Objects), optional
        A clustering that was done before, and what it gave.

    Attributes
    ----------
    prediction : Prediction
    neighbourhood : tuple of int or None
    """

    def __init__(
        self,
        prediction: Prediction,
        neighbourhood: Sequence[int] | None = None,
        device: str = "auto",
        most_bytes: int = MOST_BYTES,
        known: tuple[Clustering, Objects] | None = None,
    ) -> None:
        self.prediction = prediction
        self._known = known
        self.neighbourhood = None if neighbourhood is None else tuple(neighbourhood)
        self._pixels = Pixels(prediction.embedding, prediction.offset, device)
        self._find = Remembered(self._pixels.find, most_bytes)

    @property
    def searches(self) -> int:
        """Mean shifts done so far."""
        return self._find.searches

    def steps(
        self, clustering: Clustering, view: View | None = None
    ) -> Generator[Progress, None, Objects]:
        r"""Label the frame; yields `Progress`, and `InView` once if there is a view.

        Closing the generator stops the work; what was found until then is remembered.
        What is known already is returned at once.

        Parameters
        ----------
        clustering : Clustering
        view : sequence of (int, int), optional
            Start and stop along each spatial axis, in pixels of the frame; what lies
            outside it is left out.

        Raises
        ------
        ValueError
            If the scope is "component" and the model has no foreground logit, or the
            view has not one pair for each axis.
        """
        if self._known is not None and self._known[0] == clustering:
            return self._known[1]
        work = self.to_cluster(clustering)
        if view is not None:
            shape = self.prediction.embedding.shape[1:]
            bounds = clipped(view, shape)
            box = tuple(slice(*pair) for pair in bounds)
            seen = Returning(work.view_steps(box))
            last = Progress(0, 1, stage=STAGE)
            for done, total in seen:
                last = Progress(done, total, stage=STAGE)
                yield last
            yield InView(
                last.done, last.total, stage=STAGE, view=bounds, labels=seen.value
            )
        rest = Returning(work.steps())
        for done, total in rest:
            yield Progress(done, total, stage=STAGE)
        return rest.value

    def to_cluster(self, clustering: Clustering) -> Components | Whole:
        """Return the clustering of this frame, nothing of it done; see `steps`."""
        foreground = self.prediction.foreground(clustering.foreground_threshold)
        return to_cluster(
            self._pixels, clustering, foreground, self.neighbourhood, self._find
        )


def clipped(view: View, shape: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the part of a view that lies within a frame, empty where none does.

    Parameters
    ----------
    view : sequence of (int, int)
        Start and stop per axis.
    shape : sequence of int
        Of the frame.

    Raises
    ------
    ValueError
        If there is not one pair for each axis.
    """
    if len(view) != len(shape):
        raise ValueError(
            f"a view needs (start, stop) for each of {len(shape)} axes, got "
            f"{len(view)}: leave out leading axes, such as time"
        )
    return tuple(
        (min(max(start, 0), n), min(max(start, stop, 0), n))
        for (start, stop), n in zip(view, shape, strict=True)
    )


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
    config : NetworkConfig
        Of the model that predicted it.
    most_bytes : int
        Embeddings that take more go to the disk.

    Attributes
    ----------
    config : NetworkConfig
    clustering : Clustering
        That the result was made with.
    neighbourhood : tuple of int or None
        Output window the model was trained with, per axis, in pixels of the image.
    offset : tuple of int
        Image pixel at which the result begins, per spatial axis.
    linking : Linking
        How the frames became one, and
    numbers : dict of tuple of int to FrameNumbers
        what their objects are called; of one image empty.
    device : str
        As the run was asked to use.
    views : int
        Of the image that were predicted.
    leading : tuple of int
        Axes (time, planes) before the spatial ones; empty for one image.
    frames : list of tuple of int
        Indices along these, one for each frame; one image has ().
    folder : Path or None
        Where the embeddings are on the disk; None where they are in memory.
    """

    def __init__(
        self, result: Segmentation, config: NetworkConfig, most_bytes: int = LARGE
    ) -> None:
        self.config = config
        self.rescaling = result.rescaling
        self.clustering: Clustering = result.settings.clustering(config, self.rescaling)
        window = config.provenance.window if config.provenance else None
        self.neighbourhood = widths_of(window, result.rescaling)
        self.device, self.views = result.settings.device, result.settings.views
        self.leading, self.frames = result.leading, result.positions
        self.offset = result.offset
        self.linking = result.linking
        own = dict(zip(self.frames, result.numbers, strict=False))
        self.numbers = numbers_of(self.linking, own)
        self.folder: Path | None = None
        if result.embeddings.nbytes > most_bytes:
            self.folder = Path(mkdtemp(prefix="shiftseg-"))
            self._removal = finalize(self, rmtree, self.folder, ignore_errors=True)
            stored = _stored(result.embeddings, self.folder)
            logit = None if result.logit is None else result.logit.copy()
            # views of what the network said would hold all of it in memory
            result = replace(result, embeddings=stored, logit=logit, class_logits=None)
        frames = [replace(known, labels=known.labels.copy()) for known in result.frames]
        self._result: Segmentation | None = replace(  # labels are painted on elsewhere
            result, frames=tuple(frames), gradient=np.empty(0)
        )

    @property
    def ndim(self) -> int:
        """Axes of a frame."""
        return self.config.ndim

    @property
    def has_foreground(self) -> bool:
        """Whether the model predicts a foreground logit."""
        return self.config.foreground

    @property
    def embeddings(self) -> Any:
        r"""The embeddings of all frames, (channels, [leading,] \*spatial)."""
        return self._open(self.frames[0]).embeddings

    def frame(self, at: tuple[int, ...] = ()) -> Prediction:
        """Return what the network said of a frame.

        Raises
        ------
        ValueError
            If there is no such frame, or the embeddings were given up.
        """
        return self._open(at).prediction(tuple(at))

    def _open(self, at: tuple[int, ...]) -> Segmentation:
        if self._result is None:
            raise ValueError(
                "the embeddings of this result were given up: predict the image again"
            )
        if tuple(at) not in self.frames:
            raise ValueError(
                f"the result has frames of {self.leading or 'no leading axes'}, not "
                f"{tuple(at)}: give one index for each leading axis"
            )
        return self._result

    def relabelling(self, at: tuple[int, ...] = ()) -> Relabelling:
        """Return a frame ready to be labelled anew, its objects known; see `frame`."""
        objects = self._open(at).frames[self.frames.index(tuple(at))]
        known = self.clustering, objects
        return Relabelling(self.frame(at), self.neighbourhood, self.device, known=known)

    def run_of(
        self, at: tuple[int, ...], objects: Objects, clustering: Clustering
    ) -> Segmentation:
        """Return a frame as a run of its own that gave these objects; see `frame`.

        Parameters
        ----------
        at : tuple of int
            Position on the leading axes.
        objects : Objects
        clustering : Clustering
            That they were made with.
        """
        known, predicted = self._open(at), self.frame(at)
        names = vars(known.settings).keys() & clustering.model_dump().keys()
        if not self.has_foreground:  # no run could be given these
            names -= {"foreground_threshold", "scope"}
        chosen = {name: getattr(clustering, name) for name in names}
        return replace(
            known, labels=objects.labels, embeddings=predicted.embedding,
            logit=predicted.logit, class_logits=predicted.class_logits,
            frames=(objects,), numbers=(), linking=ONE_IMAGE,
            settings=replace(known.settings, **chosen),
        )  # fmt: skip

    def close(self) -> None:
        """Give up the embeddings, and remove them from the disk."""
        self._result = None
        if self.folder is not None:
            self._removal()
            self.folder = None


def _stored(array: NDArray[Any], folder: Path) -> Any:
    """Write an array, and return it as a memory map that is only read."""
    path = folder / "embeddings.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")
