"""Region average precision and class maps against plain readings of their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from napari_shiftseg import region_average_precision
from napari_shiftseg.metrics.classes import (
    ClassedObjects,
    class_ious,
    near_boundaries,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bars(*widths: int) -> NDArray[np.int64]:
    """Bars one after the other, numbered from 1; a negative width is background."""
    label, parts = 0, []
    for width in widths:
        label += width > 0
        parts.append(np.full(abs(width), label if width > 0 else 0))
    return np.concatenate(parts)[None].repeat(2, axis=0)


def plainly(
    truth: list[ClassedObjects], found: list[ClassedObjects], name: str, iou: float
) -> float:
    """APr read from its words, with sets of pixels."""

    def pixels(objects: ClassedObjects, label: int) -> set[int]:
        return set(np.flatnonzero(np.asarray(objects.labels) == label).tolist())

    true = [
        {i: pixels(each, i) for i in each.ids.tolist() if each.classes[i] == name}
        for each in truth
    ]
    ranked = sorted(
        (
            (-each.confidence[i], image, i)
            for image, each in enumerate(found)
            for i in each.ids.tolist()
            if each.classes[i] == name
        ),
    )
    taken: set[tuple[int, int]] = set()
    curve = [(0.0, 1.0)]  # recall, precision
    total = sum(map(len, true))
    for k, (_, image, i) in enumerate(ranked, start=1):
        mine = pixels(found[image], i)
        overlaps = {
            label: len(mine & theirs) / len(mine | theirs)
            for label, theirs in true[image].items()
            if (image, label) not in taken
        }
        best = max(overlaps, key=lambda label: overlaps[label], default=None)
        if best is not None and overlaps[best] >= iou:
            taken.add((image, best))
        curve.append((len(taken) / total, len(taken) / k))
    area = 0.0
    for at in range(1, len(curve)):
        step = curve[at][0] - curve[at - 1][0]
        area += step * max(precision for _, precision in curve[at:])
    return area


def one_class(labels: Any, confidence: dict[int, float] | None = None) -> Any:
    ids = np.unique(labels)
    return ClassedObjects(labels, {int(i): "a" for i in ids if i}, confidence or {})


class TestRegionAveragePrecision:
    def test_equals_its_words_on_random_images(self, rng: np.random.Generator) -> None:
        for _ in range(20):
            truth, found = [], []
            for _ in range(3):
                true = bars(*rng.integers(2, 9, 12))
                moved = np.roll(true, rng.integers(0, 4), axis=1)
                moved[:, rng.integers(0, 40) :] = 0
                number = int(max(true.max(), moved.max())) + 1
                of = [dict(enumerate(rng.choice(["a", "b"], number))) for _ in range(2)]
                sure = dict(enumerate(rng.choice([0.2, 0.5, 0.9], number)))
                truth.append(ClassedObjects(true, of[0]))
                found.append(ClassedObjects(moved, of[rng.integers(2)], sure))
            scores = region_average_precision(truth, found)
            for name in ("a", "b"):
                expected = plainly(truth, found, name, 0.5)
                assert scores[name] == pytest.approx(expected, abs=1e-12)

    def test_all_found_is_one_and_nothing_is_nought(self) -> None:
        true = one_class(bars(4, -2, 4))
        same = one_class(bars(4, -2, 4), {1: 0.1, 2: 0.9})
        nothing = ClassedObjects(np.zeros((2, 10), int), {})
        assert region_average_precision([true], [same]) == {"a": 1}
        assert region_average_precision([true], [nothing]) == {"a": 0}

    def test_by_hand(self) -> None:
        # the surest detection is wrong: 1 of 2 right at recall 1/2, 2 of 3 at recall 1
        true = one_class(bars(4, -2, 4, -6))
        found = one_class(bars(4, -2, 4, -2, 4), {1: 0.5, 2: 0.4, 3: 0.9})
        scores = region_average_precision([true], [found])
        assert scores["a"] == pytest.approx(0.5 * 2 / 3 + 0.5 * 2 / 3)
        late = one_class(bars(4, -2, 4, -2, 4), {1: 0.5, 2: 0.4, 3: 0.1})
        assert region_average_precision([true], [late])["a"] == 1

    def test_half_is_enough_and_one_object_counts_once(self) -> None:
        true = one_class(bars(8))
        halves = one_class(bars(4, 4), {1: 0.6, 2: 0.5})
        # either half has IoU 1/2: the surer one is right, the other one is not
        assert region_average_precision([true], [halves])["a"] == 1
        assert region_average_precision([true], [halves], iou=0.51)["a"] == 0

    def test_another_class_does_not_match(self) -> None:
        true = ClassedObjects(bars(4, -1, 4), {1: "a", 2: "b"})
        swapped = ClassedObjects(bars(4, -1, 4), {1: "b", 2: "a"}, {1: 1, 2: 1})
        assert region_average_precision([true], [swapped]) == {"a": 0, "b": 0}

    def test_images_are_ranked_together(self) -> None:
        true = one_class(bars(4))
        right, wrong = one_class(bars(4), {1: 0.3}), one_class(bars(1, -3), {1: 0.8})
        scores = region_average_precision([true, true], [right, wrong])
        assert scores["a"] == pytest.approx(1 / 2 * 1 / 2)

    @pytest.mark.parametrize(
        ("truth", "found", "iou", "message"),
        [
            (
                [one_class(bars(4))],
                [],
                0.5,
                "its truth and its detections, got 1 and 0",
            ),
            ([one_class(bars(4))], [one_class(bars(4))], 0.5, "1 has no confidence"),
            ([one_class(bars(4))], [one_class(bars(5), {1: 1})], 0.5, "one shape"),
            ([one_class(bars(-4))], [one_class(bars(-4))], 0.5, "no object in the"),
            ([one_class(bars(4))], [one_class(bars(4), {1: 1})], 0, "iou must be"),
        ],
    )
    def test_what_cannot_be_scored(self, truth, found, iou, message) -> None:
        with pytest.raises(ValueError, match=message):
            region_average_precision(truth, found, iou)

    def test_an_object_without_a_class(self) -> None:
        with pytest.raises(ValueError, match="object 2 has no class"):
            ClassedObjects(bars(3, 3), {1: "a"})


class TestBand:
    def test_holds_what_is_near_another_label(self) -> None:
        labels = bars(-5, 6, 6, -5)
        for width in (1, 2, 3):
            band = near_boundaries(labels, width)
            row = labels[0]
            near = [
                any(
                    row[x] != row[y]
                    for y in range(max(x - width, 0), min(x + width + 1, len(row)))
                )
                for x in range(len(row))
            ]
            assert band[0].tolist() == near
        assert not near_boundaries(bars(-5), 2).any()
        with pytest.raises(ValueError, match="1 pixel or more, got 0"):
            near_boundaries(labels, 0)


class TestClassIous:
    def test_equal_a_plain_count(self, rng: np.random.Generator) -> None:
        true, found = rng.integers(0, 3, (2, 30, 30))
        where = rng.random((30, 30)) < 0.5
        ious = class_ious(true, found, 3, where)
        for number in range(3):
            a, b = ((each == number) & where for each in (true, found))
            assert ious[number] == (a & b).sum() / (a | b).sum()
        assert np.isnan(ious[3])  # a class of neither


def test_maps_of_few_bits_are_counted_right() -> None:
    bands = np.repeat(np.arange(21, dtype=np.uint8), 5).reshape(7, 15)
    assert class_ious(bands, bands, 20).tolist() == [1.0] * 21
