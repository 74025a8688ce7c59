"""The spatial loss: every pixel points to the middle of its object."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.ndimage import find_objects
from torch import Tensor

from napari_shiftseg.embeddings.kinds import UNIT
from napari_shiftseg.geometry.tiling import widened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_shiftseg.embeddings.kinds import Kind
    from napari_shiftseg.geometry.tiling import Box


class SpatialTerms(NamedTuple):
    """The terms of the spatial loss, scalars."""

    overlap: Tensor
    middle: Tensor
    spread: Tensor


@dataclass(frozen=True)
class SpatialLoss:
    r"""Loss of offsets and spreads of one image, both learnt from the masks alone.

    A pixel i at :math:`x_i` points to :math:`e_i = x_i + o_i`. Object k claims it with

    .. math::

        \phi_k(e_i) = \exp\Bigl(
            -\frac{\lVert e_i - C_k \rVert^2}{2 \sigma_k^2} \Bigr)
        \qquad C_k = \frac1{N_k} \sum_{i \in k} e_i
        \qquad \log \sigma_k = \frac1{N_k} \sum_{i \in k} s_i

    and what it claims by more than one half is to be its mask:

    .. math::

        L = \frac1K \sum_k \Bigl[ \mathrm{Lov\acute{a}sz}(2\phi_k - 1, [i \in k])
            + \frac\gamma{N_k} \sum_{i \in k} \frac{\lVert e_i - M_k \rVert}{r_k}
            + \frac\beta{N_k} \sum_{i \in k} (s_i - \log\sigma_k)^2 \Bigr]

    with the Lovász hinge, a convex bound of 1 − IoU. The second term draws the places
    to the middle of the mask, :math:`M_k = \frac1{N_k} \sum_{i \in k} x_i`, in units of
    its size, :math:`r_k = \frac12 \sqrt[d]{N_k}`; the first alone is content for long
    with places that lie as far apart as the pixels do. An object that the border of the
    window cuts has no such term: where its middle is, it does not show.

    Parameters
    ----------
    middle_weight : float
        :math:`\gamma`: how much places are drawn to the middle; 0 leaves the loss of
        the reference.
    spread_weight : float
        :math:`\beta`: how alike the spreads of an object are.
    reach : int
        Pixels about an object that it is compared with; those farther away are far
        from its middle, too.
    least : int
        Pixels of an object; what the border of a window leaves of a smaller one says
        nothing of its middle.

    References
    ----------
    Neven et al., CVPR 2019, "Instance Segmentation by Jointly Optimizing Spatial
    Embeddings and Clustering Bandwidth", eqs. 3-8; Berman et al., CVPR 2018 (Lovász
    hinge).
    """

    name: ClassVar[str] = "spatial"
    kind: ClassVar[Kind] = "spatial"
    term_names: ClassVar[tuple[str, ...]] = SpatialTerms._fields
    background: ClassVar[bool] = False  # is no object: it has no middle
    middle_weight: float = 1.0
    spread_weight: float = 2.0
    reach: int = 24
    least: int = 5

    def __post_init__(self) -> None:
        weights = self.middle_weight, self.spread_weight
        if min(self.reach, *weights) < 0 or self.least < 1:
            raise ValueError(
                f"the spatial loss needs weights and a reach of 0 or more and objects "
                f"of 1 pixel or more, got {weights[0]}, {weights[1]}, {self.reach} and "
                f"{self.least}"
            )

    def __call__(self, outputs: Tensor, labels: Tensor) -> Tensor:
        r"""Return the loss of one image, a scalar; see `terms`."""
        return self.total(*self.terms(outputs, labels))

    def total(self, overlap: Tensor, middle: Tensor, spread: Tensor) -> Tensor:
        """Add up the terms.

        Parameters
        ----------
        overlap, middle, spread : Tensor
            Scalars; see `terms`.
        """
        return overlap + self.middle_weight * middle + self.spread_weight * spread

    def terms(self, outputs: Tensor, labels: Tensor) -> SpatialTerms:
        r"""Return the terms, means over objects; 0 for an image without one.

        Parameters
        ----------
        outputs : Tensor
            (ndim + 1, \*spatial): offsets and the logarithm of the spread, in units of
            8 pixels.
        labels : Tensor of int
            (\*spatial); pixels below 0 count for nothing.
        """
        places = placed(outputs)
        each = [
            self._terms_of(places[:, *seen.box], outputs[-1][seen.box], labels, seen)
            for seen in _objects(labels, self.reach)
            if seen.pixels >= self.least
        ]
        if not each:
            return SpatialTerms(*(outputs.sum() * 0,) * 3)
        return SpatialTerms(
            *(torch.stack(term).mean() for term in zip(*each, strict=True))
        )

    def _terms_of(
        self, places: Tensor, spreads: Tensor, labels: Tensor, seen: _Object
    ) -> SpatialTerms:
        """Return the terms of one object, from the pixels of its box."""
        there = labels[seen.box]
        own, known = there == seen.number, there >= 0
        claimed, spread = _claim(places, spreads, own)
        return SpatialTerms(
            lovasz_hinge(2 * claimed[known] - 1, own[known]),
            _from_middle(places, own, seen.box) if seen.whole else spread * 0,
            (spreads[own] - spread.detach()).square().mean(),
        )


def placed(outputs: Tensor) -> Tensor:
    r"""Return where the pixels of a window point to, in pixels of it.

    (ndim + 1, \*spatial) → (ndim, \*spatial); see `embedded`.
    """
    axes = [torch.arange(n).to(outputs) for n in outputs.shape[1:]]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")) + UNIT * outputs[:-1]


class _Object(NamedTuple):
    """An object of a window."""

    number: int
    pixels: int
    box: Box  # about it, as far as the loss reaches
    whole: bool  # whether it lies clear of the border of the window


def _objects(labels: Tensor, reach: int) -> Iterator[_Object]:
    """Yield the objects of a window."""
    image = labels.cpu().numpy().clip(0)
    ids, index, counts = np.unique(image, return_inverse=True, return_counts=True)
    boxes = find_objects(index.reshape(image.shape) + 1)
    for number, count, box in zip(ids.tolist(), counts, boxes, strict=True):
        if number and box is not None:
            whole = all(
                part.start > 0 and part.stop < size
                for part, size in zip(box, image.shape, strict=True)
            )
            yield _Object(number, int(count), widened(box, reach, image.shape), whole)


def _from_middle(places: Tensor, own: Tensor, box: Box) -> Tensor:
    """Return how far from the middle of a mask its places lie, in units of its size."""
    pixels = own.nonzero().to(places)
    corner = pixels.new_tensor([part.start for part in box])
    middle, size = corner + pixels.mean(0), len(pixels) ** (1 / own.ndim) / 2
    apart: Tensor = (places[:, own] - middle[:, None]).norm(dim=0).mean() / size
    return apart


def _claim(places: Tensor, spreads: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return :math:`\phi` of a box of pixels, (\*box), and the spread behind it."""
    middle, spread = places[:, own].mean(1), spreads[own].mean()
    squares = (places - middle.reshape(-1, *(1,) * own.ndim)).square().sum(0)
    return torch.exp(-squares / 2 * torch.exp(-2 * (spread + log(UNIT)))), spread


def lovasz_hinge(scores: Tensor, target: Tensor) -> Tensor:
    r"""Return the Lovász hinge of one mask, a convex bound of 1 − IoU, a scalar.

    Parameters
    ----------
    scores : Tensor
        (pixels,); above 0 a pixel is thought to be in the mask.
    target : Tensor of bool
        (pixels,), the mask.

    References
    ----------
    Berman et al., CVPR 2018, "The Lovász-Softmax loss", algorithm 1.
    """
    truth = target.to(scores)
    errors, order = torch.sort(1 - scores * (2 * truth - 1), descending=True)
    sorted_truth = truth[order]
    left = sorted_truth.sum() - sorted_truth.cumsum(0)
    union = sorted_truth.sum() + (1 - sorted_truth).cumsum(0)
    loss = 1 - left / union
    gains = torch.diff(loss, prepend=loss.new_zeros(1))
    return errors.relu() @ gains
