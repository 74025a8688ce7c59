"""Embeddings on the sphere: how alike two are, and the loss that parts objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch
from torch import Tensor

from napari_shiftseg.clustering.kernels import on_sphere
from napari_shiftseg.embeddings.kinds import bandwidth_for

if TYPE_CHECKING:
    from napari_shiftseg.embeddings.kinds import Kind

MOST_PIXELS = 2_048  # of an image, of which all pairs are held


def calibrated_similarity(points: Tensor) -> Tensor:
    r"""Return how alike all pairs are, from 0 (opposite) to 1 (one direction).

    .. math::

        s_{ij} = \tfrac12 \left(1 + \frac{x_i \cdot x_j}
                                         {\lVert x_i \rVert \lVert x_j \rVert}\right)

    What has no direction is ½ alike to everything, see `on_sphere`.

    Parameters
    ----------
    points : Tensor of float
        (points, channels)

    Returns
    -------
    Tensor of float
        (points, points)

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping",
    section 3.
    """
    unit = on_sphere(points)
    return (1 + unit @ unit.T) / 2


def refuse_margin(margin: float) -> None:
    """Raise a ValueError unless a margin is a similarity below 1."""
    if not 0 <= margin < 1:
        raise ValueError(
            f"the margin must be a similarity from 0 to below 1, got {margin}: 0.5 "
            f"keeps objects at right angles"
        )


def refuse_precision(points: Tensor) -> None:
    """Raise a ValueError unless points are float32 or float64."""
    if points.dtype not in (torch.float32, torch.float64):
        name = str(points.dtype).removeprefix("torch.")
        raise ValueError(
            f"embeddings on the sphere need float32 or float64, in which small angles "
            f"are not lost, got {name}: call .float() on them"
        )


@dataclass(frozen=True)
class SeenPixels:
    """The pixels of an image that a loss sees.

    Attributes
    ----------
    points : Tensor
        (pixels, channels), their embeddings.
    owner : Tensor of int
        (pixels,), the object of each.
    weights : Tensor
        (pixels,), how much each counts; they sum to 1.
    """

    points: Tensor
    owner: Tensor
    weights: Tensor


class CosineTerms(NamedTuple):
    """The terms of the cosine margin loss, scalars."""

    pull: Tensor
    push: Tensor


@dataclass(frozen=True)
class CosineMarginLoss:
    r"""Cosine margin loss of one image: pixels of an object one way, objects apart.

    .. math::

        \ell = \sum_{ij} w_i w_j \begin{cases}
            1 - s_{ij} & \text{if } i, j \text{ are of the same object} \\
            [s_{ij} - \alpha]_+ & \text{if not}
        \end{cases}

    with the similarity s of `calibrated_similarity`. The weights of all pairs sum to 1;
    :math:`w_i` is proportional to 1 / (pixels of i's object in the image), so that
    every object counts alike. All pairs are held: of more than `most_pixels` pixels
    so many are drawn, each as likely as the others.

    Parameters
    ----------
    margin : float
        :math:`\alpha`, a similarity from 0 to below 1. Objects that are less alike are
        not pushed; 0.5 is a right angle. `unmet_margin` says if there is no room.
    background : bool
        Whether label 0 is an ordinary object or left out.
    size_weights : bool
        Whether every object counts alike; if not, every pixel does.
    most_pixels : int
        From 1 upward; time and memory grow with its square.

    Raises
    ------
    ValueError
        If a value is out of its range.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping",
    section 3.
    """

    name: ClassVar[str] = "cosine"
    kind: ClassVar[Kind] = "spherical"
    term_names: ClassVar[tuple[str, ...]] = CosineTerms._fields
    margin: float = 0.5
    background: bool = True
    size_weights: bool = True
    most_pixels: int = MOST_PIXELS

    def __post_init__(self) -> None:
        refuse_margin(self.margin)
        if self.most_pixels < 1:
            raise ValueError(
                f"the loss needs 1 pixel or more at most, got {self.most_pixels}: "
                f"{MOST_PIXELS:,} take 16 MiB for each matrix of their pairs"
            )

    @property
    def bandwidth(self) -> float:
        """Of the mean shift on the sphere that finds the objects."""
        return bandwidth_for(self.margin)

    def __call__(
        self, embedding: Tensor, labels: Tensor, seed: int | None = None
    ) -> Tensor:
        r"""Return the loss of one image, a scalar; see `terms`."""
        return self.total(*self.terms(embedding, labels, seed))

    def total(self, pull: Tensor, push: Tensor) -> Tensor:
        """Add up the terms.

        Parameters
        ----------
        pull, push : Tensor
            Scalars; see `terms`.
        """
        return pull + push

    def terms(
        self, embedding: Tensor, labels: Tensor, seed: int | None = None
    ) -> CosineTerms:
        r"""Return the pairs within objects and those between; 0 where there are none.

        Parameters
        ----------
        embedding : Tensor of float32 or float64
            (channels, \*spatial). A pixel of 0 in every channel is ½ alike to all
            others and learns nothing.
        labels : Tensor of int
            (\*spatial); pixels below 0 count for nothing.
        seed : int, optional
            Of the drawing of pixels; made of the labels if not given, so that each
            window of a training draws anew.

        Raises
        ------
        ValueError
            If the shapes do not fit, or the embedding is float16.
        """
        seen = self.pixels(embedding, labels, seed)
        return self.terms_of(seen.points, seen)

    def pixels(
        self, embedding: Tensor, labels: Tensor, seed: int | None = None
    ) -> SeenPixels:
        r"""Return the pixels that the loss sees.

        Parameters
        ----------
        embedding, labels, seed
            See `terms`.
        """
        refuse_precision(embedding)
        if embedding.shape[1:] != labels.shape:
            raise ValueError(
                f"each pixel needs a label, but the embedding is of shape "
                f"{tuple(embedding.shape)} and the labels are {tuple(labels.shape)}: "
                f"give (channels, *spatial) and (*spatial)"
            )
        known = labels >= 0 if self.background else labels > 0
        owner = labels[known]
        _, index, sizes = torch.unique(owner, return_inverse=True, return_counts=True)
        weights = embedding.new_ones(len(owner))
        if self.size_weights:
            weights = weights / sizes[index]
        if seed is None:
            seed = int(owner.sum()) % 2**32
        drawn = _drawn(len(owner), self.most_pixels, seed).to(owner.device)
        weights = weights[drawn]
        return SeenPixels(
            embedding[:, known][:, drawn].T, owner[drawn], weights / weights.sum()
        )

    def terms_of(self, points: Tensor, seen: SeenPixels) -> CosineTerms:
        """Return the terms of pixels that may have moved since they were drawn.

        Parameters
        ----------
        points : Tensor
            (pixels, channels), where the pixels are now.
        seen : SeenPixels
        """
        similarity = calibrated_similarity(points)
        same = seen.owner[:, None] == seen.owner
        apart = (similarity - self.margin).clamp(min=0)
        pull = seen.weights @ torch.where(same, 1 - similarity, 0.0) @ seen.weights
        push = seen.weights @ torch.where(same, 0.0, apart) @ seen.weights
        return CosineTerms(pull, push)


def _drawn(number: int, most: int, seed: int) -> Tensor:
    """Return the indices of so many at most, in order; the same on every device."""
    if number <= most:
        return torch.arange(number)
    dice = torch.Generator().manual_seed(seed)
    return torch.randperm(number, generator=dice)[:most].sort().values


def cosine_margin_loss(
    embeddings: Tensor,
    labels: Tensor,
    margin: float = 0.5,
    *,
    background: bool = True,
    size_weights: bool = True,
    most_pixels: int = MOST_PIXELS,
    seed: int = 0,
) -> Tensor:
    r"""Return the cosine margin loss, summed over images; see `CosineMarginLoss`.

    .. math::

        \ell = \sum_{\text{images}} \sum_{ij} w_i w_j \begin{cases}
            1 - s_{ij} & \text{if } i, j \text{ are of the same object} \\
            [s_{ij} - \alpha]_+ & \text{if not}
        \end{cases}
        \qquad
        s_{ij} = \tfrac12 \left(1 + \frac{x_i \cdot x_j}
                                         {\lVert x_i \rVert \lVert x_j \rVert}\right)

    The weights of the pairs of an image sum to 1. An image of one object has no pairs
    between objects, one of none costs nothing.

    Parameters
    ----------
    embeddings : Tensor of float32 or float64
        (images, channels, \*spatial)
    labels : Tensor of int
        (images, \*spatial); pixels below 0 count for nothing. Object ids are those of
        their image, never pooled.
    margin : float
        :math:`\alpha`, from 0 to below 1.
    background : bool
        Whether label 0 is an ordinary object or left out.
    size_weights : bool
        Whether :math:`w_i` is proportional to 1 / (pixels of i's object), so that
        every object counts alike; if not, every pixel does.
    most_pixels : int
        Of an image; of more so many are drawn, each as likely as the others.
    seed : int
        Of that drawing, for the first image; the next has the next.

    Returns
    -------
    Tensor
        A scalar.

    Raises
    ------
    ValueError
        If a value is out of its range, the shapes do not fit, or the embeddings are
        float16.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping",
    section 3.

    Examples
    --------
    >>> import torch
    >>> embeddings = torch.tensor([[[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    >>> float(cosine_margin_loss(embeddings, torch.tensor([[1, 1, 2]]), margin=0.25))
    0.125
    """
    _refuse_shapes(embeddings, labels)
    loss = CosineMarginLoss(margin, background, size_weights, most_pixels)
    each = [
        loss(embedding, owner, seed + number)
        for number, (embedding, owner) in enumerate(
            zip(embeddings, labels, strict=True)
        )
    ]
    return torch.stack(each).sum() if each else embeddings.sum()


def _refuse_shapes(embeddings: Tensor, labels: Tensor) -> None:
    """Raise a ValueError unless there is a label for each pixel of each image."""
    given, known = tuple(embeddings.shape), tuple(labels.shape)
    if len(given) < 2 or (given[0], *given[2:]) != known:
        of_one = len(given) > 1 and known == given[1:]
        one = "; of one image embedding[None] and labels[None]" if of_one else ""
        raise ValueError(
            f"each pixel of each image needs a label, but the embeddings are of shape "
            f"{given} and the labels are {known}: give (images, channels, *spatial) "
            f"and (images, *spatial){one}"
        )


def sum_of_cosines(points: Tensor) -> Tensor:
    r"""Return the sum over all pairs of the cosine between them, from 0 to N².

    .. math::

        0 \le \sum_{ij} x_i \cdot x_j = \Bigl\lVert \sum_i x_i \Bigr\rVert^2 \le N^2
        \qquad (\lVert x_i \rVert = 1)

    It is N² where all points have one direction, and 0 where they balance. So the mean
    similarity of all pairs, ½ (1 + this / N²), never falls below ½: a margin of ½ or
    more does not pull against the pairs within objects.

    Parameters
    ----------
    points : Tensor of float
        (N, channels), of any length above 0.

    References
    ----------
    Kong & Fowlkes 2018, "Recurrent Pixel Embedding for Instance Grouping",
    proposition 1.
    """
    return on_sphere(points).sum(0).square().sum()
