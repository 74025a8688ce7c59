"""The unit sphere, and what has no direction."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_shiftseg.clustering.kernels import Frame, on_sphere

POINTS = np.array([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0], [1e-200, 0.0]])
UNIT = np.array([[0.6, 0.8], [0.0, 0.0], [0.0, -1.0], [0.0, 0.0]])


class TestSphere:
    @pytest.mark.parametrize("of", [np.asarray, torch.tensor])
    def test_what_has_no_direction_goes_to_the_centre(self, of) -> None:
        points = of(POINTS)
        np.testing.assert_allclose(np.asarray(on_sphere(points)), UNIT, rtol=1e-15)
        np.testing.assert_array_equal(np.asarray(points), POINTS)  # is as it was

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_along_another_axis_in_the_same_precision(self, rng, dtype) -> None:
        embedding = rng.normal(size=(5, 3, 4)).astype(dtype)
        embedding[:, 1, 2] = 0
        unit = on_sphere(embedding, 0)
        assert unit.dtype == dtype
        length = np.linalg.norm(unit, axis=0)
        assert length[1, 2] == 0
        length[1, 2] = 1
        np.testing.assert_allclose(length, 1, rtol=1e-6)
        by_row = on_sphere(torch.tensor(embedding.reshape(5, -1).T))
        np.testing.assert_allclose(
            by_row.numpy().T.reshape(unit.shape), unit, rtol=1e-6
        )

    def test_the_centre_is_1_away_from_all_of_it(self, rng) -> None:
        unit = on_sphere(rng.normal(size=(9, 4)))
        np.testing.assert_allclose(np.linalg.norm(unit - 0, axis=1), 1)

    @pytest.mark.parametrize("row", [1, 3])
    def test_the_mean_shift_refuses_it(self, row) -> None:
        frame = Frame(0.5, "von-mises-fisher", np.zeros(2), torch.device("cpu"))
        entered = frame.enter(POINTS[[0, 2]])
        np.testing.assert_allclose(entered.numpy(), UNIT[[0, 2]] / 0.5)
        with pytest.raises(ValueError, match="needs points with a direction"):
            frame.enter(POINTS[[0, row]])

    def test_gradients_go_through_and_are_0_at_the_centre(self, rng) -> None:
        points = torch.tensor(rng.normal(size=(4, 3)), requires_grad=True)
        assert torch.autograd.gradcheck(on_sphere, points)
        with_none = torch.tensor(POINTS, requires_grad=True)
        on_sphere(with_none).sum().backward()
        assert (with_none.grad[[1, 3]] == 0).all()
        assert torch.isfinite(with_none.grad).all()
        assert (with_none.grad[0] != 0).any()
