"""What a run gives: the prediction and the objects of every frame."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.linking import ONE_IMAGE
from napari_shiftseg.geometry.rescaling import boundaries_of, region_of
from napari_shiftseg.intensity.scale import AS_IS
from napari_shiftseg.pipeline.classes import class_vote
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.clustering.components import Objects
    from napari_shiftseg.clustering.linking import Linking
    from napari_shiftseg.clustering.settings import Kernel
    from napari_shiftseg.geometry.rescaling import Rescaling
    from napari_shiftseg.geometry.tiling import Region, TilePlan
    from napari_shiftseg.inference.rescaled import Rescaled
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.metrics.seams import SeamScores
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.pipeline.classes import ObjectClasses
    from napari_shiftseg.pipeline.settings import Settings


def above(logit: NDArray[Any] | None, probability: float) -> NDArray[np.bool_] | None:
    r"""Return the pixels above a probability p: logit > ln(p / (1 − p))."""
    return None if logit is None else logit > log(probability / (1 - probability))


@dataclass(frozen=True)
class Prediction:
    """What the network says of an image, not clustered yet."""

    embedding: NDArray[Any]  # (channels, *spatial)
    # (*spatial), the foreground logit of a model that has one
    logit: NDArray[Any] | None
    plan: TilePlan  # that was carried out
    notes: tuple[str, ...]  # what the user should know
    # of the image that the plan is one of; the arrays are those of the image itself
    rescaling: Rescaling | None = None
    # (classes, *spatial), their logits, of a model that tells classes apart
    class_logits: NDArray[Any] | None = None
    engine: str = "torch"  # or "openvino", that the network was computed by

    @property
    def region(self) -> Region:
        """Predicted part of the image: (start, stop) an axis."""
        return region_of(self.plan, self.rescaling)

    @property
    def offset(self) -> tuple[int, ...]:
        """Image pixel at which the arrays begin, per axis."""
        return tuple(start for start, _ in self.region)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Spatial shape of the image."""
        known = self.rescaling or self.plan
        return known.image_shape

    @property
    def boundaries(self) -> tuple[tuple[int, ...], ...]:
        """Per axis: pixels of the arrays at which a further tile begins."""
        return boundaries_of(self.plan, self.rescaling)

    def brought_back(
        self, image: Rescaled, config: NetworkConfig, views: int
    ) -> Prediction:
        """Return this prediction of a rescaled image as one of the image itself.

        Parameters
        ----------
        image : Rescaled
        config : NetworkConfig
            Of the model.
        views : int
            In which it was predicted.
        """
        embedding = image.back(self.embedding, self.plan, config.embedding, views)
        logit, class_logits = self.logit, self.class_logits
        if logit is not None:
            logit = image.back(logit[None], self.plan)[0]
        if class_logits is not None:
            class_logits = image.back(class_logits, self.plan)
        return replace(
            self, embedding=embedding, logit=logit, class_logits=class_logits,
            rescaling=image.rescaling,
        )  # fmt: skip

    def foreground(self, threshold: float) -> NDArray[np.bool_] | None:
        r"""Return the pixels above a probability p: logit > ln(p / (1 − p)).

        (\*spatial); None for a model without a foreground logit.
        """
        return above(self.logit, threshold)


@dataclass(frozen=True)
class Segmentation:
    r"""Result of a run. Arrays cover `region`; a time series has an axis more.

    Attributes
    ----------
    labels : ndarray of int32
        ([leading,] \*spatial), 0 is background. Numbers are those of objects of all
        frames: of a stack that is not linked, each frame has others.
    embeddings : ndarray
        (channels, [leading,] \*spatial)
    gradient : ndarray
        ([leading,] \*spatial), gradient magnitude in units of the embedding.
    logit : ndarray or None
        ([leading,] \*spatial), the foreground logit of a model that has one.
    frames : tuple of Objects
        As clustered, one for each frame, in the order of `positions`: labels from 1,
        modes, and which mode each object has. Edits made later are in `labels` alone.
    plan : TilePlan
        That was carried out (of one frame), of the rescaled image if there is one.
    settings : Settings
        As asked for.
    seconds : float
        Prediction and clustering.
    notes : tuple of str
        What the user should know: memory that did not suffice, for example.
    intensity : Scale
        How grey values were read, of a time series those of its first frame.
    planes : tuple of str
        What single planes of a stack are, nothing but noise for example; in notes, too.
    doubts : tuple of str
        Why the result is hardly right, with the next step; in the notes, too.
    class_names : tuple of str
        Of a model that tells classes apart; else empty.
    class_logits : ndarray or None
        (classes, [leading,] \*spatial), of such a model.
    rescaling : Rescaling or None
        Of the image that was predicted, where a diameter asked for one. The arrays are
        those of the image itself all the same.
    diameter : float or None
        Of the objects, in pixels, as given or as estimated; None: not asked for.
    seams : SeamScores or None
        Of a rescaled image, as it was predicted.
    kernel : {"gaussian", "flat", "von-mises-fisher", "learnt-spread"}
        That the embeddings were grouped by.
    numbers : tuple of ndarray of int32
        (objects + 1,) of each frame: what its objects are called in `labels`; empty for
        one image, where that is what they are called in `frames`.
    linking : Linking
        How frames became one.
    engine : {"torch", "openvino"}
        That the network was computed by.
    """

    labels: NDArray[np.int32]
    embeddings: NDArray[Any] = field(repr=False)
    gradient: NDArray[Any] = field(repr=False)
    logit: NDArray[Any] | None = field(repr=False)
    frames: tuple[Objects, ...] = field(repr=False)
    plan: TilePlan = field(repr=False)
    settings: Settings
    seconds: float
    notes: tuple[str, ...] = ()
    intensity: Scale = AS_IS
    planes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    class_logits: NDArray[Any] | None = field(default=None, repr=False)
    rescaling: Rescaling | None = None
    diameter: float | None = None
    seams: SeamScores | None = field(default=None, repr=False)
    kernel: Kernel = "gaussian"
    numbers: tuple[NDArray[np.int32], ...] = field(default=(), repr=False)
    linking: Linking = ONE_IMAGE
    engine: str = "torch"
    gives: str = "embedding"  # what was predicted, in a word
    are_frames: bool = False  # whether the axis before the spatial ones is time

    @property
    def region(self) -> Region:
        """Image pixels that the arrays cover: (start, stop) per spatial axis."""
        return region_of(self.plan, self.rescaling)

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape of the arrays."""
        return tuple(stop - start for start, stop in self.region)

    @property
    def rescaled(self) -> dict[str, Any]:
        """How the image was rescaled, for a record; empty where it was not."""
        if self.rescaling is None:
            return {}
        known = {"diameter": self.diameter, "shape": list(self.rescaling.shape)}
        return {"rescaled": known}

    @property
    def leading(self) -> tuple[int, ...]:
        """Axes (time, planes) before the spatial ones; empty for one image."""
        return self.labels.shape[: self.labels.ndim - len(self.plan.axes)]

    @property
    def positions(self) -> list[tuple[int, ...]]:
        """Indices along the leading axes, one for each frame; one image has ()."""
        return list(np.ndindex(self.leading))

    @property
    def modes(self) -> NDArray[Any]:
        """Modes of all frames, (modes, channels)."""
        return np.concatenate([objects.modes for objects in self.frames])

    @property
    def volumes(self) -> dict[tuple[int, ...], tuple[Any, ...]]:
        """Where objects are whole: indices by position on the axes not linked.

        Those of the frames; where planes are linked, of all planes at once.
        """
        along = self.linking.along
        if along is None:
            return {at: at for at in self.positions}
        parts = ((at[:along], at[along + 1 :]) for at in self.positions)
        return {
            (*before, *after): (*before, slice(None), *after) for before, after in parts
        }

    @cached_property
    def classes(self) -> tuple[ObjectClasses, ...]:
        """The classes of the objects in `labels`, one for each of the `volumes`.

        See `class_vote`. Empty for a model that tells no classes apart.
        """
        if self.class_logits is None:
            return ()
        parts = self.volumes.values()
        pairs = ((self.labels[at], self.class_logits[slice(None), *at]) for at in parts)
        return tuple(class_vote(*pair, self.class_names) for pair in pairs)

    @property
    def class_counts(self) -> dict[str, int]:
        """How many objects of all frames are of each class; empty without classes."""
        counts = [found.counts for found in self.classes]
        names = self.class_names if counts else ()
        return {name: sum(count[name] for count in counts) for name in names}

    @property
    def foreground(self) -> NDArray[Any] | None:
        """The `logit`, by its name of old."""
        warnings.warn(
            "Segmentation.foreground is called Segmentation.logit now",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.logit

    def prediction(self, at: tuple[int, ...] = ()) -> Prediction:
        """Return what the network said of a frame, by its position."""
        logit = None if self.logit is None else self.logit[at]
        everywhere: tuple[Any, ...] = (slice(None), *at)
        embedding = self.embeddings[everywhere]
        logits = None if self.class_logits is None else self.class_logits[everywhere]
        known = self.plan, self.notes, self.rescaling
        return Prediction(
            embedding, logit, *known, class_logits=logits, engine=self.engine
        )

    @property
    def objects(self) -> int:
        """Number of objects, over all frames; one that is linked counts once."""
        there = np.zeros(int(self.labels.max(initial=0)) + 1, dtype=bool)
        for at in self.positions:
            there[self.labels[at]] = True
        return int(there[1:].sum())

    @property
    def found(self) -> str:
        """How many objects there are, of each class too, and whether of all planes."""
        frames = prod(self.leading)
        objects = number_of(self.objects, "object")
        if self.classes:
            counts = self.class_counts.items()
            objects += f" ({', '.join(f'{number} {name}' for name, number in counts)})"
        if frames == 1:
            return objects
        how = "each segmented by itself"
        if self.linking.along is not None:
            every = sum(len(own) - 1 for own in self.numbers)
            how = f"linked from {number_of(every, 'cross-section')}"
        places = "frames" if self.are_frames else "planes"
        return f"{objects} in {frames:,} {places}, {how}"

    @property
    def offset(self) -> tuple[int, ...]:
        """Image pixel at which the result begins, per spatial axis."""
        return tuple(start for start, _ in self.region)
