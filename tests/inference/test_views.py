"""Views against flips and turns made by hand, of copies of the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg.geometry.tiling import plan_tiles
from napari_shiftseg.inference.predict import embed, embed_steps, open_for
from napari_shiftseg.inference.views import check_turns
from napari_shiftseg.progress import Returning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_shiftseg.networks.unet import UNet

    Make = Callable[..., UNet]
    Act = Callable[[NDArray[Any]], NDArray[Any]]

EXACT = 1e-10
KINDS = ("discriminative", "spherical", "spatial")
pytestmark = pytest.mark.usefixtures("one_thread")


def made(small_model: Make, kind: str, ndim: int = 2, **more: Any) -> UNet:
    channels = ndim + 1 if kind == "spatial" else 5
    options = {"embedding": kind, "embedding_channels": channels, "foreground": True}
    return small_model(ndim, 2, 4 if ndim < 3 else 2, **options | more)


def acts(views: int) -> Iterator[Act]:
    """Flips and turns of the last two axes; those of 8 are the turns, and mirrored."""
    if views == 8:
        for k in range(4):
            yield lambda x, k=k: np.rot90(x, k, (-2, -1))
            yield lambda x, k=k: np.rot90(x[..., ::-1], k, (-2, -1))
        return
    yield lambda x: x
    yield lambda x: x[..., ::-1]
    if views == 4:
        yield lambda x: x[..., ::-1, :]
        yield lambda x: np.rot90(x, 2, (-2, -1))


def predicted(image: NDArray[Any], model: UNet, **how: Any) -> NDArray[Any]:
    """All that is predicted, in float64: the embedding, then the logit."""
    plan = plan_tiles(
        image.shape, model.shape, how.get("window"), how.get("stitching", "cropped"),
        region=how.get("region"),
    )  # fmt: skip
    steps = Returning(
        embed_steps(
            open_for(image, model), model, plan, "cpu",
            how.get("precision", "float64"), views=how.get("views", 1),
        )
    )  # fmt: skip
    for _ in steps:
        pass
    return steps.value[0]


def by_hand(
    image: NDArray[Any], model: UNet, views: int
) -> tuple[list[NDArray[Any]], Any, Any]:
    """Coordinates of each view, and the means of log spread and logit.

    Each act moves a grid of pixel numbers and of coordinates along with the image: so
    pixels find back, and a place is mapped by the affine map that moved coordinates.
    """
    is_spatial, shape = model.config.embedding == "spatial", image.shape
    numbers = np.arange(image.size).reshape(shape)
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij")).astype(float)
    each, spreads, logits = [], [], []
    for act in acts(views):
        raw = predicted(np.ascontiguousarray(act(image)), model, stitching="whole")
        back = np.argsort(act(numbers).ravel())
        raw = raw.reshape(len(raw), -1)[:, back].reshape(len(raw), *shape)
        if is_spatial:
            moved = act(grid)
            corner = moved[(slice(None), *(0,) * image.ndim)]
            steps = np.stack(
                [
                    moved[(slice(None), *np.eye(image.ndim, dtype=int)[axis])] - corner
                    for axis in range(image.ndim)
                ],
                axis=1,
            )
            place = np.tensordot(steps, raw[: image.ndim], 1)
            raw[: image.ndim] = place + corner.reshape(-1, *(1,) * image.ndim)
            spreads.append(raw[-2])
        each.append(raw[: -2 if is_spatial else -1])
        logits.append(raw[-1])
    return each, sum(spreads) / views, sum(logits) / views


def squares(embedding: NDArray[Any], pairs: NDArray[np.intp]) -> NDArray[Any]:
    flat = embedding.reshape(len(embedding), -1)
    return ((flat[:, pairs[0]] - flat[:, pairs[1]]) ** 2).sum(axis=0)


def difference(a: NDArray[Any], b: NDArray[Any]) -> float:
    assert a.shape == b.shape
    return float(abs(a - b).max() / abs(b).max())


def views_of(ndim: int) -> tuple[int, ...]:
    return (2,) if ndim == 1 else (2, 4, 8)


class TestAverage:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize(
        ("shape", "views"),
        [((37,), 2), ((23, 18), 2), ((23, 18), 4), ((23, 18), 8), ((5, 13, 9), 8)],
    )
    def test_distances_and_logits_are_means(
        self, small_model: Make, rng, kind: str, shape: Any, views: int
    ) -> None:
        model, image = made(small_model, kind, len(shape)), rng.normal(size=shape)
        each, spread, logit = by_hand(image, model, views)
        assert len(each) == views
        found = predicted(image, model, window=8, views=views)
        assert difference(found[-1], logit) < EXACT
        own = found[: views * len(each[0])]
        if kind == "spatial":
            assert len(found) == len(own) + 2
            assert difference(found[-2], spread) < EXACT
        pairs = rng.integers(image.size, size=(2, 500))
        means = np.mean([squares(one, pairs) for one in each], axis=0)
        assert difference(squares(own, pairs), means) < EXACT
        alone = squares(each[0], pairs)
        assert difference(alone, means) > 1e-3

    @pytest.mark.parametrize("kind", KINDS)
    def test_the_first_view_is_the_image(
        self, small_model: Make, rng, kind: str
    ) -> None:
        model, image = made(small_model, kind), rng.normal(size=(23, 18))
        once = embed(image, model, 8, precision="float64")
        found = embed(image, model, 8, precision="float64", views=4)
        own = len(once) - (kind == "spatial")
        assert len(found) == 4 * own + (kind == "spatial")
        np.testing.assert_array_equal(found[:own] * 2, once[:own])

    def test_one_view_is_what_it_was(self, small_model: Make, rng) -> None:
        model, image = made(small_model, "spatial"), rng.normal(size=(23, 18))
        np.testing.assert_array_equal(
            embed(image, model, 8, views=1), embed(image, model, 8)
        )


class TestExact:
    """Grids of all views are anchored to the image as a whole."""

    @pytest.mark.parametrize("region", [None, ((9, 22), (11, 29))])
    @pytest.mark.parametrize("views", [2, 4, 8])
    @pytest.mark.parametrize("kind", KINDS)
    def test_cropped_is_whole_and_naive_is_not(
        self, small_model: Make, rng, kind: str, views: int, region: Any
    ) -> None:
        model, image = made(small_model, kind), rng.normal(size=(45, 31))
        how = {"views": views, "region": region}
        everything = predicted(image, model, stitching="whole", views=views)
        plan = plan_tiles(image.shape, model.shape, 8, region=region)
        expected = everything[(slice(None), *plan.slices)]
        for stitching, window in (
            ("whole", None),
            ("cropped", (8, 12)),
            ("cropped", 5),
        ):
            e = predicted(image, model, stitching=stitching, window=window, **how)
            assert difference(e, expected) < EXACT
        naive = predicted(image, model, stitching="naive", window=7, **how)
        assert difference(naive, expected) > 1e-3

    @pytest.mark.parametrize(("shape", "views"), [((61,), 2), ((5, 13, 9), 8)])
    def test_of_other_dimensions(
        self, small_model: Make, rng, shape: Any, views: int
    ) -> None:
        model = made(small_model, "spatial", len(shape))
        image = rng.normal(size=shape)
        whole = predicted(image, model, stitching="whole", views=views)
        cropped = predicted(image, model, window=4, views=views)
        assert difference(cropped, whole) < EXACT

    def test_same_padding(self, small_model: Make, rng) -> None:
        model = made(small_model, "discriminative", padding="same")
        image = rng.normal(size=(33, 46))
        whole = predicted(image, model, stitching="whole", views=8)
        cropped = predicted(image, model, window=8, views=8)
        assert difference(cropped, whole) < EXACT

    def test_several_channels_in(self, small_model: Make, rng) -> None:
        model = made(small_model, "spherical", in_channels=2)
        image = rng.normal(size=(2, 31, 26))
        whole = embed(image, model, stitching="whole", precision="float64", views=8)
        cropped = embed(image, model, 8, precision="float64", views=8)
        assert whole.shape == (40, 31, 26)
        assert difference(cropped, whole) < EXACT


class TestTurned:
    @pytest.mark.parametrize(
        ("precision", "most"), [("float64", EXACT), ("float32", 1e-6)]
    )
    @pytest.mark.parametrize("kind", KINDS)
    def test_of_a_turned_image_it_is_the_turned_result(
        self, small_model: Make, rng, kind: str, precision: str, most: float
    ) -> None:
        model, image = made(small_model, kind), rng.normal(size=(33, 26))
        how = {"views": 8, "window": 8, "precision": precision}
        found = predicted(image, model, **how)
        turned = predicted(np.rot90(image).copy(), model, **how)
        turned = np.rot90(turned, -1, (1, 2))
        assert difference(turned[-1], found[-1]) < most
        own = 8 * (2 if kind == "spatial" else 5)
        pairs = rng.integers(image.size, size=(2, 500))
        one, two = squares(turned[:own], pairs), squares(found[:own], pairs)
        assert difference(one, two) < 10 * most  # a float32 place has 2 digits less
        assert difference(turned[own:], found[own:]) < most

    def test_of_four_views_it_is_not(self, small_model: Make, rng) -> None:
        model, image = made(small_model, "discriminative"), rng.normal(size=(33, 26))
        found = predicted(image, model, views=4)[-1]
        turned = predicted(np.rot90(image).copy(), model, views=4)[-1]
        assert difference(np.rot90(turned, -1), found) > 1e-3
        half = predicted(np.rot90(image, 2).copy(), model, views=4)[-1]
        assert difference(np.rot90(half, 2), found) < EXACT


class TestOneRun:
    def test_a_region_reads_only_what_is_near(
        self, small_model: Make, lazy: Any
    ) -> None:
        image = lazy((10**6, 10**6 + 3))
        region = ((500_003, 500_040), (700_001, 700_030))
        e = embed(image, small_model(2, 2), 8, region=region, views=8)
        assert e.shape == (24, 40, 32)
        for box in image.boxes:
            for axis, (start, stop) in zip(box, region, strict=True):
                assert axis.start >= start - 20 - 4 - 12  # context/2, periods, a tile
                assert axis.stop <= stop + 20 + 4 + 12

    @pytest.mark.parametrize("region", [None, ((9, 22), (11, 29))])
    def test_progress_counts_the_tiles_of_all_views(
        self, small_model: Make, rng, region: Any
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        plan = plan_tiles(image.shape, model.shape, 8, region=region)
        opened = open_for(image, model)
        seen = list(dict.fromkeys(embed_steps(opened, model, plan, batch=1, views=8)))
        assert len({step.total for step in seen}) == 1
        assert [s.done for s in seen if s.done] == list(range(1, seen[0].total + 1))
        assert seen[0].total >= 8 * len(plan)

    def test_closing_in_a_later_view(
        self, small_model: Make, rng, limit_memory
    ) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        plan, came = plan_tiles(image.shape, model.shape, 8), limit_memory(10**9)
        steps = embed_steps(open_for(image, model), model, plan, batch=1, views=8)
        while next(steps).done < 3 * len(plan) + 2:
            pass
        steps.close()
        assert len(came) == 3 * len(plan) + 2

    @pytest.mark.filterwarnings("ignore:out of memory")
    def test_smaller_tiles_and_on(self, small_model: Make, rng, limit_memory) -> None:
        model, image = small_model(2, 2), rng.normal(size=(31, 42))
        expected = embed(image, model, 32, precision="float64", views=8)
        came = limit_memory(60**2)
        e = embed(image, model, 32, precision="float64", views=8)
        assert difference(e, expected) < EXACT
        assert sum(n > 60**2 for n in came) <= 4  # not once a view

    def test_smaller_tiles_in_the_midst(
        self, small_model: Make, rng, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A view that is begun again is not counted twice."""
        model, image = made(small_model, "spatial"), rng.normal(size=(31, 42))
        expected = predicted(image, model, window=16, views=4)
        forward, calls = type(model).forward, []

        def full_at_last(self: UNet, x: Any) -> Any:
            calls.append(len(x))
            if len(calls) == 10:  # in the second view of 6 tiles each
                raise MemoryError
            return forward(self, x)

        monkeypatch.setattr(type(model), "forward", full_at_last)
        plan = plan_tiles(image.shape, model.shape, 16)
        steps = Returning(
            embed_steps(
                open_for(image, model), model, plan, "cpu", "float64", 1, views=4
            )
        )
        notes = [step.note for step in steps if step.note]
        found, carried_out, _ = steps.value
        assert any("tiles now keep" in note for note in notes)
        assert max(carried_out.window) < 16
        assert difference(found, expected) < EXACT

    def test_written_into_a_store(self, small_model: Make, rng, tmp_path) -> None:
        zarr = pytest.importorskip("zarr")
        model, image = made(small_model, "discriminative"), rng.normal(size=(31, 42))
        plan = plan_tiles(image.shape, model.shape, 8)
        out = zarr.create_array(
            tmp_path / "e.zarr", shape=(41, 31, 42), chunks=(5, 8, 8), dtype="f4"
        )
        for _ in embed_steps(open_for(image, model), model, plan, out=out, views=8):
            pass
        expected = predicted(image, model, window=8, precision="float32", views=8)
        np.testing.assert_array_equal(out[:], expected)


class TestRefused:
    @pytest.mark.parametrize("views", [0, 3, 16, -1, 2.5, "8", None])
    def test_any_other_number(self, small_model: Make, views: Any) -> None:
        with pytest.raises(ValueError, match=f"must be 1, 2, 4 or 8, got {views!r}"):
            embed(np.zeros((31, 42)), small_model(2, 2), 8, views=views)

    @pytest.mark.parametrize("views", [4, 8])
    def test_more_than_two_of_one_axis(self, small_model: Make, views: int) -> None:
        with pytest.raises(ValueError, match=f"views={views}: take 1 or 2"):
            embed(np.zeros(40), small_model(1, 2), 8, views=views)

    @pytest.mark.parametrize(
        "options",
        [{"depth": (1, 2)}, {"pooling_factor": (2, 3)}, {"kernel_size": (1, 3)}],
    )
    def test_turns_of_a_model_that_differs_by_axis(
        self, small_model: Make, options: Any
    ) -> None:
        model = small_model(2, **{"depth": 1} | options)
        with pytest.raises(ValueError, match=r"same along its last two.*views=4"):
            embed(np.zeros((31, 42)), model, 12, views=8)
        assert embed(np.zeros((31, 42)), model, 12, views=4).shape[1:] == (31, 42)

    def test_planes_may_differ(self, small_model: Make) -> None:
        model = small_model(3, (1, 2, 2), 2)
        assert embed(np.zeros((3, 9, 11)), model, 4, views=8).shape[1:] == (3, 9, 11)

    @pytest.mark.parametrize("views", [2, 4, 8])
    def test_only_what_has_its_context(self, small_model: Make, views: int) -> None:
        with pytest.raises(ValueError, match=r'"valid".*take border "mirror"'):
            embed(np.zeros((67, 70)), small_model(2, 2), border="valid", views=views)

    @pytest.mark.parametrize("pixel", [(0.5, 1.0), (1.0, 0.9), (2.0, 0.5, 0.6)])
    def test_turns_of_pixels_that_are_not_square(self, pixel: Any) -> None:
        with pytest.raises(ValueError, match=r"must be square.*take views=4"):
            check_turns(8, pixel)
        check_turns(4, pixel)

    @pytest.mark.parametrize("pixel", [(), (0.5, 0.51), (2.0, 0.5, 0.5), (3.0,)])
    def test_turns_of_those_that_are_or_may_be(self, pixel: Any) -> None:
        check_turns(8, pixel)
