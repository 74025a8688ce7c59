"""What a plot of an embedding shows: sampled pixels, the modes, the bandwidth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.clustering.kernels import coordinates, on_sphere
from napari_shiftseg.progress import Progress
from napari_shiftseg.relabelling.pixel_sample import (
    CHUNK,
    PixelSample,
    sample_steps,
    slabs,
)
from napari_shiftseg.text import percent

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from napari_shiftseg.clustering.settings import Kernel
    from napari_shiftseg.geometry.tiling import Region
    from napari_shiftseg.pipeline.result import Prediction

    Floats = NDArray[np.float64]


ORDINALS = ("first", "second")
CORNERS = 48  # of an outline


@dataclass(frozen=True)
class PrincipalComponents:
    """Two orthonormal directions :math:`D` and a centre :math:`c`: :math:`D (e - c)`.

    Being orthonormal they never lengthen a distance, and keep one that lies in their
    plane: a ball of radius h around a mode is seen as a disk of radius h. All that is
    within a bandwidth of a mode lies in its disk; what lies in the disk may still be
    farther away, in a direction that is not seen.

    The von Mises-Fisher kernel sees directions only: there points are moved to the unit
    sphere first. Of places with a learnt spread the places alone are seen, and a
    bandwidth is one in units of the mode's spread.
    """

    centre: Floats  # (channels,)
    directions: Floats  # (2, channels); of an embedding of one channel the second is 0
    # of the variance of the points they were found from, 0 to 1
    shares: tuple[float, float]
    # whether they are principal components, or the channels as they are
    principal: bool
    kernel: Kernel  # what distances are measured of, see `coordinates`

    @classmethod
    def of(cls, rows: NDArray[Any], kernel: Kernel) -> PrincipalComponents:
        """Find the principal components; one or two channels are taken as they are.

        Parameters
        ----------
        rows : ndarray
            (points, channels), at least one point.
        kernel : {"gaussian", "flat", "von-mises-fisher", "learnt-spread"}
        """
        points = coordinates(rows.astype(np.float64), kernel, axis=-1)
        channels = points.shape[1]
        if channels > 2:
            centre, directions = principal_components(points, 2)
        else:
            centre, directions = np.zeros(channels), np.eye(2, channels)
        seen = ((points - centre) @ directions.T).var(0)
        every = points.var(0).sum()
        shares = seen / every if every > 0 else np.zeros(2)
        return cls(
            centre, directions, (float(shares[0]), float(shares[1])), channels > 2,
            kernel,
        )  # fmt: skip

    @property
    def axis_labels(self) -> tuple[str, ...]:
        """Say what each axis is, and how much of the variance it holds."""
        what = "principal component" if self.principal else "channel"
        return tuple(
            f"{ordinal} {what} ({percent(share)})" if direction.any() else ""
            for ordinal, direction, share in zip(
                ORDINALS, self.directions, self.shares, strict=True
            )
        )

    def place(self, rows: NDArray[Any]) -> Floats:
        """Return where points are seen: (points, channels) → (points, 2)."""
        return self._seen(self._coordinates(rows))

    def _coordinates(self, rows: NDArray[Any]) -> NDArray[Any]:
        return coordinates(rows.astype(np.float64), self.kernel, axis=-1)

    def nearest(self, rows: NDArray[Any], modes: NDArray[Any]) -> NDArray[np.int64]:
        """Return the index of the mode nearest to each point, in all channels.

        (points, channels) and (modes, channels) → (points,); −1 without modes.

        Parameters
        ----------
        rows : ndarray
            (points, channels)
        modes : ndarray
            (modes, channels)
        """
        from scipy.spatial import KDTree

        if len(modes) == 0:
            return np.full(len(rows), -1)
        tree = KDTree(self._coordinates(modes))
        index: NDArray[np.int64] = tree.query(self._coordinates(rows))[1]
        return index

    def outlines(self, modes: NDArray[Any], bandwidth: float) -> Floats:
        r"""Return what is seen of all points within a bandwidth of each mode.

        A circle; on the sphere, where :math:`\lVert u - v \rVert \le h` is a cap of
        angle :math:`\theta = 2 \arcsin(h / 2)`, the outline of that cap, which lies
        within the circle and touches it only where the mode points at the viewer.

        Parameters
        ----------
        modes : ndarray
            (modes, channels)
        bandwidth : float

        Returns
        -------
        ndarray of float64
            (modes, corners, 2), the last corner is the first.
        """
        angles = np.linspace(0, 2 * np.pi, CORNERS + 1)
        around = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        if self.kernel == "learnt-spread":
            around = np.exp(modes[:, -1])[:, None, None] * around
        if self.kernel != "von-mises-fisher":
            return self.place(modes)[:, None] + bandwidth * around
        rims = _cap_outlines(modes, around @ self.directions, bandwidth)
        return self._seen(rims)

    def _seen(self, points: NDArray[Any]) -> Floats:
        seen: Floats = (points - self.centre) @ self.directions.T
        return seen


def principal_components(
    points: NDArray[Any], number: int
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the centre of points, (channels,), and their principal components.

    (number, channels), the directions along which they vary most; any others where the
    points are too few to tell.

    Parameters
    ----------
    points : ndarray
        (points, channels)
    number : int
        Of components.
    """
    from sklearn.decomposition import PCA

    enough = np.resize(points, (max(number, len(points)), points.shape[1]))
    with np.errstate(invalid="ignore"):  # equal points have no variance to share
        found = PCA(number, svd_solver="full").fit(enough)
    return found.mean_, found.components_


def _cap_outlines(modes: NDArray[Any], towards: Floats, bandwidth: float) -> Floats:
    r"""Return the point of each mode's cap that lies farthest in each direction.

    With :math:`\alpha` the angle between a direction d and the mode u, it is d itself
    where :math:`\alpha \le \theta`, else the point on the way from u to d at the angle
    :math:`\theta`: :math:`\cos\theta\, u + \sin\theta\, (d - \cos\alpha\, u) /
    \sin\alpha`.

    (modes, channels) and unit directions (corners, channels) → (modes, corners,
    channels)
    """
    theta = 2 * np.arcsin(min(bandwidth / 2, 1.0))
    u = on_sphere(modes.astype(np.float64))[:, None]
    cosine = (u * towards).sum(-1, keepdims=True).clip(-1, 1)
    sine = np.maximum(np.sqrt(1 - cosine**2), 1e-9)
    rim = np.cos(theta) * u + np.sin(theta) * (towards - cosine * u) / sine
    outline: Floats = np.where(np.arccos(cosine) <= theta, towards, rim)
    return outline


MOST_POINTS = 3_000  # drawn in about 20 ms


@dataclass(frozen=True)
class Projection:
    """An embedding as it is seen along two components."""

    components: PrincipalComponents
    sample: PixelSample
    points: NDArray[np.float64]  # (points, 2), where the pixels of the sample are seen
    modes: NDArray[np.float64]  # (modes, 2), where the modes are seen
    # (modes, corners, 2), see `PrincipalComponents.outlines`
    outlines: NDArray[np.float64]
    # (points,), the index of the mode nearest in the embedding itself; −1 if there are
    # no modes
    nearest: NDArray[np.int64]
    region: Region  # pixels (start, stop) of the embedding that were sampled, per axis
    background: bool  # whether the background was sampled, too


def projection_steps(
    prediction: Prediction,
    labels: NDArray[Any],
    modes: NDArray[Any],
    bandwidth: float,
    kernel: Kernel,
    region: Region | None = None,
    background: bool = False,
    most: int = MOST_POINTS,
    components: PrincipalComponents | None = None,
) -> Generator[Progress, None, Projection]:
    r"""Project one embedding onto two components, yielding `Progress` on the way.

    The components are those of the sample, where an object counts as much as another,
    and not of all pixels, where a large one would count more.

    Parameters
    ----------
    prediction : Prediction
        Of one image, or of one frame of a series.
    labels : ndarray of int
        (\*spatial), its objects.
    modes : ndarray
        (modes, channels)
    bandwidth : float
    kernel : {"gaussian", "flat", "von-mises-fisher", "learnt-spread"}
    region, background, most
        Of `sample_steps`; all of the embedding if no region is given.
    components : PrincipalComponents, optional
        Found before, lest the points move when only the labels have changed.

    Raises
    ------
    ValueError
        If the labels do not cover the embedding, or there is nothing to be sampled.
    """
    spatial = prediction.embedding.shape[1:]
    if labels.shape != spatial:
        raise ValueError(
            f"the labels must cover the embedding, {spatial}, but have the shape "
            f"{labels.shape}: segment the image again"
        )
    region = region or tuple((0, n) for n in spatial)
    sample = yield from sample_steps(
        labels, region, most, background, prediction.offset, prediction.image_shape
    )
    yield Progress(0, 0, stage="projecting")
    rows = _rows_at(prediction.embedding, sample.pixels, region)
    components = components or PrincipalComponents.of(rows, kernel)
    return Projection(
        components, sample, components.place(rows), components.place(modes),
        components.outlines(modes, bandwidth), components.nearest(rows, modes),
        region, background,
    )  # fmt: skip


def _rows_at(
    embedding: Any, pixels: NDArray[np.int64], region: Region
) -> NDArray[np.float64]:
    """Return the embedding of pixels, (points, channels), read slab by slab."""
    rows = np.empty((len(pixels), len(embedding)))
    for part in slabs(region, CHUNK):
        first = part[0]
        here = (pixels[:, 0] >= first.start) & (pixels[:, 0] < first.stop)
        values = np.asarray(embedding[(slice(None), first)])
        at = (pixels[here, 0] - first.start, *pixels[here, 1:].T)
        rows[here] = values[(slice(None), *at)].T
    return rows
