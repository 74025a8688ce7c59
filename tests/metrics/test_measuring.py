"""The table of objects against scikit-image's, whole and in blocks."""

from __future__ import annotations

import tracemalloc
import warnings
from typing import Any

import dask.array as da
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label, regionprops_table

from napari_shiftseg.metrics import label_blocks, measuring
from napari_shiftseg.metrics.label_blocks import boxes
from napari_shiftseg.metrics.measuring import measure

AXES = ("axis_major_length", "axis_minor_length")
SHAPES = (*AXES, "eccentricity")


def some_labels(seed: int, ndim: int) -> np.ndarray:
    """Objects of any form: noise, blobs in pieces, thin lines; numbers have gaps."""
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(1, 50 if ndim == 2 else 15, ndim))
    if seed % 3:
        smooth = ndimage.gaussian_filter(rng.random(shape), rng.uniform(0, 2.5))
        return 3 * label(smooth > 0.5, connectivity=int(rng.integers(1, ndim + 1)))
    return rng.integers(0, 6, shape) * rng.integers(0, 2, shape)


def by_scikit_image(
    labels: np.ndarray, image: np.ndarray, spacing: tuple[float, ...] | None
) -> dict[str, np.ndarray]:
    ndim = labels.ndim
    letters = "zyx"[-ndim:]
    wanted = ["label", "num_pixels", "centroid", "bbox", "solidity", *SHAPES[:2]]
    wanted += SHAPES[2:] if ndim == 2 else ()
    wanted += ["intensity_mean", "intensity_min", "intensity_max", "area"]
    with warnings.catch_warnings():  # flat objects have no hull in 3-D
        warnings.simplefilter("ignore")
        known = regionprops_table(labels, image, properties=wanted, spacing=spacing)
    size = spacing or (1.0,) * ndim
    table = {"label": known["label"], "area": known["num_pixels"]}
    for axis, n in enumerate(letters):
        table[f"centroid_{n}"] = known[f"centroid-{axis}"] / size[axis]
        table[f"bbox_{n}0"] = known[f"bbox-{axis}"]
        table[f"bbox_{n}1"] = known[f"bbox-{axis + ndim}"]
        if spacing:
            table[f"centroid_{n}_um"] = known[f"centroid-{axis}"]
    if spacing:
        table["area_um2" if ndim == 2 else "volume_um3"] = known["area"]
    for kind in ("mean", "min", "max"):
        table[f"{kind}_intensity"] = known[f"intensity_{kind}"]
    table["sum_intensity"] = table["mean_intensity"] * table["area"]
    shapes = {n: known[n] for n in ("solidity", *SHAPES) if n in known}
    if spacing:
        shapes |= {f"{n}_um": shapes.pop(n) for n in AXES}
        shapes |= regionprops_table(labels, properties=AXES)
    return table | shapes


@pytest.mark.parametrize("seed", range(100))
def test_it_is_what_scikit_image_measures(seed: int) -> None:
    ndim = 2 + seed % 2
    labels = some_labels(seed, ndim)
    rng = np.random.default_rng(seed)
    spacing = None if seed % 4 == 0 else tuple(rng.uniform(0.1, 3, ndim).tolist())
    image = rng.integers(0, 2**16, labels.shape).astype(np.uint16)
    if not labels.any():
        labels.flat[0] = 1
    table = measure(labels, image, spacing)
    for name, expected in by_scikit_image(labels, image, spacing).items():
        found = table[name]
        if name == "solidity" and ndim == 3:  # it has no hull of flat objects
            found, expected = (x[np.isfinite(expected)] for x in (found, expected))
        near = (
            1e-5 if name.removesuffix("_um") in SHAPES else 1e-12
        )  # it rounds λ = 0 to 1e-14, √ of it
        np.testing.assert_allclose(found, expected, 1e-9, near, err_msg=name)
    assert set(table) - set(by_scikit_image(labels, image, spacing)) == {
        "touches_border", "parts"
    }  # fmt: skip


def test_columns_stand_in_their_order() -> None:
    columns = list(measure(np.eye(4, dtype=int), np.eye(4), 0.5))
    assert columns == [
        "label", "area", "area_um2", "centroid_y", "centroid_x", "centroid_y_um",
        "centroid_x_um", "bbox_y0", "bbox_x0", "bbox_y1", "bbox_x1",
        "axis_major_length", "axis_minor_length", "axis_major_length_um",
        "axis_minor_length_um", "eccentricity", "solidity",
        "mean_intensity", "min_intensity", "max_intensity", "sum_intensity",
        "touches_border", "parts",
    ]  # fmt: skip


def test_parts_and_border_by_hand() -> None:
    labels = np.zeros((7, 9), int)
    labels[1, 1] = labels[2, 2] = 4  # two pieces: a corner does not join
    labels[4:7, 4:6] = 9
    table = measure(labels)
    assert table["parts"].tolist() == [2, 1]
    assert table["touches_border"].tolist() == [False, True]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000), ndim=st.integers(1, 3),
    pixels=st.sampled_from([1, 5, 30, 200]), in_dask=st.booleans(),
)  # fmt: skip
def test_blocks_give_what_the_whole_gives(
    seed: int, ndim: int, pixels: int, in_dask: bool
) -> None:
    labels = some_labels(seed, max(ndim, 2))
    labels = labels[:, 0] if ndim == 1 else labels
    labels = np.where(labels, labels % 7 + 1, 0)  # objects span many blocks
    image = np.random.default_rng(seed).integers(0, 999, labels.shape)
    whole = measure(labels, image, 0.5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "boxes", lambda s, c: boxes(s, c, pixels))
        chunks = tuple(max(1, n // 3) for n in labels.shape)
        given_labels = da.from_array(labels, chunks=chunks) if in_dask else labels
        parts = measure(given_labels, image, 0.5)
        assert len([*measuring.boxes(labels.shape, ())]) >= labels.size / pixels
    for name in whole:  # bit for bit
        np.testing.assert_array_equal(whole[name], parts[name], err_msg=name)


def test_float_sums_agree_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, image = some_labels(1, 2), np.random.default_rng(1).random((99, 99))
    image = image[: labels.shape[0], : labels.shape[1]]
    whole = measure(labels, image)
    monkeypatch.setattr(measuring, "boxes", lambda s, c: boxes(s, c, 20))
    parts = measure(labels, image)
    for name in ("mean_intensity", "sum_intensity"):
        np.testing.assert_allclose(whole[name], parts[name], rtol=1e-12)


def test_memory_is_that_of_a_block(tmp_path: Any) -> None:
    store = zarr.create_array(
        str(tmp_path / "a.zarr"), shape=(6000, 6000), chunks=(500, 500), dtype="i4"
    )
    disk = np.hypot(*np.mgrid[-25:25, -25:25]) < 20
    for n, at in enumerate(np.ndindex(12, 12), 1):
        place = tuple(slice(500 * i, 500 * i + 50) for i in at)
        store[place] = n * disk
    tracemalloc.start()
    table = measure(store)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(table["label"]) == 144
    assert set(table["area"]) == {np.count_nonzero(disk)}
    assert most < 1.2 * store.nbytes  # eight numbers a pixel, of a ninth of them


def test_frames_and_planes_have_objects_of_their_own() -> None:
    labels = np.zeros((2, 3, 4, 4), int)
    labels[0, 1, :2, :2], labels[1, 2, 3] = 1, 1
    table = measure(labels, axes="TPYX")
    assert {n: table[n].tolist() for n in ("label", "frame", "plane", "area")} == {
        "label": [1, 1], "frame": [0, 1], "plane": [1, 2], "area": [4, 4]
    }  # fmt: skip
    assert measure(labels)["area"].tolist() == [4, 4]  # frames of volumes
    assert "frame" in measure(labels)


def test_offset_and_unit() -> None:
    labels = np.zeros((4, 5), int)
    labels[1:3, 2:4] = 7
    table = measure(labels, spacing=(2, 3), offset=(100, 1000), unit="µm")
    first = {name: column[0] for name, column in table.items()}
    assert first["centroid_y"], first["centroid_x"] == (101.5, 1002.5)
    assert (first["centroid_y_um"], first["centroid_x_um"]) == (203, 3007.5)
    assert (first["bbox_y0"], first["bbox_x1"]) == (101, 1004)
    assert first["area_um2"] == 24
    assert not first["touches_border"]
    assert "area_nm2" in measure(labels, spacing=1, unit="nm")


@pytest.mark.parametrize("at", [0, 1, 2])
def test_channels_lie_on_any_axis(at: int) -> None:
    labels = np.array([[1, 1, 0, 2], [1, 0, 0, 2], [0, 0, 0, 2]])
    image = np.random.default_rng(0).random((2, *labels.shape))
    table = measure(labels, np.moveaxis(image, 0, at), channels=["DAPI"])
    for n, name in enumerate(("DAPI", "2")):
        alone = measure(labels, image[n])
        for kind in ("mean", "min", "max", "sum"):
            own = table[f"{kind}_intensity_{name}"]
            np.testing.assert_array_equal(own, alone[f"{kind}_intensity"])


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_an_object_of_one_pixel(ndim: int) -> None:
    labels = np.zeros((5,) * ndim, int)
    labels[(2,) * ndim] = 1
    table = {n: x[0] for n, x in measure(labels, axes="ZYX"[-ndim:]).items()}
    known = {n: table[n] for n in (*SHAPES, "solidity") if n in table}
    expected = {"axis_major_length": 0, "axis_minor_length": 0, "eccentricity": 0}
    assert known == {n: x for n, x in {**expected, "solidity": 1}.items() if n in known}
    assert len(known) == {1: 0, 2: 4, 3: 3}[ndim]


@pytest.mark.parametrize("shape", [(4, 0), (0, 4, 5), (3, 3)])
def test_no_objects(shape: tuple[int, ...]) -> None:
    for axes in (None, "TYX"[-len(shape) :]):
        table = measure(np.zeros(shape, np.uint8), np.zeros(shape), 1.0, axes=axes)
        assert {len(column) for column in table.values()} == {0}
        assert {"label", "area", "solidity", "mean_intensity"} <= set(table)


@pytest.mark.parametrize(
    ("labels", "more", "said"),
    [
        ([[0, -1]], {}, "whole numbers from 0 upward, got -1"),
        ([[0, 1.5]], {}, "whole numbers from 0 upward, got float64"),
        ([[0, 1]], {"image": np.zeros((2, 2))}, r"one shape.*\(1, 2\) and \(2, 2\)"),
        ([[0, 1]], {"image": np.zeros((1, 2), complex)}, "real numbers"),
        ([[0, 1]], {"spacing": -1}, "above 0.*got -1"),
        ([[0, 1]], {"spacing": (1, 0)}, "above 0"),
        ([[0, 1]], {"spacing": float("nan")}, "above 0"),
        ([[0, 1]], {"spacing": (1, 2, 3)}, "2 numbers above 0"),
        ([[0, 1]], {"spacing": "wide"}, "2 numbers above 0"),
        ([[0, 1]], {"axes": "QX"}, "axes must name the 2 axes"),
        ([[0, 1]], {"axes": "TTYX"}, "axes must name the 2 axes"),
        ([[0, 1]], {"offset": (1,)}, "offset must be 2 whole numbers"),
    ],
)
def test_what_cannot_be_measured_is_said(labels: Any, more: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        measure(labels, **more)


def test_blocks_follow_the_chunks_of_a_store() -> None:
    array = da.zeros((9000, 9000), chunks=(700, 700), dtype=int)
    chunk = label_blocks.chunk_of(array, 2)
    sides = {
        side.stop - side.start for box in boxes((9000, 9000), chunk) for side in box
    }
    assert max(sides) % 700 == 0
    assert label_blocks.chunk_of(np.zeros((3, 3)), 2) == ()
