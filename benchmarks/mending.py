r"""Edits that mend a prediction: with these tools, and with napari's brush and fill.

    python benchmarks/mending.py DATA_FOLDER -m nuclei -o mending_output

On images of nuclei with true labels (10 of the 2018 Data Science Bowl), what the model
predicts is mended by two scripted users who know the truth, until every true object is
matched at IoU > 0.5 and there is no other object: AP50 = 1. Both are deterministic, go
through the same errors in the same order, and never touch what matches:

1. An object that holds no true object for the most part is deleted. Tools: one
   deletion. napari: one fill with the background.
2. Pieces of one true object become one. Tools: one merge, a click on each piece.
   napari: one fill less than there are pieces.
3. An object that covers several true ones is cut. Tools: one split, a click in the
   middle of each. napari: one stroke along the cut less than there are parts; the
   stroke goes where the true border is, and the fill that gives the part a number of
   its own counts as a click, not as an edit. Both favour napari.
4. An outline that is wrong is drawn again to the foreground. Tools: one redraw, and
   only where that suffices: a user sees whether the foreground fits. napari has none.
5. What is left is an object that was missed, or one found too small. Tools: one growth,
   a click in its middle, and only where that suffices. napari has none.
6. What is left then (covered by others, outlines wrong) is painted by both: an eraser
   or a brush, round and of ``--brush`` pixels across (10, napari's own), along
   straight lines inside or outside the true object, each where it changes most, until
   the object matches. A stroke is one edit and one click, and never leaves the true
   outline: a steady hand, which favours napari. So one stroke does nearly always, and
   growth saves the hand, not edits: compare the strokes.

A third user has the tools and reviews: from the least sure object on, as Mend's *Next
doubtful object* goes (key N), each that matches is marked right (key O), each other is
mended by the same acts, those on its true objects alone, and what edits changed is not
looked at again. The review ends with the last error of an object; true objects that
were missed have nothing to go to, and are added after it. Looks are counted beside the
clicks, a look a key.

What matches nothing after that is deleted. Merges, splits and redraws are made only if
they leave fewer errors (true objects without a match, and objects without a match) than
there were. The choice of tools and labels in a panel is not counted for either.

``mending.csv`` has a row an image. ``wrong`` objects match nothing; ``looks`` are the
objects looked at until the last of them was mended, ``found_25`` those of them that
were among the first quarter of all objects.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from skimage.draw import line

from napari_shiftseg.cli.terminal import note, print_table
from napari_shiftseg.experiments.inputs import read_data
from napari_shiftseg.mending.boxes import box_of
from napari_shiftseg.mending.edits import Delete, Grow, Merge, Paint, Redraw, Split
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.metrics.label_image import contingency
from napari_shiftseg.metrics.objects import object_scores
from napari_shiftseg.networks.unet import load_unet
from napari_shiftseg.pipeline.result import Prediction
from napari_shiftseg.pipeline.segmentation import segment
from napari_shiftseg.report.figures_of_merit import Table, write_csv
from napari_shiftseg.results.confidence import object_confidence
from napari_shiftseg.results.review import in_order_of_doubt
from napari_shiftseg.stores.folders import writable_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.mending.edits import Edit
    from napari_shiftseg.networks.unet import UNet
    from napari_shiftseg.pipeline.result import Segmentation
    from napari_shiftseg.samples import Sample

IMAGES = 10
BRUSH = 10  # pixels across, the size with which napari begins
MATCH = 0.5  # IoU above which objects match
COVERED = 0.25  # share of a true object above which an object is said to cover it
DIRECTIONS = 8  # of strokes that are tried


@dataclass
class Count:
    """What a user did, by kind of edit."""

    edits: dict[str, int] = field(default_factory=dict)
    clicks: int = 0

    def add(self, kind: str, clicks: int, edits: int = 1) -> None:
        self.edits[kind] = self.edits.get(kind, 0) + edits
        self.clicks += clicks

    @property
    def total(self) -> int:
        return sum(self.edits.values())


class Overlap:
    """Which objects are on which true ones now, and which pairs match."""

    def __init__(self, truth: np.ndarray, labels: np.ndarray) -> None:
        table = contingency(truth, labels)
        self.true_ids = np.unique(truth[truth > 0])
        self.ids = np.unique(labels[labels > 0])
        self.shared = table.shared.toarray()  # (true objects, objects)
        self.true_sizes, self.sizes = table.true_sizes, table.sizes
        union = self.true_sizes[:, None] + self.sizes - self.shared
        self.matches = self.shared > MATCH * union

    @property
    def errors(self) -> int:
        pairs = int(self.matches.sum())  # above a half, pairs are one to one
        return len(self.true_ids) + len(self.ids) - 2 * pairs

    def missed(self) -> np.ndarray:
        """Rows of the true objects without a match."""
        return np.flatnonzero(~self.matches.any(axis=1))

    def wrong(self) -> np.ndarray:
        """Columns of the objects without a match."""
        return np.flatnonzero(~self.matches.any(axis=0))


class User:
    """A scripted user who knows the truth; what differs is in the subclasses."""

    def __init__(self, truth: np.ndarray, mending: Mending, brush: int) -> None:
        self.truth, self.mending, self.brush = truth, mending, brush
        self.count = Count()

    @property
    def labels(self) -> np.ndarray:
        return self.mending.labels

    def overlap(self) -> Overlap:
        return Overlap(self.truth, self.labels)

    def wrong(self, now: Overlap) -> np.ndarray:
        """Columns of the objects that are mended now."""
        return now.wrong()

    def missed(self, now: Overlap) -> np.ndarray:
        """Rows of the true objects that are mended for now."""
        return now.missed()

    def work(self) -> None:
        """Mend all there is."""
        self.mend()
        now = self.overlap()
        for number in now.ids[now.wrong()]:
            self.delete(self.middle(self.labels == number))

    def mend(self) -> None:
        """Mend kind by kind; where an edit brings new errors, begin again."""
        before = None
        while before is None or self.overlap().errors < before:
            before = self.overlap().errors
            self.delete_all()
            self.merge_all()
            self.split_all()
            self.redraw_all()
        self.paint_all()

    def tried(self, edits: Sequence[Edit]) -> bool:
        """Make edits, and take them back if there are not fewer errors then."""
        before = self.overlap().errors
        for edit in edits:
            self.mending.make(edit)
        if self.overlap().errors < before:
            return True
        for _ in edits:
            self.mending.take_back()
        return False

    def delete_all(self) -> None:
        now = self.overlap()
        for column in self.wrong(now):
            if now.shared[:, column].max(initial=0) <= now.sizes[column] / 2:
                covered = now.shared[:, column] > COVERED * now.true_sizes
                if not covered.any():
                    self.delete(self.middle(self.labels == now.ids[column]))

    def merge_all(self) -> None:
        now = self.overlap()
        wrong = now.wrong()
        for row in self.missed(now):
            inside = now.shared[row, wrong] > now.sizes[wrong] / 2
            if inside.sum() >= 2:
                pieces = [self.labels == n for n in now.ids[wrong[inside]]]
                self.merge([self.middle(piece) for piece in pieces])

    def split_all(self) -> None:
        now = self.overlap()
        for column in self.wrong(now):
            rows = np.flatnonzero(now.shared[:, column] > COVERED * now.true_sizes)
            if len(rows) >= 2:
                inside = self.labels == now.ids[column]
                true = now.true_ids[rows]
                self.split(inside, [(self.truth == n) & inside for n in true])

    def redraw_all(self) -> None:
        """Napari has no such tool."""

    def paint_all(self) -> None:
        now = self.overlap()
        for number in now.true_ids[self.missed(now)]:
            goal = self.truth == number
            self.paint(goal)

    def paint(self, goal: np.ndarray) -> None:
        """Erase or brush, stroke by stroke, until the object matches."""
        number = self.owner(goal)
        while not self.is_matched(goal, number):
            found = self.labels == number if number else np.zeros_like(goal)
            free = self.labels == 0
            surplus, lack = found & ~goal, goal & (free | found) & ~found
            others = goal & ~free & ~found
            stroke = max(
                (self.stroke(surplus, ~goal), "background"),
                (self.stroke(lack | others, goal), "object"),
                key=lambda known: known[0][1],
            )
            (painted, gain), to = stroke
            if not gain:
                return
            box = box_of(painted)
            corner, patch = tuple(s.start for s in box), painted[box]
            if to == "background":
                patch = patch & found[box]
                edit = Paint.of(patch, corner, "background")
            elif number:
                outside = found & ~painted
                if not outside.any():
                    edit = Paint.of(patch, corner, "new")
                else:
                    edit = Paint.of(patch, corner, self.middle(outside))
            else:
                edit = Paint.of(patch, corner, "new")
            self.mending.make(edit)
            self.count.add("erase" if to == "background" else "brush", clicks=1)
            number = self.owner(goal, at_least=1)

    def owner(self, goal: np.ndarray, at_least: int | None = None) -> int:
        """Return the object without a match of its own that is most on a true one.

        0 if it is for the most part elsewhere: then a new one is painted.
        """
        now = self.overlap()
        row = int(np.flatnonzero(now.true_ids == self.truth[goal][0])[0])
        if now.matches[row].any():
            return int(now.ids[now.matches[row].argmax()])
        wrong = now.wrong()
        if not len(wrong):
            return 0
        best = wrong[now.shared[row, wrong].argmax()]
        least = at_least or min(now.sizes[best], now.true_sizes[row]) / 2
        return int(now.ids[best]) if now.shared[row, best] >= least else 0

    def is_matched(self, goal: np.ndarray, number: int) -> bool:
        found = self.labels == number
        both = (goal & found).sum()
        return bool(number) and both > MATCH * (goal | found).sum()

    def stroke(self, wanted: np.ndarray, within: np.ndarray) -> tuple[np.ndarray, int]:
        """Return the straight stroke that changes most wanted pixels, and how many.

        It begins at the deepest wanted pixel and goes both ways along one direction for
        as long as the middle of the brush is on what is wanted; it paints nothing that
        is not within.
        """
        nothing = np.zeros_like(wanted)
        if not wanted.any():
            return nothing, 0
        start = self.middle(wanted)
        best, gain = nothing, 0
        for path in self.paths(start, wanted):
            painted = nothing.copy()
            painted[tuple(np.transpose(path))] = True
            away = ndimage.distance_transform_edt(~painted)
            painted = (away <= self.brush / 2) & within
            if (painted & wanted).sum() > gain:
                best, gain = painted, int((painted & wanted).sum())
        return best, gain

    def paths(self, start: Point, wanted: np.ndarray) -> Iterator[list[Point]]:
        reach = sum(wanted.shape)
        for angle in np.arange(DIRECTIONS) * np.pi / DIRECTIONS:
            path = [start]
            for sign in (1, -1):
                y, x = (
                    round(s + sign * reach * d)
                    for s, d in zip(start, (np.sin(angle), np.cos(angle)), strict=True)
                )
                for point in zip(*line(*start, y, x), strict=True):
                    if (
                        not all(
                            0 <= p < n for p, n in zip(point, wanted.shape, strict=True)
                        )
                        or not wanted[point]
                    ):
                        break
                    path.append(point)
            yield path

    def middle(self, mask: np.ndarray) -> Point:
        """Return the deepest pixel: where a user clicks an object."""
        box = box_of(mask)
        depth = ndimage.distance_transform_edt(np.pad(mask[box], 1))
        deepest = np.unravel_index(depth.argmax(), depth.shape)
        return tuple(int(p) - 1 + s.start for p, s in zip(deepest, box, strict=True))

    def delete(self, at: Point) -> None:
        raise NotImplementedError

    def merge(self, at: list[Point]) -> None:
        raise NotImplementedError

    def split(self, inside: np.ndarray, parts: list[np.ndarray]) -> None:
        raise NotImplementedError


class ToolUser(User):
    """Merges, splits, deletes, redraws and grows."""

    def delete(self, at: Point) -> None:
        self.mending.make(Delete((at,)))
        self.count.add("delete", clicks=1)

    def merge(self, at: list[Point]) -> None:
        if self.tried([Merge(tuple(at))]):
            self.count.add("merge", clicks=len(at))

    def split(self, inside: np.ndarray, parts: list[np.ndarray]) -> None:
        seeds = tuple((self.middle(part),) for part in parts)
        if self.tried([Split(seeds)]):
            self.count.add("split", clicks=len(seeds))

    def redraw_all(self) -> None:
        now = self.overlap()
        wrong = now.wrong()
        for row in self.missed(now):
            if len(wrong) and now.shared[row, wrong].max() > 0:
                number = now.ids[wrong[now.shared[row, wrong].argmax()]]
                at = self.middle(self.labels == number)
                if self.redraws(number) and self.tried([Redraw((at,))]):
                    self.count.add("redraw", clicks=1)

    def redraws(self, number: int) -> bool:
        """Whether any of an object is foreground, so that it can be redrawn."""
        foreground = self.mending.foreground
        return foreground is not None and foreground[self.labels == number].any()

    def paint(self, goal: np.ndarray) -> None:
        """Let it grow where one click suffices; else paint."""
        if not self.grows(goal):
            super().paint(goal)

    def grows(self, goal: np.ndarray) -> bool:
        """Click the middle of a missed object, or of what was found of it."""
        number = self.owner(goal)
        clickable = goal & (self.labels == number)
        if not clickable.any():
            return False
        grow = Grow(self.middle(clickable), new=not number)
        try:
            suffices = self.tried([grow])
        except ValueError:  # there is nothing like it around it
            return False
        if suffices:
            self.count.add("grow", clicks=1)
        return suffices


class ReviewUser(ToolUser):
    """Goes from the least sure object on, and mends what it comes to."""

    def __init__(
        self, truth: np.ndarray, mending: Mending, brush: int, order: Sequence[int]
    ) -> None:
        super().__init__(truth, mending, brush)
        self.order, self.looks = order, 0
        self.at: int | None = None  # that is looked at
        now = self.overlap()
        self.were_wrong = set(now.ids[now.wrong()].tolist())

    @property
    def found_early(self) -> int:
        """How many wrong objects were among the first quarter."""
        return len(self.were_wrong & set(self.order[: -(-len(self.order) // 4)]))

    def wrong(self, now: Overlap) -> np.ndarray:
        found = super().wrong(now)
        return found if self.at is None else found[now.ids[found] == self.at]

    def missed(self, now: Overlap) -> np.ndarray:
        found = super().missed(now)
        if self.at is None:
            return found
        touched = np.unique(self.truth[self.labels == self.at])
        return found[np.isin(now.true_ids[found], touched)]

    def work(self) -> None:
        for number in self.order:
            now = self.overlap()
            wrong = set(now.ids[now.wrong()].tolist())
            if not wrong & self.were_wrong:
                break
            if number in self.edited or not (self.labels == number).any():
                continue
            self.looks += 1
            if number in wrong:
                self.at = number
                self.mend()
        self.at = None
        super().work()

    @property
    def edited(self) -> set[int]:
        """Objects that edits changed: they have been looked at."""
        return {n for made in self.mending.made for n in made.change.numbers}


class PaintUser(User):
    """Fills and strokes, as napari offers them."""

    def delete(self, at: Point) -> None:
        self.mending.make(Delete((at,)))  # what a fill with 0 does
        self.count.add("fill", clicks=1)

    def merge(self, at: list[Point]) -> None:
        if self.tried([Merge(tuple(at))]):  # what fills with its number do
            self.count.add("fill", clicks=len(at) - 1, edits=len(at) - 1)

    def split(self, inside: np.ndarray, parts: list[np.ndarray]) -> None:
        away = [ndimage.distance_transform_edt(~part) for part in parts]
        nearest = np.argmin(away, axis=0)
        edits = []
        for number in range(1, len(parts)):
            part = inside & (nearest == number)
            box = box_of(part)
            corner = tuple(s.start for s in box)
            edits.append(Paint.of(part[box], corner, "new"))
        if self.tried(edits):
            self.count.add("cut", clicks=2 * len(edits), edits=len(edits))


def users(
    result: Segmentation, model: UNet, truth: np.ndarray, brush: int
) -> tuple[ToolUser, PaintUser, ReviewUser]:
    """Return the users before the same prediction."""
    clustering = result.settings.clustering(model.config)
    predicted = Prediction(result.embeddings, result.logit, result.plan, ())
    foreground = predicted.foreground(clustering.foreground_threshold)

    def mending() -> Mending:
        return Mending(
            result.labels.copy(), result.embeddings, foreground,
            clustering.bandwidth, logit=result.logit,
        )  # fmt: skip

    table = object_confidence(result, model)
    order = table["label"][in_order_of_doubt(table["confidence"])].tolist()
    return (
        ToolUser(truth, mending(), brush),
        PaintUser(truth, mending(), brush),
        ReviewUser(truth, mending(), brush, order),
    )


def row(name: str, sample: Sample, result: Segmentation, found: Sequence[User]) -> dict:
    """Return the figures of an image."""
    tools, paint, review = found
    before = object_scores(sample.labels, result.labels)
    kinds = ("merge", "split", "delete", "redraw", "grow", "brush", "erase")
    return {
        "image": name,
        "true_objects": before.true_objects,
        "objects": before.objects,
        "ap50_before": before.ap50,
        "errors": Overlap(sample.labels, result.labels).errors,
        "tools_edits": tools.count.total,
        "tools_clicks": tools.count.clicks,
        **{f"tools_{kind}": tools.count.edits.get(kind, 0) for kind in kinds},
        "tools_ap50": object_scores(sample.labels, tools.labels).ap50,
        "napari_edits": paint.count.total,
        "napari_clicks": paint.count.clicks,
        **{
            f"napari_{kind}": paint.count.edits.get(kind, 0)
            for kind in ("fill", "cut", "brush", "erase")
        },
        "napari_ap50": object_scores(sample.labels, paint.labels).ap50,
        "wrong": len(review.were_wrong),
        "found_25": review.found_early,
        "looks": review.looks,
        "review_edits": review.count.total,
        "review_clicks": review.count.clicks,
        "review_ap50": object_scores(sample.labels, review.labels).ap50,
    }


def total(rows: list[dict]) -> dict:
    """Add up all images; of AP50 take the mean."""
    summed = {"image": "all"}
    for key in list(rows[0])[1:]:
        values = [r[key] for r in rows]
        summed[key] = np.mean(values) if "ap50" in key else sum(values)
    return summed


def shown(known: dict) -> list[str]:
    def ratio(kind: str) -> str:
        tools, paint = known[f"tools_{kind}"], known[f"napari_{kind}"]
        return f"{tools / paint:.2f}" if paint else "–"

    return [
        known["image"], str(known["true_objects"]), str(known["errors"]),
        f"{known['ap50_before']:.2f}",
        *(f"{known[f'{who}_{what}']}" for what in ("edits", "clicks")
          for who in ("tools", "napari")),
        ratio("edits"), ratio("clicks"),
        f"{known['tools_ap50']:.3f}", f"{known['napari_ap50']:.3f}",
        f"{known['review_clicks']}", f"{known['looks']} of {known['objects']}",
        f"{known['found_25']} of {known['wrong']}", f"{known['review_ap50']:.3f}",
    ]  # fmt: skip


HEADER = [
    "image", "objects", "errors", "AP50", "edits: tools", "napari", "clicks: tools",
    "napari", "ratio", "of clicks", "AP50: tools", "napari", "review: clicks",
    "looks", "wrong in first 25 %", "AP50",
]  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Edits that mend a prediction.")
    parser.add_argument("data", type=Path, metavar="DATA_FOLDER")
    parser.add_argument("-m", "--model", default="nuclei")
    parser.add_argument("-o", "--output", type=Path, default=Path("mending_output"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--images", type=int, default=IMAGES, help="evenly spaced [10]")
    parser.add_argument("--brush", type=int, default=BRUSH, help="pixels across [10]")
    return parser.parse_args()


def run(asked: argparse.Namespace) -> None:
    folder, model = writable_folder(asked.output), load_unet(asked.model)
    samples = read_data(asked.data).samples
    at = np.linspace(0, len(samples) - 1, asked.images).round().astype(int)
    rows = []
    for number in at:
        sample = samples[number]
        result = segment(sample.image, model, device=asked.device)
        found = users(result, model, sample.labels, asked.brush)
        for user in found:
            user.work()
        rows.append(row(str(number), sample, result, found))
        note(f"image {len(rows)} of {len(at)}: {', '.join(shown(rows[-1]))}")
    rows.append(total(rows))
    write_csv(
        folder / "mending.csv",
        Table(tuple(rows[0]), tuple(tuple(r.values()) for r in rows)),
    )
    print_table(HEADER, [shown(r) for r in rows])
    print({key: value for key, value in rows[-1].items() if key != "image"})


if __name__ == "__main__":
    try:
        run(arguments())
    except (OSError, ValueError, MemoryError) as error:
        sys.exit(f"mending: {error}")
