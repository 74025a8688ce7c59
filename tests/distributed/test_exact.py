"""Whatever the blocks, chunks, workers and order, labels are those in memory."""

from __future__ import annotations

from hashlib import sha256

import numpy as np
import pytest
import zarr

from napari_shiftseg.clustering import stored_rows
from napari_shiftseg.distributed import spots
from napari_shiftseg.networks.config import Provenance


def sum_of(labels):
    return sha256(np.ascontiguousarray(labels, "<i4").tobytes()).hexdigest()


CASES = {
    "components": (2, (49, 61), True, {}),
    "whole image": (2, (49, 61), False, {}),
    "far parts": (2, (49, 61), False, {"split_far_parts": False}),
    "global with a foreground": (2, (49, 61), True, {"scope": "global"}),
    "one axis": (1, (300,), True, {"min_size": 1}),
    "volume": (3, (20, 26, 31), True, {}),
    "valid": (2, (49, 61), True, {"border": "valid"}),
    "views": (2, (49, 61), True, {"views": 2}),
    "watershed": (2, (49, 61), True, {"method": "watershed", "prominence": 0.2}),
    "watershed of a volume": (
        3,
        (20, 26, 31),
        True,
        {"method": "watershed", "prominence": 0.2},
    ),
    "connected parts": (2, (49, 61), True, {"method": "components"}),
    "small": (2, (3, 5), True, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_one_sum_for_all_blocks_chunks_workers_and_orders(
    case, make_stored, monkeypatch
):
    ndim, shape, foreground, settings = CASES[case]
    monkeypatch.setattr(stored_rows, "VALUES", 2000)
    stored = make_stored(shape, ndim, foreground, **settings)
    expected = stored.in_memory

    reports = [
        stored.run("a.zarr", block=1),
        stored.run("b.zarr", block=24**ndim, chunk=7, workers=2, shuffled=1),
        stored.run("c.zarr", block=10**9, chunk=100, workers=4, shuffled=2),
    ]

    assert {report["labels_sha256"] for report in reports} == {sum_of(expected.labels)}
    assert {report["objects"] for report in reports} == {expected.objects}
    assert {report["modes"] for report in reports} == {len(expected.modes)}
    for name in ("a", "b", "c"):
        np.testing.assert_array_equal(stored.labels(f"{name}.zarr"), expected.labels)
    if case != "small":
        assert reports[0]["blocks"] > reports[1]["blocks"] > reports[2]["blocks"] == 1
        assert expected.objects > 2


@pytest.mark.parametrize("min_size", [1, 6])
@pytest.mark.parametrize("by_many", [False, True], ids=["one", "many"])
@pytest.mark.parametrize("block", [1, 24**2, 10**9])
def test_tissue_is_clustered_in_the_same_neighbourhoods(
    make_stored, block, by_many, min_size, monkeypatch
):
    if by_many:
        monkeypatch.setattr(spots, "LARGE", 0)
    stored = make_stored((60, 75))
    trained = Provenance(
        command="", window=(14, 14), seed=0, steps=1, loss={}, data="", date="",
        versions={},
    )  # fmt: skip
    config = stored.model.config
    stored.model.config = config.model_copy(update={"provenance": trained})
    stored.settings["foreground_threshold"] = 0.45  # most of it is one component
    stored.settings["min_size"] = min_size
    stored.settings["bandwidth"] = 1.5 * config.clustering.bandwidth

    report = stored.run(block=block)

    expected = stored.in_memory
    assert report["labels_sha256"] == sum_of(expected.labels)
    assert report["modes"] == len(expected.modes)
    stored.model.config = config
    assert sum_of(stored.in_memory.labels) != sum_of(expected.labels)


def test_objects_lie_across_faces_of_blocks(stored):
    stored.run(block=1)

    labels = stored.labels()
    across = (labels[:, 11] > 0) & (labels[:, 11] == labels[:, 12])
    assert across.any(), "otherwise nothing would be joined"


@pytest.mark.parametrize("link", [None, True, False])
def test_planes_are_numbered_as_in_memory(make_stored, make_blobs, link):
    first, last = make_blobs((30, 33)), make_blobs((30, 33), 1)
    stack = np.stack([first, 0.5 * (first + last), last])
    stored = make_stored(stack, link_planes=link)

    report = stored.run(block=1, chunk=13)

    expected = stored.in_memory
    np.testing.assert_array_equal(stored.labels(), expected.labels)
    assert report["objects"] == expected.objects == expected.labels.max()
    said = any("cross-sections joined" in note for note in report["notes"])
    assert said == (link is not False)
    np.testing.assert_array_equal(stored.labels(level=1), expected.labels[:, ::2, ::2])


def test_a_plane_without_data_has_no_object(make_stored, make_blobs):
    image = np.stack([make_blobs((30, 33), seed) for seed in range(3)])
    image[1] = np.nan
    stored = make_stored(image)

    stored.run()

    assert not stored.labels()[1].any()
    assert stored.labels()[2].any()


def test_gradient_and_embedding_are_those_in_memory(stored):
    stored.run(kinds=("labels", "gradient", "embedding"))
    stored.run("half.zarr", kinds=("labels", "embedding"), half=True)

    expected = stored.in_memory
    read = {
        kind: zarr.open_array(str(stored.folder / "out.zarr" / kind / "0"), mode="r")[:]
        for kind in ("gradient", "embedding")
    }
    # in memory tiles are predicted together, which rounds otherwise
    np.testing.assert_allclose(read["gradient"], expected.gradient, atol=1e-5)
    np.testing.assert_allclose(read["embedding"], expected.embeddings, atol=1e-5)
    half = zarr.open_array(str(stored.folder / "half.zarr/embedding/0"), mode="r")
    assert half.dtype == np.float16
    np.testing.assert_allclose(half[:], expected.embeddings, rtol=1e-3, atol=1e-3)


def test_smaller_levels_show_every_second_pixel(stored):
    stored.run(chunk=16)

    labels = stored.labels()
    np.testing.assert_array_equal(stored.labels(level=1), labels[::2, ::2])
    np.testing.assert_array_equal(stored.labels(level=2), labels[::4, ::4])
    assert max(stored.labels(level=2).shape) <= 16


def test_an_image_without_an_object(make_stored):
    stored = make_stored((40, 40), min_size=9999)

    report = stored.run()

    assert report["objects"] == 0
    assert not stored.labels().any()
