"""The discriminative loss against its formula, written out with loops."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.embeddings.losses import DiscriminativeLoss, ForegroundLoss

pytestmark = pytest.mark.usefixtures("one_thread")


def by_formula(embedding, labels, loss):
    """De Brabandere et al. 2017, eqs. 1-4, one pixel and one pair at a time."""
    objects = [
        c for c in sorted(set(labels.ravel().tolist())) if c >= (not loss.background)
    ]
    if not objects:
        return 0.0, 0.0, 0.0
    pixels = {c: [embedding[:, *x] for x in np.argwhere(labels == c)] for c in objects}
    means = {c: sum(pixels[c]) / len(pixels[c]) for c in objects}
    pull = sum(
        sum(
            max(np.linalg.norm(e - means[c]) - loss.pull_margin, 0) ** 2
            for e in pixels[c]
        )
        / len(pixels[c])
        for c in objects
    ) / len(objects)
    pairs = list(combinations(objects, 2))
    push = sum(
        max(2 * loss.push_margin - np.linalg.norm(means[a] - means[b]), 0) ** 2
        for a, b in pairs
    ) / max(len(pairs), 1)
    reg = sum(np.linalg.norm(mean) for mean in means.values()) / len(objects)
    return pull, push, reg


def terms(embedding, labels, **options):
    loss = DiscriminativeLoss(**options)
    return [float(t) for t in loss.terms(torch.tensor(embedding), torch.tensor(labels))]


@given(st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None, max_examples=60)
def test_every_term_is_that_of_the_formula(seed, data):
    rng = np.random.default_rng(seed)
    shape = tuple(data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=3)))
    embedding = rng.normal(scale=3, size=(data.draw(st.integers(1, 4)), *shape))
    labels = rng.choice([-1, 0, 1, 2, 5, 9], size=shape)
    loss = DiscriminativeLoss(
        pull_margin=data.draw(st.sampled_from([0.0, 0.5, 2.0])),
        push_margin=data.draw(st.sampled_from([0.0, 1.5, 3.0])),
        regularization=data.draw(st.sampled_from([0.0, 1e-4, 0.5])),
        background=data.draw(st.booleans()),
    )
    pull, push, reg = by_formula(embedding, labels, loss)
    mine = loss.terms(torch.tensor(embedding), torch.tensor(labels))
    total = loss(torch.tensor(embedding), torch.tensor(labels))

    assert [float(t) for t in mine] == pytest.approx([pull, push, reg], abs=1e-9)
    assert float(total) == pytest.approx(pull + push + loss.regularization * reg)


def test_two_objects_by_hand():
    # means 1 and 3, each pixel 1 away; 2·3 − 2 = 4
    pull, push, reg = terms([[0.0, 2.0, 2.0, 4.0]], [1, 1, 2, 2])
    assert (pull, push, reg) == (1, 16, 2)


def test_the_total_weighs_the_terms():
    loss = DiscriminativeLoss(regularization=0.5)
    total = loss(torch.tensor([[0.0, 2.0, 2.0, 4.0]]), torch.tensor([1, 1, 2, 2]))
    assert float(total) == 1 + 16 + 0.5 * 2


def test_the_defaults_are_those_of_the_papers_disks():
    loss = DiscriminativeLoss()
    assert (loss.pull_margin, loss.push_margin) == (0, 3)
    assert loss.regularization == 1e-4
    assert loss.background


@pytest.mark.parametrize(("margin", "pull"), [(0.25, 0.5625), (1.0, 0.0), (2.0, 0.0)])
def test_pixels_within_the_margin_are_not_pulled(margin, pull):
    assert terms([[0.0, 2.0]], [1, 1], pull_margin=margin)[0] == pull


@pytest.mark.parametrize(("margin", "push"), [(1.0, 0.0), (1.5, 1.0), (0.5, 0.0)])
def test_means_beyond_twice_the_margin_are_not_pushed(margin, push):
    # means 0 and 2
    assert terms([[0.0, 2.0]], [1, 2], push_margin=margin)[1] == push


def test_an_object_counts_the_same_whatever_its_size():
    # object 1: two pixels at ±2 of their mean; object 2: eight pixels at their mean
    embedding = [[-2.0, 2.0] + [50.0] * 8]
    pull, _, _ = terms(embedding, [1] * 2 + [2] * 8)
    assert pull == 4 / 2  # pooled over the pixels it were 8 / 10


def test_push_is_the_mean_over_pairs():
    # means 0, 1, 100: one pair of three is pushed, by 6 − 1
    _, push, _ = terms([[0.0, 1.0, 100.0]], [1, 2, 3])
    assert push == pytest.approx(25 / 3)


def test_one_object_is_not_pushed():
    assert terms([[3.0, 5.0]], [7, 7]) == [1, 0, 4]


def test_the_background_is_an_object_or_is_left_out():
    embedding, labels = [[10.0, 12.0, 0.0, 2.0]], [0, 0, 1, 1]

    assert terms(embedding, labels, background=True) == [1, 0, 6]
    assert terms(embedding, labels, background=False) == [1, 0, 1]


def test_an_image_without_an_object_costs_nothing_and_can_be_learnt_from():
    embedding = torch.rand(3, 4, 4, requires_grad=True)
    labels = torch.zeros(4, 4, dtype=torch.int64)
    total = DiscriminativeLoss(background=False)(embedding, labels)
    total.backward()

    assert float(total.detach()) == 0
    assert torch.equal(embedding.grad, torch.zeros_like(embedding))


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_neither_order_nor_numbers_of_objects_matter(seed):
    rng = np.random.default_rng(seed)
    embedding, labels = rng.normal(size=(3, 30)), rng.integers(0, 4, 30)
    order = rng.permutation(30)
    renumbered = np.array([7, 1, 40, 3])[labels]

    here = terms(embedding, labels)
    assert terms(embedding[:, order], labels[order]) == pytest.approx(here)
    assert terms(embedding, renumbered) == pytest.approx(here)


def test_two_images_in_one_are_not_the_mean_of_two():
    # what pooling object ids over a batch would do
    first, second = [[0.0, 2.0]], [[10.0, 12.0]]
    labels = [1, 1]
    apart = terms(first, labels)[0] + terms(second, labels)[0]
    pooled = terms([first[0] + second[0]], labels * 2)[0]
    assert (apart, pooled) == (2, 26)


@pytest.mark.parametrize("background", [True, False])
@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_the_gradient_is_that_of_finite_differences(background, margin):
    rng = np.random.default_rng(0)
    embedding = torch.tensor(rng.normal(size=(2, 3, 4)), requires_grad=True)
    labels = torch.tensor(rng.integers(0, 3, (3, 4)))
    loss = DiscriminativeLoss(pull_margin=margin, background=background)

    assert torch.autograd.gradcheck(lambda e: loss(e, labels), embedding)


@pytest.mark.parametrize(
    "embedding",
    [
        [[1.0, 1.0, 5.0, 5.0]],  # every pixel is its object's mean
        [[0.0, 0.0, 0.0, 0.0]],  # the means are equal, and of length 0
        [[-1.0, 1.0, -1.0, 1.0]],
    ],
)
def test_the_gradient_is_finite_where_a_length_is_zero(embedding):
    points = torch.tensor(embedding, requires_grad=True)
    DiscriminativeLoss()(points, torch.tensor([1, 1, 2, 2])).backward()
    assert torch.isfinite(points.grad).all()


def test_descent_pulls_objects_together_and_pushes_them_apart():
    torch.manual_seed(0)
    points = torch.randn(2, 60, requires_grad=True)
    labels = torch.arange(60) % 3
    optimizer = torch.optim.Adam([points], 0.1)
    loss = DiscriminativeLoss()
    for _ in range(200):
        optimizer.zero_grad()
        total = loss(points, labels)
        total.backward()
        optimizer.step()
    means = torch.stack([points.detach()[:, labels == c].mean(1) for c in range(3)])
    spread = (points.detach() - means[labels].T).norm(dim=0)

    assert float(spread.max()) < 0.1
    assert min(torch.pdist(means)) > 5.9


def test_only_near_objects_are_pushed_apart():
    #            means 0, 1 and 5; 1 and 2 are near, 3 is far from both
    embedding, labels = [[0.0, 0.0, 1.0, 9.0, 9.0, 5.0]], [1, 0, 2, 0, 0, 3]
    near = terms(embedding, labels, background=False, push_within=1)
    assert near[1] == (6 - 1) ** 2
    every = terms(embedding, labels, background=False)
    assert every[1] == pytest.approx((25 + 1 + 4) / 3)
    with pytest.raises(ValueError, match="background is near every object"):
        DiscriminativeLoss(push_within=1)


def test_pixels_beyond_the_image_count_for_nothing():
    whole = terms([[0.0, 2.0, 2.0, 4.0]], [1, 1, 2, 2])
    more = terms([[0.0, 2.0, 2.0, 4.0, 99.0]], [1, 1, 2, 2, -1])
    assert more == whole


def foreground_by_formula(logit, labels, loss):
    """The formula, one pixel at a time, in one dimension."""
    entropy, weights, likely, target = [], [], [], []
    for i in range(len(labels)):
        if labels[i] < 0:
            continue
        near, very_near = (
            {v for v in labels[max(i - r, 0) : i + r + 1] if v > 0}
            for r in (loss.edge_within, loss.part_within)
        )
        t = float(labels[i] > 0 and len(very_near) < 2)
        z = 1 / (1 + np.exp(-logit[i]))
        entropy.append(-(t * np.log(z) + (1 - t) * np.log(1 - z)))
        weights.append(loss.edge_weight if len(near) > 1 else 1.0)
        likely.append(z)
        target.append(t)
    overlap = (2 * np.dot(likely, target) + 1) / (sum(likely) + sum(target) + 1)
    mean = np.dot(weights, entropy) / sum(weights)
    return loss.weight * (mean + loss.dice * (1 - overlap))


@given(st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_the_foreground_loss_is_that_of_the_formula(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice([-1, 0, 0, 1, 1, 2, 4], size=rng.integers(1, 12))
    labels[0] = 1  # a pixel is seen
    logit = rng.normal(size=len(labels))
    loss = ForegroundLoss(
        rng.uniform(1, 9), *rng.integers(0, 3, 2).tolist(), *rng.uniform(0, 4, 2)
    )
    mine = loss(torch.from_numpy(logit), torch.from_numpy(labels))
    assert float(mine) == pytest.approx(foreground_by_formula(logit, labels, loss))


def test_gradients_are_those_of_finite_differences():
    labels = torch.tensor([[1, 1, 0, 2], [3, 1, 0, 2], [3, 3, -1, 2]])
    rng = torch.Generator().manual_seed(0)
    embedding = torch.randn(2, 3, 4, dtype=torch.float64, generator=rng)
    logit = torch.randn(3, 4, dtype=torch.float64, generator=rng)
    for loss in (
        DiscriminativeLoss(0.5, 1.5, 0.1),
        DiscriminativeLoss(0.1, 1.5, background=False, push_within=1),
    ):
        given_labels = lambda e, loss=loss: loss(e, labels)  # noqa: E731
        assert torch.autograd.gradcheck(given_labels, embedding.requires_grad_())
    foreground = ForegroundLoss()
    assert torch.autograd.gradcheck(
        lambda z: foreground(z, labels), logit.requires_grad_()
    )


LOSSES = [
    DiscriminativeLoss(),
    DiscriminativeLoss(0.5, 1.5, background=False),
    DiscriminativeLoss(0.5, 1.5, background=False, push_within=2),
    ForegroundLoss(),
]


def partly_labelled(loss) -> tuple[torch.Tensor, torch.Tensor]:
    """What the loss takes, and labels; object 2 is cut by what is not known."""
    labels = torch.tensor(
        [
            [1, 1, 0, 2, 2, -1, -1],
            [1, 1, 0, 2, 2, -1, -1],
            [0, 0, 0, 0, 3, 3, -1],
            [-1, -1, 0, 0, 3, 3, -1],
        ]
    )
    rng = torch.Generator().manual_seed(1)
    values = torch.randn(3, *labels.shape, generator=rng).double()
    return values[0] if isinstance(loss, ForegroundLoss) else values, labels


@pytest.mark.parametrize("loss", LOSSES)
def test_what_the_network_says_where_nothing_is_known_does_not_matter(loss):
    values, labels = partly_labelled(loss)
    wild = torch.where(labels < 0, 1e6, values)
    assert float(loss(wild, labels)) == float(loss(values, labels)) > 0
    assert float(loss(torch.where(labels == 2, 1.0, values), labels)) != float(
        loss(values, labels)
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_the_gradient_is_zero_where_nothing_is_known(loss):
    values, labels = partly_labelled(loss)
    values.requires_grad_()
    loss(values, labels).backward()
    assert (values.grad[..., labels < 0] == 0).all()
    assert (values.grad[..., labels == 2] != 0).any()
    assert (values.grad[..., labels == 3] != 0).any()
    only_objects = isinstance(loss, DiscriminativeLoss) and not loss.background
    assert bool((values.grad[..., labels == 0] == 0).all()) == only_objects


def test_an_object_cut_by_the_unknown_counts_with_its_known_pixels():
    # object 2 has one known pixel, at 5; the mean of 1 is 3, so push is (6 - 2)²
    cut = terms([[2.0, 4.0, 5.0, 90.0, 90.0]], [1, 1, 2, -1, -1], background=False)
    assert cut == [1 / 2, 16, 4]


def test_an_image_of_which_nothing_is_known_costs_nothing():
    labels = torch.full((3, 4), -1)
    logit = torch.randn(3, 4, requires_grad=True)
    total = ForegroundLoss()(logit, labels)
    total.backward()
    assert float(total.detach()) == 0
    assert (logit.grad == 0).all()
    assert terms(np.ones((2, 3, 4)), labels.numpy()) == [0, 0, 0]
