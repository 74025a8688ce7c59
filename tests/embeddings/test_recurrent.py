"""The loops of the mean shift on the sphere against a plain reading of the formula."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

import napari_shiftseg as shiftseg
from napari_shiftseg.embeddings.recurrent import (
    MOST_POINTS,
    LossOnEveryLoop,
    RecurrentMeanShift,
)
from napari_shiftseg.embeddings.spherical import CosineMarginLoss

pytestmark = pytest.mark.usefixtures("one_thread")


def plain(points, margin=0.5, step=1.0, steps=10, kappa=None):
    """The formula as it stands, with the points in the columns of X."""
    kappa = 9 / (1 - margin) ** 2 if kappa is None else kappa
    X = points.T
    X = X / X.norm(dim=0)
    found = []
    for _ in range(steps):
        K = torch.exp(kappa * (X.T @ X - 1))
        D = torch.diag(K.T @ torch.ones(len(points), dtype=X.dtype))
        eye = torch.eye(len(points), dtype=X.dtype)
        X = X @ (step * K @ torch.linalg.inv(D) + (1 - step) * eye)
        X = X / X.norm(dim=0)
        found.append(X.T)
    return found


def clusters(number=10, each=20, channels=8, spread=0.12, seed=0):
    """Points about directions at right angles, and the cluster of each."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.normal(size=(channels, channels)))[0]
    centres = np.concatenate([basis, -basis])[:number]
    owner = np.repeat(np.arange(number), each)
    points = centres[owner] + spread * rng.normal(size=(len(owner), channels))
    order = rng.permutation(len(owner))
    return torch.tensor(points[order]), owner[order]


def widest(points, owner) -> float:
    """The largest distance between two points of one cluster."""
    points = points.numpy()
    return max(
        np.linalg.norm(own[:, None] - own[None], axis=-1).max()
        for own in (points[owner == each] for each in np.unique(owner))
    )


@given(st.integers(0, 2**32 - 1), st.data())
@settings(deadline=None, max_examples=30)
def test_every_loop_is_that_of_the_formula(seed, data):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(rng.integers(1, 12), data.draw(st.integers(2, 6))))
    X = torch.tensor(points)
    options = {
        "margin": data.draw(st.sampled_from([0.0, 0.5, 0.8])),
        "step": data.draw(st.sampled_from([0.1, 0.5, 1.0])),
        "steps": data.draw(st.integers(1, 4)),
    }
    first, *rest = RecurrentMeanShift(**options)(X)
    expected = plain(X, **options)
    assert first is X
    assert len(rest) == len(expected) == options["steps"]
    for mine, theirs in zip(rest, expected, strict=True):
        assert torch.allclose(mine, theirs, rtol=0, atol=1e-9)


def test_the_concentration_goes_with_the_margin():
    layer = shiftseg.RecurrentMeanShift()
    assert (layer.margin, layer.step, layer.steps) == (0.5, 1.0, 10)
    assert layer.concentration == 36
    assert layer.bandwidth == pytest.approx(1 / 6)
    assert RecurrentMeanShift(0.0).concentration == 9
    assert RecurrentMeanShift(0.97).concentration == pytest.approx(10_000)
    assert not list(layer.parameters())
    assert "margin=0.5, step=1.0, steps=10" in repr(layer)


@pytest.mark.parametrize(("step", "margin"), [(1.0, 0.5), (0.3, 0.5), (1.0, 0.8)])
def test_gradients_are_those_of_the_formula(step, margin, rng):
    start = torch.tensor(rng.normal(size=(15, 4)))
    weigh = torch.tensor(rng.normal(size=(5, 15, 4)))
    grads = []
    for of in (
        lambda x: RecurrentMeanShift(margin, step, 5)(x)[1:],
        lambda x: plain(x, margin, step, 5),
    ):
        X = start.clone().requires_grad_()
        sum((w * x).sum() for w, x in zip(weigh, of(X), strict=True)).backward()
        grads.append(X.grad)
    assert float(grads[0].abs().max()) > 0.1
    assert float((grads[0] - grads[1]).abs().max()) < 1e-9
    # the control: another step has other gradients
    X = start.clone().requires_grad_()
    other = plain(X, margin, step * 0.9, 5)
    sum((w * x).sum() for w, x in zip(weigh, other, strict=True)).backward()
    assert float((grads[0] - X.grad).abs().max()) > 1e-3


def test_gradients_pass_the_check_by_finite_differences(rng):
    X = torch.tensor(rng.normal(size=(8, 3)), requires_grad=True)
    layer = RecurrentMeanShift(steps=3)
    assert torch.autograd.gradcheck(lambda x: tuple(layer(x)), X)


def test_the_way_back_keeps_no_pairs(rng):
    X = torch.tensor(rng.normal(size=(300, 4)), requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: kept.append(t.numel()) or t, lambda t: t
    ):
        RecurrentMeanShift(steps=4)(X)
    assert kept
    assert max(kept) == X.numel()


def test_separated_clusters_are_points_within_ten_loops():
    X, owner = clusters()
    before, *_, after = shiftseg.RecurrentMeanShift(margin=0.5, steps=10)(X)
    assert widest(before / before.norm(dim=1, keepdim=True), owner) > 0.5
    assert widest(after, owner) < 1e-6
    centres = torch.stack([after[owner == each][0] for each in range(10)])
    cosines = centres @ centres.T - 2 * torch.eye(10)
    assert float(cosines.max()) < 0.5  # they are still apart
    # the control: with κ = 1/σ clusters run together
    collapsed = plain(X, kappa=6.0, steps=30)[-1]
    assert len(torch.unique(collapsed.round(decimals=2), dim=0)) < 5


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("margin", [0.5, 0.7])
def test_to_the_end_it_finds_the_labels_of_mean_shift(seed, margin):
    X, owner = clusters(seed=seed, spread=0.06)
    layer = RecurrentMeanShift(margin)
    labels = layer.labels(X)
    others = shiftseg.MeanShift(
        layer.bandwidth, kernel="von-mises-fisher", device="cpu"
    ).fit(X)
    assert adjusted_rand_score(owner, labels) == 1
    assert adjusted_rand_score(others.labels_, labels) == 1
    # modes are where the points come to stand
    modes = others.cluster_centers_[others.labels_]
    assert np.abs(modes - layer.converge(X).numpy()).max() < 0.05
    # and the control: with a bandwidth far too wide all is one
    wide = shiftseg.MeanShift(1.5, kernel="von-mises-fisher", device="cpu").fit(X)
    assert adjusted_rand_score(wide.labels_, labels) == 0


def test_labels_are_numbered_as_they_appear():
    X = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.1, 1.0], [1.0, 0.1]])
    assert RecurrentMeanShift().labels(X).tolist() == [0, 1, 0, 1]


def test_the_end_comes_when_nothing_moves():
    X, _ = clusters()
    layer = RecurrentMeanShift(step=0.2)
    end = layer.converge(X)
    assert float((layer.loop(end) - end).abs().max()) < 1e-6
    one = layer.converge(X, most_loops=1)
    assert torch.allclose(one, layer(X)[1])
    assert not end.requires_grad


def test_float32_is_as_float64():
    X, owner = clusters()
    after = RecurrentMeanShift()(X.float())[-1]
    assert after.dtype == torch.float32
    assert widest(after, owner) < 1e-5


class TestLoss:
    labels = torch.arange(40).reshape(5, 8) % 3

    def image(self):
        rng = torch.Generator().manual_seed(0)
        return torch.randn(3, 5, 8, generator=rng).double()

    def test_it_is_the_mean_over_all_loops(self):
        loss = LossOnEveryLoop(0.5, step=0.7, steps=3)
        image = self.image()
        points = image.flatten(1).T
        loops = [points, *plain(points, 0.5, 0.7, 3)]
        each = [float(CosineMarginLoss(0.5)(p.T, self.labels.flatten())) for p in loops]
        assert float(loss(image, self.labels)) == pytest.approx(np.mean(each), abs=1e-9)
        assert len(set(each)) == 4
        pull, push = loss.terms(image, self.labels)
        assert float(loss.total(pull, push)) == pytest.approx(np.mean(each))

    def test_its_gradient_passes_the_check(self):
        loss = LossOnEveryLoop(0.3, steps=2)
        image = self.image().requires_grad_()
        assert torch.autograd.gradcheck(lambda e: loss(e, self.labels), image)

    def test_it_sees_the_pixels_that_the_loss_draws(self):
        loss = LossOnEveryLoop(most_pixels=10, steps=2)
        image = self.image()
        seen = loss.pixels(image, self.labels, 5)
        alone = LossOnEveryLoop(steps=2)(seen.points.T, seen.owner)
        mine = float(loss(image, self.labels, 5))
        assert mine != pytest.approx(float(alone))  # sizes are those in the image
        even = LossOnEveryLoop(most_pixels=10, size_weights=False, steps=2)
        alone = LossOnEveryLoop(size_weights=False, steps=2)
        expected = float(alone(seen.points.T, seen.owner))
        assert float(even(image, self.labels, 5)) == pytest.approx(expected)

    def test_pixels_without_a_direction_stay_and_move_no_other(self):
        image = self.image()
        image[:, 0] = 0
        image.requires_grad_()
        loss = LossOnEveryLoop(steps=2)
        total = loss(image, self.labels)
        total.backward()
        assert (image.grad[:, 0] == 0).all()
        assert torch.isfinite(image.grad).all()
        directed = image.detach()[:, 1:].flatten(1).T
        zeros = torch.zeros(8, 3).double()
        loops = [torch.cat([zeros, p]) for p in (directed, *plain(directed, steps=2))]
        each = [CosineMarginLoss()(p.T, self.labels.flatten()) for p in loops]
        mean = float(sum(each)) / 3
        assert float(total.detach()) == pytest.approx(mean, abs=1e-9)

    @pytest.mark.parametrize("label", [1, -1])
    def test_a_black_window_and_an_empty_one_teach_nothing(self, label):
        image = torch.zeros(3, 4, 4, requires_grad=True)
        total = LossOnEveryLoop()(image, torch.full((4, 4), label))
        total.backward()
        assert float(total.detach()) == (0.5 if label == 1 else 0)
        assert (image.grad == 0).all()

    def test_what_it_refuses(self):
        with pytest.raises(ValueError, match=r"5,000 pixels at most.*6,000.*lower"):
            LossOnEveryLoop(most_pixels=6_000)
        with pytest.raises(ValueError, match="1 loop or more, got 0"):
            LossOnEveryLoop(steps=0)


class TestRefused:
    @pytest.mark.parametrize("margin", [-0.5, 1.0, float("nan")])
    def test_a_margin_that_is_no_similarity(self, margin):
        with pytest.raises(ValueError, match="from 0 to below 1"):
            RecurrentMeanShift(margin)

    def test_a_margin_at_which_weights_vanish(self):
        with pytest.raises(ValueError, match=r"0\.99 .* 90,000.*vanish.*at most 0\.97"):
            RecurrentMeanShift(0.99)
        # the control: with its concentration nothing would move, and nothing be learnt
        X, _ = clusters()
        X = (X / X.norm(dim=1, keepdim=True)).float()
        stuck = plain(X, kappa=90_000.0, steps=1)[-1]
        assert torch.equal(stuck.round(decimals=5), X.round(decimals=5))

    @pytest.mark.parametrize("step", [0.0, -1.0, 1.5, float("nan")])
    def test_a_step_that_is_none(self, step):
        with pytest.raises(ValueError, match="above 0 and at most 1"):
            RecurrentMeanShift(step=step)

    def test_no_loops(self):
        with pytest.raises(ValueError, match="1 loop or more, got 0: leave the layer"):
            RecurrentMeanShift(steps=0)

    def test_more_points_than_fit(self):
        with pytest.raises(
            ValueError,
            match=r"5,001 points .*most_pixels.*MeanShift\(kernel=.von-mises-fisher., "
            r"bandwidth=0\.1667\)",
        ):
            RecurrentMeanShift()(torch.ones(MOST_POINTS + 1, 2))

    def test_no_points(self):
        for use in (RecurrentMeanShift(), RecurrentMeanShift().labels):
            with pytest.raises(ValueError, match="1 point or more, got none"):
                use(torch.empty(0, 3))

    def test_points_without_a_direction(self):
        X = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
        for use in (RecurrentMeanShift(), RecurrentMeanShift().converge):
            with pytest.raises(ValueError, match=r"2 of 3 are 0 .*leave them out"):
                use(X)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_numbers_that_are_too_coarse(self, dtype):
        with pytest.raises(ValueError, match=r"float32 or float64.*float\(\)"):
            RecurrentMeanShift()(torch.ones(3, 2, dtype=dtype))

    def test_an_image_in_place_of_points(self):
        with pytest.raises(ValueError, match=r"\(points, channels\), got \(3, 4, 4\)"):
            RecurrentMeanShift()(torch.ones(3, 4, 4))
