"""The cosine margin loss against its formula, one pair of pixels at a time."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_shiftseg.embeddings.spherical import (
    CosineMarginLoss,
    calibrated_similarity,
    cosine_margin_loss,
    sum_of_cosines,
)

pytestmark = pytest.mark.usefixtures("one_thread")


def by_formula(embedding, labels, margin=0.5, background=True, size_weights=True):
    """Kong & Fowlkes 2018, section 3, with loops: pairs within, and between."""
    pixels = [
        x for x in np.argwhere(labels >= 0) if background or labels[tuple(x)] != 0
    ]
    e = [embedding[:, *x] for x in pixels]
    owner = [labels[tuple(x)] for x in pixels]
    w = [1 / owner.count(o) if size_weights else 1.0 for o in owner]
    pull = push = total = 0.0
    for i in range(len(e)):
        for j in range(len(e)):
            cosine = np.dot(e[i], e[j]) / (np.linalg.norm(e[i]) * np.linalg.norm(e[j]))
            s = (1 + cosine) / 2
            total += w[i] * w[j]
            if owner[i] == owner[j]:
                pull += w[i] * w[j] * (1 - s)
            else:
                push += w[i] * w[j] * max(s - margin, 0)
    return (pull / total, push / total) if total else (0.0, 0.0)


def terms(embedding, labels, **options):
    loss = CosineMarginLoss(**options)
    both = loss.terms(torch.tensor(embedding), torch.tensor(labels))
    return [float(t) for t in both]


@given(st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None, max_examples=60)
def test_both_terms_are_those_of_the_formula(seed, data):
    rng = np.random.default_rng(seed)
    shape = tuple(data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    embedding = rng.normal(scale=3, size=(data.draw(st.integers(1, 5)), *shape))
    labels = rng.choice([-1, 0, 1, 2, 5, 9], size=shape)
    options = {
        "margin": data.draw(st.sampled_from([0.0, 0.3, 0.5, 0.9])),
        "background": data.draw(st.booleans()),
        "size_weights": data.draw(st.booleans()),
    }
    expected = by_formula(embedding, labels, **options)
    assert terms(embedding, labels, **options) == pytest.approx(expected, abs=1e-9)
    total = CosineMarginLoss(**options)(torch.tensor(embedding), torch.tensor(labels))
    assert float(total) == pytest.approx(sum(expected), abs=1e-9)


def test_the_function_is_the_sum_over_images(rng):
    embeddings, labels = rng.normal(size=(3, 4, 5, 6)), rng.integers(-1, 3, (3, 5, 6))
    options = {"margin": 0.4, "background": False, "size_weights": False}
    each = [
        sum(by_formula(e, owner, **options))
        for e, owner in zip(embeddings, labels, strict=True)
    ]
    total = cosine_margin_loss(
        torch.tensor(embeddings), torch.tensor(labels), **options
    )
    assert float(total) == pytest.approx(sum(each), abs=1e-9)
    # ids are those of their image: as one image the sum is another
    side_by_side = by_formula(
        embeddings.swapaxes(0, 1).reshape(4, 15, 6), labels.reshape(15, 6), **options
    )
    assert sum(side_by_side) != pytest.approx(sum(each), abs=0.01)
    assert float(cosine_margin_loss(torch.zeros(0, 3, 4), torch.zeros(0, 4))) == 0


def test_two_objects_by_hand():
    # 1, 1, 2: two pixels at one place, the other at a right angle (s = ½)
    embedding, labels = [[2.0, 5.0, 0.0], [0.0, 0.0, 0.1]], [1, 1, 2]
    # of all pairs, weighted, half are between objects
    assert terms(embedding, labels, margin=0.25) == [0, 0.125]
    assert terms(embedding, labels, margin=0.5) == [0, 0]
    # every pixel alike: 4 of 9 pairs are between objects
    by_pixels = terms(embedding, labels, margin=0.25, size_weights=False)
    assert by_pixels == pytest.approx([0, 4 / 9 * 0.25])


def test_opposite_pixels_of_an_object_cost_most():
    assert terms([[1.0, -1.0]], [1, 1]) == [0.5, 0]  # half of the pairs, 1 each


def test_length_does_not_matter():
    embedding = np.random.default_rng(0).normal(size=(3, 8))
    labels = np.arange(8) % 3
    longer = embedding * np.linspace(0.1, 100, 8)
    assert terms(longer, labels) == pytest.approx(terms(embedding, labels), abs=1e-12)


def test_an_object_counts_the_same_whatever_its_size():
    few = terms([[1.0, -1.0, 1.0], [0.0, 0.0, 0.0]], [1, 1, 2])
    many = terms([[1.0, -1.0] + [1.0] * 50, [0.0] * 52], [1, 1] + [2] * 50)
    assert many == pytest.approx(few)
    every_pixel = terms(
        [[1.0, -1.0] + [1.0] * 50, [0.0] * 52], [1, 1] + [2] * 50, size_weights=False
    )
    assert every_pixel[0] < few[0] / 50


def test_the_background_is_an_object_or_is_left_out():
    embedding, labels = [[1.0, -1.0, 1.0, 1.0]], [0, 0, 1, 1]
    assert terms(embedding, labels, background=True)[0] == 0.125
    assert terms(embedding, labels, background=False) == [0, 0]


@pytest.mark.parametrize("options", [{}, {"background": False, "margin": 0.2}])
def test_the_gradient_is_that_of_finite_differences(options, rng):
    embedding = torch.tensor(rng.normal(size=(3, 3, 4)), requires_grad=True)
    labels = torch.tensor(rng.integers(-1, 3, (3, 4)))
    loss = CosineMarginLoss(**options)
    assert torch.autograd.gradcheck(lambda e: loss(e, labels), embedding)


def test_pixels_that_are_not_known_count_for_nothing(rng):
    embedding = torch.tensor(rng.normal(size=(3, 4, 4)), requires_grad=True)
    labels = torch.tensor(rng.integers(-1, 3, (4, 4)))
    CosineMarginLoss(background=False)(embedding, labels).backward()
    assert (embedding.grad[:, labels <= 0] == 0).all()
    assert (embedding.grad[:, labels > 0] != 0).any()


def test_descent_brings_objects_together_and_parts_them():
    torch.manual_seed(0)
    points = torch.randn(3, 60, requires_grad=True)
    labels = torch.arange(60) % 4
    optimizer = torch.optim.Adam([points], 0.05)
    for _ in range(300):
        optimizer.zero_grad()
        CosineMarginLoss()(points, labels).backward()
        optimizer.step()
    similarity = calibrated_similarity(points.detach().T)
    same = labels[:, None] == labels
    assert float(similarity[same].min()) > 0.99
    assert float(similarity[~same].max()) < 0.55


def test_the_bandwidth_goes_with_the_margin():
    assert CosineMarginLoss(0.5).bandwidth == pytest.approx(1 / 6)
    assert CosineMarginLoss(0.7).bandwidth == pytest.approx(0.1)


class TestFewObjects:
    """Windows with one object or none are nothing unusual."""

    def test_one_object_is_not_pushed(self, rng):
        embedding = rng.normal(size=(2, 6))
        pull, push = terms(embedding, np.ones(6, int))
        assert pull > 0
        assert push == 0

    @pytest.mark.parametrize("label", [0, -1])
    def test_none_costs_nothing_and_can_be_learnt_from(self, label):
        embedding = torch.rand(3, 4, 4, requires_grad=True)
        total = CosineMarginLoss(background=False)(embedding, torch.full((4, 4), label))
        total.backward()
        assert float(total.detach()) == 0
        assert torch.equal(embedding.grad, torch.zeros_like(embedding))

    def test_one_pixel_costs_nothing(self):
        assert terms([[3.0]], [1]) == [0, 0]


class TestNoDirection:
    """A network with biases of 0 embeds a black window as 0 in every channel."""

    def test_it_is_half_alike_to_everything(self):
        # pairs: within 1, zero with itself and with its other pixel; 1 with 2 apart
        embedding, labels = [[1.0, 0.0, -1.0]], [1, 1, 2]
        pull, push = terms(embedding, labels, margin=0.25)
        assert pull == pytest.approx(3 * (1 / 16) * 0.5)
        assert push == pytest.approx(2 * (1 / 8) * 0.25)

    def test_the_gradient_is_finite(self):
        embedding = torch.zeros(3, 5, requires_grad=True)
        CosineMarginLoss()(embedding, torch.arange(5) % 2).backward()
        assert (embedding.grad == 0).all()
        mixed = torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.0, 0.5]], requires_grad=True)
        CosineMarginLoss()(mixed, torch.tensor([1, 1, 1])).backward()
        assert (mixed.grad[:, 1] == 0).all()
        assert torch.isfinite(mixed.grad).all()
        assert (mixed.grad[:, 2] != 0).any()


class TestDrawing:
    """Of many pixels so many are drawn."""

    labels = torch.arange(400).reshape(20, 20) % 7
    embedding = torch.randn(3, 20, 20, generator=torch.Generator().manual_seed(0))

    def test_no_more_than_so_many_each_once(self):
        seen = CosineMarginLoss(most_pixels=50).pixels(self.embedding, self.labels)
        assert seen.points.shape == (50, 3)
        assert len(torch.unique(seen.points, dim=0)) == 50
        assert float(seen.weights.sum()) == pytest.approx(1)
        every = CosineMarginLoss(most_pixels=400).pixels(self.embedding, self.labels)
        assert torch.equal(every.points, self.embedding.flatten(1).T)

    def test_the_same_seed_draws_the_same_another_seed_others(self):
        loss = CosineMarginLoss(most_pixels=50)
        one, again, other = (
            float(loss(self.embedding, self.labels, seed)) for seed in (3, 3, 4)
        )
        torch.manual_seed(99)  # of the program
        assert one == again == float(loss(self.embedding, self.labels, 3))
        assert one != other

    def test_the_function_draws_anew_for_every_image(self):
        twice = torch.stack([self.embedding] * 2), torch.stack([self.labels] * 2)
        loss = CosineMarginLoss(most_pixels=50)
        expected = sum(float(loss(self.embedding, self.labels, n)) for n in (7, 8))
        total = cosine_margin_loss(*twice, most_pixels=50, seed=7)
        assert float(total) == pytest.approx(expected)

    def test_every_pixel_is_as_likely_as_the_others(self):
        number = torch.arange(400).reshape(1, 20, 20).float()
        loss = CosineMarginLoss(most_pixels=40)
        drawn = torch.cat(
            [loss.pixels(number, self.labels, seed).points for seed in range(1000)]
        )
        counts = torch.bincount(drawn.flatten().long(), minlength=400)
        assert int(counts.min()) > 60  # 100 ± 9.5
        assert int(counts.max()) < 140

    def test_on_average_it_is_the_loss_of_all(self):
        labels = torch.where(torch.arange(400) < 12, 1, 2).reshape(20, 20)  # 12 of 400
        loss = CosineMarginLoss(most_pixels=150)
        some = np.mean([float(loss(self.embedding, labels, s)) for s in range(300)])
        assert some == pytest.approx(
            float(CosineMarginLoss()(self.embedding, labels)), rel=0.03
        )


class TestRefused:
    @pytest.mark.parametrize("margin", [-0.1, 1.0, 2.0, float("nan")])
    def test_a_margin_that_is_no_similarity(self, margin):
        with pytest.raises(ValueError, match=r"from 0 to below 1, got .*0\.5"):
            CosineMarginLoss(margin)
        with pytest.raises(ValueError, match="from 0 to below 1"):
            cosine_margin_loss(torch.ones(1, 2, 3), torch.ones(1, 3), margin)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
    def test_numbers_that_are_too_coarse(self, dtype):
        name = str(dtype).removeprefix("torch.")
        with pytest.raises(ValueError, match=rf"float32 or float64.*{name}.*float\(\)"):
            CosineMarginLoss()(torch.ones(2, 3, dtype=dtype), torch.ones(3))

    def test_no_pixels(self):
        with pytest.raises(ValueError, match="1 pixel or more at most, got 0"):
            CosineMarginLoss(most_pixels=0)

    def test_shapes_that_do_not_fit(self):
        with pytest.raises(ValueError, match=r"\(2, 3\) and the labels are \(4,\)"):
            CosineMarginLoss()(torch.ones(2, 3), torch.ones(4))

    @pytest.mark.parametrize(
        ("embeddings", "labels"),
        [
            ((2, 3, 4), (1, 4)),
            ((1, 3, 5, 5), (1, 5, 4)),
            ((1, 3, 5, 5), (1, 25)),
            ((1, 3, 5, 5), (5, 5)),
            ((3, 4), (3, 4)),
            ((5,), (5,)),
            ((), ()),
        ],
    )
    def test_shapes_of_images_that_do_not_fit(self, embeddings, labels):
        said = (
            f"needs a label, but the embeddings are of shape {embeddings} and the "
            f"labels are {labels}: give (images, channels, *spatial) and (images, "
            f"*spatial)"
        )
        with pytest.raises(ValueError, match=f"{re.escape(said)}$"):
            cosine_margin_loss(torch.ones(embeddings), torch.ones(labels))

    def test_one_image_without_an_axis_of_images(self):
        embedding, labels = torch.ones(3, 5, 6), torch.ones(5, 6)
        with pytest.raises(ValueError, match=r"embedding\[None\] and labels\[None\]$"):
            cosine_margin_loss(embedding, labels)
        assert float(cosine_margin_loss(embedding[None], labels[None])) < 1e-6


@given(st.integers(0, 2**32 - 1), st.integers(1, 12), st.integers(1, 5))
@settings(deadline=None, max_examples=60)
def test_cosines_sum_to_between_0_and_all_pairs(seed, number, channels):
    points = np.random.default_rng(seed).normal(size=(number, channels))
    unit = points / np.linalg.norm(points, axis=1, keepdims=True)
    plain = sum(float(a @ b) for a in unit for b in unit)
    found = float(sum_of_cosines(torch.tensor(points)))
    assert found == pytest.approx(plain, abs=1e-9)
    assert 0 <= found <= number**2 + 1e-9
    mean = float(calibrated_similarity(torch.tensor(points)).mean())
    assert mean == pytest.approx((1 + found / number**2) / 2)
    assert mean >= 0.5 - 1e-9


def test_both_ends_of_the_sum_are_met():
    one_way = torch.tensor([[1.0, 2.0], [2.0, 4.0], [0.5, 1.0]]).double()
    assert float(sum_of_cosines(one_way)) == pytest.approx(9)
    balanced = torch.cat([torch.eye(4), -torch.eye(4)])
    assert float(sum_of_cosines(balanced)) == 0
