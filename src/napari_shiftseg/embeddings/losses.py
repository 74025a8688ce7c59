"""The losses: of embeddings by distance, of logits; what any loss must have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    max_pool1d,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_shiftseg.embeddings.kinds import Kind


def nearby_ids(labels: Tensor, within: int) -> tuple[Tensor, Tensor]:
    r"""Return the lowest and the highest object id near every pixel, 0 where none is.

    Near is a square (cube) of ``2 · within + 1`` pixels about the pixel. Where the two
    differ, two objects or more are near.

    Parameters
    ----------
    labels : Tensor of int
        (\*spatial); ids from 1, anything below is no object.
    within : int
        In pixels.
    """
    ids, index = torch.unique(labels.clamp(min=0), return_inverse=True)
    if ids[0] != 0:  # index 0 stands for no object
        ids, index = torch.cat([ids.new_zeros(1), ids]), index + 1
    last = len(ids)  # small numbers, exact in float32
    up = index.float()
    down = torch.where(index > 0, last - up, 0.0)
    highest, lowest = (_spread(v, within).long() for v in (up, down))
    return ids[torch.where(lowest > 0, last - lowest, 0)], ids[highest]


def between(labels: Tensor, within: int) -> Tensor:
    r"""Return where two objects or more are near a pixel, a bool for each.

    Parameters
    ----------
    labels, within
        See `nearby_ids`.
    """
    lowest, highest = nearby_ids(labels, within)
    return lowest != highest


def near_pairs(labels: Tensor, within: int) -> Tensor:
    r"""Return the pairs of objects near one pixel: (pairs, 2), the lower id first.

    Of three objects or more that are near a pixel, that pixel gives the outermost ids
    only; its neighbours give the others.

    Parameters
    ----------
    labels : Tensor of int
        (\*spatial)
    within : int
        Half the gap, in pixels, at which two objects still count as near.
    """
    lowest, highest = nearby_ids(labels, within)
    differ = lowest != highest
    pairs = torch.stack([lowest[differ], highest[differ]], dim=1)
    unique: Tensor = torch.unique(pairs, dim=0)
    return unique


def _spread(values: Tensor, within: int) -> Tensor:
    """Return the largest value near every pixel, one axis after the other."""
    for axis in range(values.ndim):
        along = values.movedim(axis, -1)
        pooled = max_pool1d(
            along.reshape(-1, 1, along.shape[-1]), 2 * within + 1, 1, within
        )
        values = pooled.reshape(along.shape).movedim(-1, axis)
    return values


class EmbeddingLoss(Protocol):
    r"""What a training needs of a loss of embeddings, of one image.

    Attributes
    ----------
    name : str
    kind : {"discriminative", "spherical", "spatial"}
        Of the embedding that it makes.
    term_names : tuple of str
        What `terms` returns.
    background : bool
        Whether label 0 is an ordinary object.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    term_names: ClassVar[tuple[str, ...]]

    @property
    def background(self) -> bool: ...  # noqa: D102
    def terms(self, outputs: Tensor, labels: Tensor) -> NamedTuple: ...  # noqa: D102
    @property
    def total(self) -> Callable[..., Tensor]: ...  # noqa: D102


class DiscriminativeTerms(NamedTuple):
    """The terms of the discriminative loss, scalars."""

    pull: Tensor
    push: Tensor
    reg: Tensor


@dataclass(frozen=True)
class DiscriminativeLoss:
    r"""Discriminative loss of one image: pull pixels to their object, push objects.

    .. math::

        L = \mathrm{pull} + \mathrm{push} + \gamma\,\mathrm{reg}

        \mathrm{pull} = \frac1C \sum_c \frac1{N_c} \sum_{i \in c}
            [\lVert e_i - \mu_c \rVert - \delta_v]_+^2

        \mathrm{push} = \frac1{|P|} \sum_{(a, b) \in P}
            [2\delta_d - \lVert \mu_a - \mu_b \rVert]_+^2

        \mathrm{reg} = \frac1C \sum_c \lVert \mu_c \rVert

    P holds all pairs of objects, as in the paper, or only those that are near each
    other: where each connected part of the foreground is clustered by itself, only
    these must differ.

    Parameters
    ----------
    pull_margin, push_margin : float
        :math:`\delta_v` and :math:`\delta_d`, in units of the embedding.
    regularization : float
        :math:`\gamma`.
    background : bool
        Whether label 0 is an ordinary object (the papers' disks) or left out.
    push_within : int, optional
        Push only objects that lie within this many pixels of one place; all pairs if
        not given. The background must be left out.

    Raises
    ------
    ValueError
        If only near objects are pushed and the background is one of them.

    References
    ----------
    De Brabandere et al. 2017, "Semantic Instance Segmentation with a Discriminative
    Loss Function", eqs. 1-4; for near pairs only: Chen et al. 2019, "Instance
    Segmentation of Biomedical Images with an Object-Aware Embedding Learned with Local
    Constraints".
    """

    name: ClassVar[str] = "discriminative"
    kind: ClassVar[Kind] = "discriminative"
    term_names: ClassVar[tuple[str, ...]] = DiscriminativeTerms._fields
    pull_margin: float = 0.0
    push_margin: float = 3.0
    regularization: float = 1e-4
    background: bool = True
    push_within: int | None = None

    def __post_init__(self) -> None:
        if self.background and self.push_within is not None:
            raise ValueError(
                "the background is near every object: leave it out of the loss "
                "(background=False), or push all pairs (push_within=None)"
            )

    def __call__(self, embedding: Tensor, labels: Tensor) -> Tensor:
        r"""Return the loss of one image, a scalar; see `terms`."""
        return self.total(*self.terms(embedding, labels))

    def total(self, pull: Tensor, push: Tensor, reg: Tensor) -> Tensor:
        """Add up the terms.

        Parameters
        ----------
        pull, push, reg : Tensor
            Scalars; see `terms`.
        """
        return pull + push + self.regularization * reg

    def terms(self, embedding: Tensor, labels: Tensor) -> DiscriminativeTerms:
        r"""Return pull, push and reg; all 0 for an image without an object.

        Parameters
        ----------
        embedding : Tensor
            (channels, \*spatial)
        labels : Tensor of int
            (\*spatial); pixels below 0 count for nothing.
        """
        seen = labels >= 0 if self.background else labels > 0
        points, flat = embedding[:, seen].T, labels[seen]  # (pixels, channels)
        if len(flat) == 0:
            nothing = embedding.sum() * 0
            return DiscriminativeTerms(nothing, nothing, nothing)
        ids, owner, sizes = torch.unique(flat, return_inverse=True, return_counts=True)
        means = points.new_zeros(len(ids), points.shape[1])
        means = means.index_add(0, owner, points) / sizes[:, None]
        return DiscriminativeTerms(
            self._pull(points, means, owner, sizes),
            self._push(means, self._pairs(ids, labels)),
            _norm(means).mean(),
        )

    def _pull(
        self, points: Tensor, means: Tensor, owner: Tensor, sizes: Tensor
    ) -> Tensor:
        excess = (_norm(points - means[owner]) - self.pull_margin).clamp(min=0) ** 2
        return (excess / sizes[owner]).sum() / len(sizes)

    def _pairs(self, ids: Tensor, labels: Tensor) -> Tensor:
        """Return the indices of the means to be pushed apart, (2, pairs)."""
        if self.push_within is None:
            return torch.triu_indices(len(ids), len(ids), 1, device=ids.device)
        pairs = near_pairs(labels, self.push_within).T.contiguous()
        return torch.searchsorted(ids, pairs)

    def _push(self, means: Tensor, pairs: Tensor) -> Tensor:
        if pairs.shape[1] == 0:
            return means.sum() * 0
        a, b = pairs
        gap = 2 * self.push_margin - _norm(means[a] - means[b])
        return gap.clamp(min=0).square().mean()


@dataclass(frozen=True)
class ForegroundLoss:
    r"""Weighted cross-entropy and Dice loss of the foreground logit z of one image.

    .. math::

        L = \alpha \biggl[
            \frac{\sum_i w_i\,\mathrm{BCE}(z_i, t_i)}{\sum_i w_i}
            + \lambda \Bigl(1 - \frac{2 \sum_i \sigma(z_i) t_i + 1}
                                     {\sum_i \sigma(z_i) + \sum_i t_i + 1}\Bigr)
            \biggr]

    The target t is 1 inside objects and 0 elsewhere; 0, too, where two objects are very
    near, so that they are components of their own wherever the network sees the line.
    Pixels near two objects weigh more (w), as in Ronneberger et al., MICCAI 2015.

    Parameters
    ----------
    edge_weight : float
        w of the pixels near two objects; that of the others is 1.
    edge_within, part_within : int
        How near, and how very near, in pixels; see `nearby_ids`.
    dice : float
        :math:`\lambda`.
    weight : float
        :math:`\alpha`, beside the discriminative loss.
    """

    edge_weight: float = 5.0
    edge_within: int = 3
    part_within: int = 1
    dice: float = 0.5
    weight: float = 1.0

    def __call__(self, logit: Tensor, labels: Tensor) -> Tensor:
        r"""Return the loss of one image, a scalar.

        Parameters
        ----------
        logit : Tensor
            (\*spatial)
        labels : Tensor of int
            (\*spatial); pixels below 0 count for nothing.
        """
        seen = (labels >= 0).to(logit)
        target = ((labels > 0) & ~between(labels, self.part_within)).to(logit)
        near_two = between(labels, self.edge_within)
        weight = torch.where(near_two, self.edge_weight, 1.0) * seen
        entropy = binary_cross_entropy_with_logits(logit, target, reduction="none")
        likely = logit.sigmoid() * seen
        overlap = (2 * (likely * target).sum() + 1) / (likely.sum() + target.sum() + 1)
        entropy = (weight * entropy).sum() / weight.sum().clamp(min=1)
        return self.weight * (entropy + self.dice * (1 - overlap))


@dataclass(frozen=True)
class ClassLoss:
    r"""Cross-entropy of the logits z of the classes of one image, inside its objects.

    .. math::

        L = -\frac{\alpha}{|S|} \sum_{i \in S}
            \log \frac{\exp z_{i k_i}}{\sum_c \exp z_{ic}}

    over the pixels S whose class k is known. What is background is for the foreground
    logit to tell.

    Parameters
    ----------
    weight : float
        :math:`\alpha`, beside the loss of the embedding.
    """

    weight: float = 1.0

    def __call__(self, logits: Tensor, classes: Tensor) -> Tensor:
        r"""Return the loss of one image, a scalar; 0 where no class is known.

        Parameters
        ----------
        logits : Tensor
            (classes, \*spatial)
        classes : Tensor of int
            (\*spatial); pixels below 0 count for nothing.
        """
        known = classes >= 0
        if not known.any():
            return logits.sum() * 0
        return self.weight * cross_entropy(logits[:, known].T, classes[known])


def _norm(vectors: Tensor) -> Tensor:
    """Length of each row; its gradient at 0 is 0, not NaN."""
    squared = vectors.square().sum(-1)
    zero = squared == 0
    return torch.where(zero, 0.0, squared.masked_fill(zero, 1.0).sqrt())
