"""Mean shift as layers of a network: grouping on the sphere that is trained through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from napari_shiftseg.clustering.kernels import on_sphere
from napari_shiftseg.embeddings.kinds import bandwidth_for
from napari_shiftseg.embeddings.spherical import (
    CosineMarginLoss,
    CosineTerms,
    SeenPixels,
    refuse_margin,
    refuse_precision,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_POINTS = 5_000  # of which all pairs are held: 100 MB in float32
GREATEST_CONCENTRATION = 10_000.0  # weights between points 10° apart are exp(-150)
STILL = 1e-6  # a point that moves less in a loop stands


class RecurrentMeanShift(nn.Module):
    r"""Move points on the sphere to the mean of those around them, loop after loop.

    .. math::

        K = \exp(\kappa (X^\top X - 1)) \qquad D = \mathrm{diag}(K^\top 1) \qquad
        X \leftarrow \mathrm{normalise}\bigl(X (\eta K D^{-1} + (1 - \eta) I)\bigr)

    with the points in the columns of X. Each loop is Gaussian blurring mean shift with
    the von Mises-Fisher kernel: all points move at once. Of separated clusters each is
    one point after a few loops. There are no weights to learn; gradients go through
    every loop to the points at the beginning.

    The bandwidth :math:`\sigma = (1 - \alpha) / 3` goes with a margin
    :math:`\alpha`, and :math:`\kappa = 1 / \sigma^2` is 36 at a margin of 0.5 (with
    :math:`1 / \sigma` separated clusters run together). So
    ``MeanShift(kernel="von-mises-fisher", bandwidth=layer.bandwidth)`` has the same
    kernel.

    Parameters
    ----------
    margin : float
        :math:`\alpha` of the loss, from 0 to 0.97.
    step : float
        :math:`\eta`, above 0 and up to 1.
    steps : int
        Loops, from 1 upward.

    Raises
    ------
    ValueError
        If a value is out of its range, or the margin so near to 1 that the weights
        vanish.

    Notes
    -----
    All pairs of points are held, :math:`N^2` numbers, and once more on the way back;
    what a loop keeps for that is its points alone.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping", section 4.

    Examples
    --------
    >>> import torch
    >>> X = torch.tensor([[1.0, 0.1], [1.0, -0.1], [0.1, 1.0], [-0.1, 1.0]])
    >>> before, *_, after = RecurrentMeanShift()(X)
    >>> after.round(decimals=3).tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    """

    def __init__(self, margin: float = 0.5, step: float = 1.0, steps: int = 10) -> None:
        super().__init__()
        refuse_margin(margin)
        if not 0 < step <= 1:
            raise ValueError(
                f"the step must be above 0 and at most 1, got {step}: 1 moves each "
                f"point to the mean"
            )
        if steps < 1:
            raise ValueError(
                f"the grouping needs 1 loop or more, got {steps}: leave the layer out "
                f"for none"
            )
        self.margin, self.step, self.steps = margin, step, steps
        if self.concentration > GREATEST_CONCENTRATION * (1 + 1e-9):
            raise ValueError(
                f"a margin of {margin} means a concentration of "
                f"{self.concentration:,.0f}, at which the weights of all other points "
                f"vanish: take a margin of at most 0.97"
            )

    def extra_repr(self) -> str:
        """Return the settings, as torch prints them."""
        return f"margin={self.margin}, step={self.step}, steps={self.steps}"

    @property
    def bandwidth(self) -> float:
        r"""The width of the kernel :math:`\sigma`, in units of the sphere."""
        return bandwidth_for(self.margin)

    @property
    def concentration(self) -> float:
        r"""The concentration of the kernel :math:`\kappa`."""
        return (3 / (1 - self.margin)) ** 2

    def forward(self, X: Tensor) -> list[Tensor]:
        """Return the points after each loop, the input first: steps + 1 of them.

        Parameters
        ----------
        X : Tensor of float32 or float64
            (points, channels), each with a direction; length does not matter. Those
            returned are of unit length, but for the input.

        Raises
        ------
        ValueError
            If there are too many points or none, one has no direction, or they are
            float16.
        """
        points = [X, self._once(self._entered(X))]
        for _ in range(self.steps - 1):
            points.append(self._once(points[-1]))
        return points

    def _once(self, unit: Tensor) -> Tensor:
        """Carry out a loop; of what it computes nothing is kept for the way back."""
        moved: Tensor = checkpoint(
            self.loop, unit, use_reentrant=False, preserve_rng_state=False
        )
        return moved

    def loop(self, unit: Tensor) -> Tensor:
        """Return points of unit length, (points, channels), after one loop."""
        weights = torch.exp(self.concentration * (unit @ unit.T - 1))
        means = weights @ unit / weights.sum(1, keepdim=True)
        return on_sphere(self.step * means + (1 - self.step) * unit)

    def _entered(self, X: Tensor) -> Tensor:
        """Return the points on the sphere.

        Raises
        ------
        ValueError
            See `forward`.
        """
        refuse_precision(X)
        if X.ndim != 2:
            raise ValueError(
                f"the points must be (points, channels), got {tuple(X.shape)}: of an "
                f"image give embedding.flatten(1).T"
            )
        if not len(X):
            raise ValueError("the grouping needs 1 point or more, got none")
        if len(X) > MOST_POINTS:
            raise ValueError(
                f"all pairs of {len(X):,} points do not fit in memory, {MOST_POINTS:,} "
                f"points at most: draw some of them to train "
                f"(CosineMarginLoss.most_pixels), and cluster images with "
                f'MeanShift(kernel="von-mises-fisher", bandwidth={self.bandwidth:.4g}),'
                f" which samples them"
            )
        unit = on_sphere(X)
        if not unit.any(1).all():
            raise ValueError(
                f"the grouping needs points with a direction, but "
                f"{int((~unit.any(1)).sum())} of {len(X)} are 0 in every channel: "
                f"leave them out"
            )
        return unit

    @torch.no_grad()
    def converge(self, X: Tensor, most_loops: int = 300) -> Tensor:
        """Return where points stand when none moves any more, (points, channels).

        Parameters
        ----------
        X : Tensor of float32 or float64
            See `forward`.
        most_loops : int
            The end where some still move.
        """
        here = self._entered(X)
        for _ in range(most_loops):
            before, here = here, self.loop(here)
            if (here - before).abs().max() < STILL:
                break
        return here

    def labels(self, X: Tensor) -> NDArray[np.int32]:
        """Return the group of each point, (points,), from 0 in the order they appear.

        Points are of one group where they come to stand within a bandwidth of each
        other, as modes of `MeanShift` are merged.

        Parameters
        ----------
        X : Tensor of float32 or float64
            See `forward`.
        """
        ends = self.converge(X)
        near = 1 - ends @ ends.T < self.bandwidth**2 / 2  # half the squared distance
        groups: NDArray[np.int32] = connected_components(near.cpu().numpy())[1]
        return groups


@dataclass(frozen=True)
class LossOnEveryLoop(CosineMarginLoss):
    r"""Cosine margin loss of one image, on its pixels as they are and after every loop.

    .. math::

        L = \frac1{T + 1} \sum_{t=0}^{T} \ell(X^{(t)})

    The mean over loops, so that it weighs as much beside other losses however many
    loops there are. Gradients of later loops go back through the earlier ones.

    Parameters
    ----------
    margin, background, size_weights, most_pixels
        See `CosineMarginLoss`. The margin is that of the grouping, too, which takes
        5,000 pixels at most.
    step : float
        See `RecurrentMeanShift`.
    steps : int
        Loops T, from 1 upward.

    Raises
    ------
    ValueError
        If the loss sees more pixels than the grouping takes, or a value is out of its
        range.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping", section 4.
    """

    step: float = 1.0
    steps: int = 10

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.most_pixels > MOST_POINTS:
            raise ValueError(
                f"the grouping takes {MOST_POINTS:,} pixels at most, but the loss may "
                f"see {self.most_pixels:,}: lower its most_pixels"
            )
        RecurrentMeanShift(self.margin, self.step, self.steps)  # or refuses them

    @property
    def grouping(self) -> RecurrentMeanShift:
        """The loops."""
        return RecurrentMeanShift(self.margin, self.step, self.steps)

    def terms(
        self, embedding: Tensor, labels: Tensor, seed: int | None = None
    ) -> CosineTerms:
        r"""Return the terms of the loss, each the mean over the loops.

        Parameters
        ----------
        embedding, labels, seed
            See `CosineMarginLoss.terms`. A pixel of 0 in every channel has no
            direction: it stays where it is, and moves no other.
        """
        seen = self.pixels(embedding, labels, seed)
        each = [self.terms_of(points, seen) for points in self._moved(seen)]
        pulls, pushes = zip(*each, strict=True)
        return CosineTerms(torch.stack(pulls).mean(), torch.stack(pushes).mean())

    def _moved(self, seen: SeenPixels) -> list[Tensor]:
        """Return the pixels before and after every loop."""
        directed = on_sphere(seen.points.detach()).any(1)
        if directed.all():
            return self.grouping(seen.points) if len(directed) else [seen.points]
        loops = self.grouping(seen.points[directed]) if directed.any() else []
        whole = [torch.zeros_like(seen.points) for _ in loops]
        for points, moved in zip(whole, loops, strict=True):
            points[directed] = moved
        return whole or [seen.points]
