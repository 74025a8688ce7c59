"""The discriminative loss: pull pixels to their object's mean, push means apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class DiscriminativeLoss:
    r"""Discriminative loss of one image.

    .. math::

        L = \mathrm{pull} + \mathrm{push} + \gamma\,\mathrm{reg}

        \mathrm{pull} = \frac1C \sum_c \frac1{N_c} \sum_{i \in c}
            [\lVert e_i - \mu_c \rVert - \delta_v]_+^2

        \mathrm{push} = \frac1{C(C-1)} \sum_{a \ne b}
            [2\delta_d - \lVert \mu_a - \mu_b \rVert]_+^2

        \mathrm{reg} = \frac1C \sum_c \lVert \mu_c \rVert

    Parameters
    ----------
    pull_margin, push_margin : float
        :math:`\delta_v` and :math:`\delta_d`, in units of the embedding.
    regularization : float
        :math:`\gamma`.
    background : bool
        Whether label 0 is an ordinary object (the papers' disks) or left out.

    References
    ----------
    De Brabandere et al. 2017, "Semantic Instance Segmentation with a Discriminative
    Loss Function", eqs. 1-4.
    """

    pull_margin: float = 0.0
    push_margin: float = 3.0
    regularization: float = 1e-4
    background: bool = True

    def __call__(self, embedding: Tensor, labels: Tensor) -> Tensor:
        r"""Return the loss of one image, a scalar.

        Parameters
        ----------
        embedding : Tensor
            (channels, \\*spatial)
        labels : Tensor of int
            (\\*spatial)
        """
        pull, push, reg = self.terms(embedding, labels)
        return pull + push + self.regularization * reg

    def terms(self, embedding: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return pull, push and reg; all 0 for an image without an object."""
        points = embedding.flatten(1).T  # (pixels, channels)
        flat = labels.flatten()
        if not self.background:
            points, flat = points[flat > 0], flat[flat > 0]
        if len(flat) == 0:
            nothing = embedding.sum() * 0
            return nothing, nothing, nothing
        _, owner, sizes = torch.unique(flat, return_inverse=True, return_counts=True)
        means = points.new_zeros(len(sizes), points.shape[1])
        means = means.index_add(0, owner, points) / sizes[:, None]
        return (
            self._pull(points, means, owner, sizes),
            self._push(means),
            _norm(means).mean(),
        )

    def _pull(
        self, points: Tensor, means: Tensor, owner: Tensor, sizes: Tensor
    ) -> Tensor:
        excess = (_norm(points - means[owner]) - self.pull_margin).clamp(min=0) ** 2
        return (excess / sizes[owner]).sum() / len(sizes)

    def _push(self, means: Tensor) -> Tensor:
        if len(means) < 2:
            return means.sum() * 0
        a, b = torch.triu_indices(len(means), len(means), 1, device=means.device)
        gap = 2 * self.push_margin - _norm(means[a] - means[b])
        return gap.clamp(min=0).square().mean()


def _norm(vectors: Tensor) -> Tensor:
    """Length of each row; its gradient at 0 is 0, not NaN."""
    squared = vectors.square().sum(-1)
    zero = squared == 0
    return torch.where(zero, 0.0, squared.masked_fill(zero, 1.0).sqrt())
