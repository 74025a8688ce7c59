"""A run from an image on disk to a store of labels, block by block."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_shiftseg.clustering.linking import Linking
from napari_shiftseg.distributed import joins, passes, tissue
from napari_shiftseg.distributed.blocks import Blocks
from napari_shiftseg.distributed.figures import sums_of
from napari_shiftseg.distributed.job import Job
from napari_shiftseg.distributed.journal import Steps
from napari_shiftseg.distributed.output import (
    draw,
    fullest_part,
    renumber,
    shrink,
)
from napari_shiftseg.distributed.scales import as_json, from_json
from napari_shiftseg.distributed.spots import MATCHED, PARTED, SETTLED, Tissue
from napari_shiftseg.inference.predict import open_for
from napari_shiftseg.intensity.no_data import is_without_data
from napari_shiftseg.intensity.stack import FrameScales, planes_are
from napari_shiftseg.pipeline.frame import frame_steps, opened_steps, plan_of
from napari_shiftseg.pipeline.reduced import effect_steps
from napari_shiftseg.pipeline.scales import scales_steps
from napari_shiftseg.pipeline.segmentation import NO_DATA
from napari_shiftseg.pipeline.series import (
    frames_of,
    linked_axis,
    linking_notes,
    plane_or_frame,
)
from napari_shiftseg.progress import Progress, numbered, patiently, saying
from napari_shiftseg.stores.label_sum import labels_sum
from napari_shiftseg.stores.lazy import Lazy, open_array

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from napari_shiftseg.distributed.output import Output
    from napari_shiftseg.distributed.workers import Crew
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.settings import Settings
    from napari_shiftseg.stores.image import Image


SCALES = "scales"
SUMMING = Progress(0, 1, stage="adding up")
LINKING = Progress(0, 1, stage="linking")


@dataclass(frozen=True)
class Planes(Mapping[tuple[int, ...], Any]):
    """The labels of frames, on disk."""

    path: Path
    frames: list[tuple[int, ...]]

    def __getitem__(self, at: tuple[int, ...]) -> Any:
        return Lazy.of(open_array, str(self.path))[at]

    def __iter__(self) -> Iterator[tuple[int, ...]]:
        return iter(self.frames)

    def __len__(self) -> int:
        return len(self.frames)


@dataclass(frozen=True)
class Run:
    r"""A run under way: what is to be done, by whom, and where it is kept.

    Attributes
    ----------
    pixels : array
        ([leading,] [channels,] \*spatial); they may stay on disk.
    model : TiledNetwork
    settings : Settings
        The window is a number.
    folder : Path
        Of what one pass leaves to the next.
    output : Output
        The store, made already.
    crew : Crew
    block : int
        Pixels of a block, about.
    axes : str
        Letters of the leading axes; empty where they are not known.
    shuffled : int or None
        Seed of the order in which blocks are handed out; None: that of a scan.
    follow : callable or None
        Called when a frame begins: takes its position, the array that its labels go to,
        and its job; None where it was done before.
    """

    pixels: Any
    model: TiledNetwork
    settings: Settings
    folder: Path
    output: Output
    crew: Crew
    block: int
    axes: str = ""
    shuffled: int | None = None
    follow: Callable[[tuple[int, ...], Path, Job | None], None] | None = None

    def steps(self) -> Generator[Progress, None, dict[str, Any]]:
        """Do what is left to do; yields `Progress`, returns figures for a report.

        One frame or more holds data.
        """
        frames = frames_of(self.pixels, self.model) or [()]
        scales = yield from self._scales_steps(frames)
        known: list[dict[str, Any]] = []
        for number, at in enumerate(frames):
            frame = self._frame_steps(number, at, scales.of(at))
            known.append((yield from numbered(len(frames), number, frame)))
        empty = [at for at, one in zip(frames, known, strict=True) if one["is_empty"]]
        linked = (yield from self._stack_steps(frames)) if self.is_stack else None
        yield from self._level_steps(frames)
        labels = zarr.open_array(str(self.output.labels[0]), mode="r")
        found = yield from patiently(SUMMING, prod(labels.shape), labels_sum, labels)
        leading = self.output.shape[: -self.output.ndim]
        noun = plane_or_frame(self.axes[-1:])
        without = planes_are(empty, leading, NO_DATA, noun)
        notes = [*scales.notes, *scales.planes, *filter(None, [without])]
        figures = sums_of([one for one in known if not one["is_empty"]])
        notes += figures.pop("notes")
        if linked is not None:
            figures["objects"], more = linked
            notes += more
        full = next(at for at in reversed(frames) if at not in empty)
        notes += yield from self._effect_steps(full, scales.of(full))
        return {"labels_sha256": found, **figures, "notes": notes}

    @property
    def done(self) -> Steps:
        """What is done of the run."""
        return Steps(self.folder)

    @property
    def is_stack(self) -> bool:
        """Whether there are frames, whose objects get numbers of the stack."""
        return len(self.output.shape) > self.output.ndim

    @property
    def drawn(self) -> Path:
        """The array that the labels of frames are drawn into."""
        return self.folder / "planes.zarr" if self.is_stack else self.output.labels[0]

    def _scales_steps(
        self, frames: list[tuple[int, ...]]
    ) -> Generator[Progress, None, FrameScales]:
        """Find how grey values are read, unless that is known."""
        if not self.done.has(SCALES):
            config, reading = self.model.config, self.settings.reading
            if frames != [()]:
                scales = yield from scales_steps(self.pixels, config, reading)
            else:
                known = self.pixels, self.model, self.settings
                scale = (yield from opened_steps(*known)).scale
                scales = FrameScales(replace(scale, notes=()), scale.notes)
            self.done.record(SCALES, as_json(scales))
        return from_json(self.done.given(SCALES))

    def _opened_steps(
        self, number: int, at: tuple[int, ...], scale: Scale | None
    ) -> Generator[Progress, None, Image]:
        """Open a frame; how it is read is found if that is not known."""
        own = f"frames/{number}.{SCALES}"
        if scale is None and self.done.has(own):
            scale = from_json(self.done.given(own)).common
        if scale is not None:
            return open_for(self.pixels[at], self.model, self.settings.reading, scale)
        image = yield from opened_steps(self.pixels[at], self.model, self.settings)
        self.done.record(own, as_json(FrameScales(image.scale)))
        return image

    def _frame_steps(
        self, number: int, at: tuple[int, ...], scale: Scale | None
    ) -> Generator[Progress, None, dict[str, Any]]:
        """Segment a frame, unless it is done; returns its figures."""
        folder = self.folder / "frames" / str(number)
        known: dict[str, Any] = {"is_empty": True}
        step = f"frames/{number}.json"
        if self.done.has(step):
            self._tell(at)
            return dict(self.done.given(step))
        if not is_without_data(self.pixels[at]):
            image = yield from self._opened_steps(number, at, scale)
            plan = plan_of(image, self.model, self.settings)
            blocks = Blocks.of(plan, self.block)
            job = Job(image, self.model, self.settings, blocks, folder)
            self._tell(at, job)
            known = yield from _Frame(self, job, at).steps()
        self.done.record(step, known)
        shutil.rmtree(folder, ignore_errors=True)
        return known

    def _tell(self, at: tuple[int, ...], job: Job | None = None) -> None:
        if self.follow is not None:
            self.follow(at, self.drawn, job)

    def _effect_steps(
        self, at: tuple[int, ...], scale: Scale | None
    ) -> Generator[Progress, None, list[str]]:
        """Say what 16-bit numbers changed in a frame, if it has such."""
        if not self.settings.precision.endswith("16"):
            return []
        image = open_for(self.pixels[at], self.model, self.settings.reading, scale)
        part = fullest_part(self.output, at)
        region = tuple(
            (start + first, stop + first)
            for (start, stop), first in zip(
                part, plan_of(image, self.model, self.settings).offset, strict=True
            )
        )
        again = partial(frame_steps, image, self.model)
        return [(yield from effect_steps(self.settings, region, again))]

    def _stack_steps(
        self, frames: list[tuple[int, ...]]
    ) -> Generator[Progress, None, tuple[int, tuple[str, ...]]]:
        """Give the objects of frames numbers of the stack, linked if they are to be.

        Returns how many there are, and what is to be known of them.
        """
        leading = self.output.shape[: -self.output.ndim]
        settings, ndim = self.settings, self.output.ndim
        along = linked_axis(settings.link_planes, self.axes, len(leading), ndim)
        linking = Linking(leading, along, settings.link_threshold)
        planes = Planes(self.drawn, frames)
        found = yield from saying(LINKING, linking.steps(planes))
        frame = self.output.boxes(self.output.shape[-ndim:])
        boxes = dict.fromkeys(range(len(frame)), 1)
        for number, at in enumerate(frames):
            if not self.done.has(f"numbered/{number}"):
                function = partial(
                    renumber, at=at, labels=self.drawn, numbers=found[at]
                )
                yield from self.crew.steps(function, self.output, boxes, "numbering")
                self.done.record(f"numbered/{number}")
        numbers = tuple(found[at] for at in frames)
        objects = max(int(own.max(initial=0)) for own in numbers)
        return objects, linking_notes(numbers, linking, settings, self.axes)

    def _level_steps(self, frames: list[tuple[int, ...]]) -> Generator[Progress]:
        """Write the smaller levels of the labels, each from the one before."""
        steps = self.output.pyramid.steps
        for level in range(1, len(steps)):
            shape = self.output.pyramid.shape_of(steps[level])[-self.output.ndim :]
            for number, at in enumerate(frames):
                if self.done.has(f"levels/{level}/{number}"):
                    continue
                boxes = dict.fromkeys(range(len(self.output.boxes(shape))), 1)
                function = partial(shrink, level=level, at=at)
                yield from self.crew.steps(
                    function, self.output, boxes, "writing smaller levels"
                )
                self.done.record(f"levels/{level}/{number}")

    def shuffle(self, numbers: list[int]) -> list[int]:
        """Return blocks in the order in which they are handed out."""
        if self.shuffled is not None:
            np.random.default_rng(self.shuffled).shuffle(numbers)
        return numbers


@dataclass(frozen=True)
class _Frame:
    """The passes over one frame."""

    run: Run
    job: Job
    at: tuple[int, ...]

    def steps(self) -> Generator[Progress, None, dict[str, Any]]:
        """Do what is left to do; returns figures."""
        job = self.job
        job.make_folders()
        tiles = {block.number: len(block.plan) for block in job.blocks}
        embed = self._watched(passes.embed)
        yield from self._pass(embed, job.raw.path, "predicting", tiles)
        if job.is_global:
            finding = Progress(0, 1, stage="finding modes")
            yield from saying(finding, joins.find_modes(job))
        separate = self._watched(passes.separate)
        yield from self._pass(separate, job.about_parts, "separating")
        joins.join_parts(job)
        if not job.is_global:
            cluster = self._watched(passes.cluster)
            yield from self._pass(cluster, job.pieces, "clustering")
            if job.has_tissue:
                yield from self._tissue_steps()
            joins.number_objects(job)
        boxes = dict.fromkeys(range(len(self.run.output.boxes(job.shape))), 1)
        drawing = partial(
            draw, output=self.run.output, at=self.at, labels=self.run.drawn
        )
        yield from self._pass(self._watched(drawing), job.drawn, "writing", boxes)
        said = [job.predicted.given(str(n)) for n in range(len(job.blocks))]
        return {
            "is_empty": False,
            **joins.figures(job),
            "blocks": len(job.blocks),
            "tiles": len(job.blocks.plan),
            "by": Counter(one["by"] for one in said),
            "reads": job.image.scale.figures(),
            "notes": [
                *job.image.scale.notes,
                *dict.fromkeys(note for one in said for note in one["notes"]),
            ],
        }

    def _tissue_steps(self) -> Generator[Progress]:
        """Cluster the components that are too large to be held."""
        job, stage = self.job, "clustering tissue"
        parted, matched, settled = (
            partial(job.tissue, name=name) for name in (PARTED, MATCHED, SETTLED)
        )
        yield from self._pass(self._watched(tissue.part), parted, stage)
        Tissue(job).count()
        yield from self._pass(self._watched(tissue.match), matched, stage)
        tissue.unite(job)
        yield from self._pass(self._watched(tissue.settle), settled, stage)

    def _watched(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return what is done with a block so that the block may be left."""
        return partial(function, watch=self.run.crew.watch)

    def _pass(
        self,
        function: Callable[..., Any],
        result: Callable[[int], Path],
        stage: str,
        sizes: dict[int, int] | None = None,
    ) -> Generator[Progress]:
        """Do one thing with all blocks whose result is not there yet."""
        sizes = sizes or dict.fromkeys(range(len(self.job.blocks)), 1)
        left = self.run.shuffle([n for n in sizes if not result(n).exists()])
        todo = {n: sizes[n] for n in left}
        done = sum(sizes.values()) - sum(todo.values())
        yield from self.run.crew.steps(function, self.job, todo, stage, done)
