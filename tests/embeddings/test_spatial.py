"""The spatial loss against a plain reading of its formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_shiftseg.embeddings.kinds import UNIT
from napari_shiftseg.embeddings.spatial import SpatialLoss, lovasz_hinge

if TYPE_CHECKING:
    from numpy.random import Generator


def jaccard(wrong: set[int], mask: set[int]) -> float:
    """1 − IoU of a mask and the mask that has these pixels wrong."""
    found = mask ^ wrong
    return 1 - len(mask & found) / len(mask | found) if mask | found else 0.0


def hinge_by_hand(scores: np.ndarray, target: np.ndarray) -> float:
    """The Lovász extension of 1 − IoU: by its definition, over sorted errors."""
    errors = 1 - scores * (2 * target - 1.0)
    mask, before, total = set(np.flatnonzero(target).tolist()), 0.0, 0.0
    wrong: set[int] = set()
    for at in np.argsort(-errors, kind="stable").tolist():
        wrong.add(at)
        after = jaccard(wrong, mask)
        total += max(errors[at], 0) * (after - before)
        before = after
    return total


def by_hand(outputs: np.ndarray, labels: np.ndarray, reach: int) -> list[float]:
    """Return overlap, middle and spread, object by object and pixel by pixel."""
    overlaps, middles, spreads = [], [], []
    pixels = list(np.ndindex(labels.shape))
    place = {at: np.add(at, UNIT * outputs[:-1, *at]) for at in pixels}
    for number in set(labels[labels > 0].tolist()):
        own = [at for at in pixels if labels[at] == number]
        low, high = np.min(own, 0) - reach, np.max(own, 0) + reach
        seen = [
            at
            for at in pixels
            if (low <= at).all() and (at <= high).all() and labels[at] >= 0
        ]
        middle = np.mean([place[at] for at in own], 0)
        spread = np.mean([outputs[-1, *at] for at in own])
        sigma = UNIT * np.exp(spread)
        claimed = [
            np.exp(-((place[at] - middle) ** 2).sum() / (2 * sigma**2)) for at in seen
        ]
        target = np.array([labels[at] == number for at in seen])
        overlaps.append(hinge_by_hand(2 * np.array(claimed) - 1, target))
        spreads.append(np.mean([(outputs[-1, *at] - spread) ** 2 for at in own]))
        cut = any(0 in at or (np.add(at, 1) == labels.shape).any() for at in own)
        size = len(own) ** (1 / labels.ndim) / 2
        apart = [np.linalg.norm(place[at] - np.mean(own, 0)) / size for at in own]
        middles.append(0 if cut else np.mean(apart))
    return [float(np.mean(term)) for term in (overlaps, middles, spreads)]


@pytest.fixture
def labels() -> np.ndarray:
    image = np.zeros((14, 17), dtype=np.int64)
    image[1:6, 1:5] = 7
    image[1:6, 5:9] = 3  # touches it
    image[8:12, 3:14] = 12
    image[0:3, 11:14] = 4  # cut by the border
    image[12:, :4] = -1
    return image


def test_terms_are_those_of_the_formula(rng: Generator, labels: np.ndarray) -> None:
    outputs = rng.normal(0, 0.4, (3, *labels.shape))
    loss = SpatialLoss(reach=3, middle_weight=0.7, spread_weight=2.5)
    terms = loss.terms(torch.tensor(outputs), torch.tensor(labels))
    overlap, middle, spread = by_hand(outputs, labels, 3)
    assert float(terms.overlap) == pytest.approx(overlap, rel=1e-12)
    assert float(terms.middle) == pytest.approx(middle, rel=1e-12)
    assert float(terms.spread) == pytest.approx(spread, rel=1e-12)
    assert float(loss(torch.tensor(outputs), torch.tensor(labels))) == pytest.approx(
        overlap + 0.7 * middle + 2.5 * spread
    )


def test_it_is_0_where_every_pixel_points_to_its_middle(labels: np.ndarray) -> None:
    outputs = np.zeros((3, *labels.shape))
    outputs[-1] = np.log(0.3 / UNIT)
    grid = np.indices(labels.shape)
    for number in (3, 4, 7, 12):
        own = labels == number
        middle = grid[:, own].mean(1)[:, None]
        outputs[:2, own] = (middle - grid[:, own]) / UNIT
    terms = SpatialLoss().terms(torch.tensor(outputs), torch.tensor(labels))
    assert float(terms.overlap) < 0.02
    assert float(terms.middle) < 1e-12
    assert float(terms.spread) < 1e-20
    outputs[0] += 0.5 * rng_of(labels)
    worse = SpatialLoss().terms(torch.tensor(outputs), torch.tensor(labels))
    assert float(worse.overlap) > 0.3


def rng_of(labels: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).normal(size=labels.shape)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_any_number_of_axes(rng: Generator, ndim: int) -> None:
    labels = np.zeros((6,) * ndim, dtype=np.int64)
    labels[(slice(1, 4),) * ndim] = 1
    outputs = torch.tensor(rng.normal(size=(ndim + 1, *labels.shape)))
    terms = SpatialLoss(least=1).terms(outputs, torch.tensor(labels))
    expected = by_hand(outputs.numpy(), labels, 24)
    assert [float(term) for term in terms] == pytest.approx(expected)


def test_the_gradient_is_that_of_differences(rng: Generator, labels) -> None:
    outputs = torch.tensor(rng.normal(0, 0.4, (3, *labels.shape)), requires_grad=True)
    loss = SpatialLoss(spread_weight=0)  # the mean spread is held, as in the paper
    assert torch.autograd.gradcheck(lambda o: loss(o, torch.tensor(labels)), outputs)


def test_places_as_far_apart_as_the_pixels_are_not_enough(labels: np.ndarray) -> None:
    """The masks alone are content with them, as long as the spread is as wide."""
    outputs = torch.zeros(3, *labels.shape, dtype=torch.float64)
    outputs[-1] = np.log(2.5 / UNIT)
    outputs.requires_grad_()
    terms = SpatialLoss().terms(outputs, torch.tensor(labels))
    assert float(terms.middle.detach()) > 0.5
    (towards,) = torch.autograd.grad(terms.middle, outputs)
    grid, own = np.indices(labels.shape), labels == 12
    to_middle = grid[:, own].mean(1)[:, None] - grid[:, own]
    moved = -towards[:2].numpy()[:, own]
    there = np.linalg.norm(to_middle, axis=0) > 0
    cosine = (moved * to_middle).sum(0)[there] / (
        np.linalg.norm(moved, axis=0) * np.linalg.norm(to_middle, axis=0)
    )[there]
    assert cosine.min() > 1 - 1e-9


@pytest.mark.parametrize("number", [0, -1])
def test_an_image_without_an_object(number: int) -> None:
    outputs = torch.ones(3, 8, 8, requires_grad=True)
    labels = torch.full((8, 8), number)
    loss = SpatialLoss()(outputs, labels)
    loss.backward()
    assert float(loss.detach()) == 0
    assert outputs.grad is not None
    assert not outputs.grad.any()


def test_what_a_border_leaves_of_an_object_is_passed_over(rng: Generator) -> None:
    labels = torch.zeros(8, 8, dtype=torch.long)
    labels[0, :4] = 1
    outputs = torch.tensor(rng.normal(size=(3, 8, 8)))
    assert float(SpatialLoss(least=5)(outputs, labels)) == 0
    assert float(SpatialLoss(least=4)(outputs, labels)) > 0


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_lovasz_hinge(rng: Generator, share: float) -> None:
    scores, target = rng.normal(size=40), rng.random(40) < share
    found = lovasz_hinge(torch.tensor(scores), torch.tensor(target))
    assert float(found) == pytest.approx(hinge_by_hand(scores, target))


@pytest.mark.parametrize(
    "wrong", [{"reach": -1}, {"least": 0}, {"spread_weight": -1}, {"middle_weight": -1}]
)
def test_what_it_refuses(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="the spatial loss needs"):
        SpatialLoss(**wrong)
