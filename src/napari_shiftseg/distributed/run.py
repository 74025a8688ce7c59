"""A run from an image on disk to a store of labels, block by block."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr

from napari_shiftseg.clustering.linking import Linking
from napari_shiftseg.distributed import joins, passes, tissue
from napari_shiftseg.distributed.arrays import write_durably
from napari_shiftseg.distributed.blocks import Blocks
from napari_shiftseg.distributed.job import Job
from napari_shiftseg.distributed.output import draw, labels_sum, renumber, shrink
from napari_shiftseg.distributed.spots import MATCHED, PARTED, SETTLED, Tissue
from napari_shiftseg.inference.predict import open_for
from napari_shiftseg.intensity.no_data import is_without_data
from napari_shiftseg.intensity.stack import FrameScales
from napari_shiftseg.pipeline.frame import plan_of
from napari_shiftseg.pipeline.scales import scales_steps
from napari_shiftseg.pipeline.series import frames_of, linked_axis, linking_notes
from napari_shiftseg.progress import Progress, numbered, patiently, saying
from napari_shiftseg.stores.lazy import Lazy, open_array

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

    from napari_shiftseg.distributed.crew import Crew
    from napari_shiftseg.distributed.output import Output
    from napari_shiftseg.intensity.scale import Scale
    from napari_shiftseg.networks import TiledNetwork
    from napari_shiftseg.pipeline.settings import Settings


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

    def steps(self) -> Generator[Progress, None, dict[str, Any]]:
        """Do what is left to do; yields `Progress`, returns figures for a report."""
        frames = frames_of(self.pixels, self.model) or [()]
        scales = yield from self._scales(frames)
        known: list[dict[str, Any]] = []
        for number, at in enumerate(frames):
            frame = self._frame_steps(number, at, scales.of(at))
            known.append((yield from numbered(len(frames), number, frame)))
        linked = (yield from self._stack_steps(frames)) if self.is_stack else None
        yield from self._level_steps(frames)
        labels = zarr.open_array(str(self.output.labels[0]), mode="r")
        found = yield from patiently(SUMMING, prod(labels.shape), labels_sum, labels)
        sums = {
            name: sum(figures[name] for figures in known)
            for name in ("objects", "modes", "blocks", "tiles")
        }
        said = dict.fromkeys(note for figures in known for note in figures["notes"])
        notes = [*scales.notes, *said]
        if linked is not None:
            sums["objects"], more = linked
            notes += more
        return {"labels_sha256": found, **sums, "notes": notes}

    @property
    def is_stack(self) -> bool:
        """Whether there are frames, whose objects get numbers of the stack."""
        return len(self.output.shape) > self.output.ndim

    @property
    def drawn(self) -> Path:
        """The array that the labels of frames are drawn into."""
        return self.folder / "planes.zarr" if self.is_stack else self.output.labels[0]

    def _scales(
        self, frames: list[tuple[int, ...]]
    ) -> Generator[Progress, None, FrameScales]:
        if frames == [()]:
            return FrameScales(None, ())
        config, reading = self.model.config, self.settings.reading
        return (yield from scales_steps(self.pixels, config, reading))

    def _frame_steps(
        self, number: int, at: tuple[int, ...], scale: Scale | None
    ) -> Generator[Progress, None, dict[str, Any]]:
        """Segment a frame, unless it is done; returns its figures."""
        folder = self.folder / "frames" / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        about = folder.with_suffix(".json")
        if about.exists():
            return dict(json.loads(about.read_text(encoding="utf-8")))
        known: dict[str, Any] = {"objects": 0, "modes": 0, "blocks": 0, "tiles": 0}
        known["notes"] = []
        if not is_without_data(self.pixels[at]):
            scale = scale and replace(scale, notes=())  # said once for all
            reading = self.settings.reading
            image = open_for(self.pixels[at], self.model, reading, scale)
            plan = plan_of(image, self.model, self.settings)
            blocks = Blocks.of(plan, self.block)
            job = Job(image, self.model, self.settings, blocks, folder)
            known = yield from _Frame(self, job, at).steps()
        text = json.dumps(known).encode()
        write_durably(about, lambda file: file.write(text))
        shutil.rmtree(folder, ignore_errors=True)
        return known

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
        done = self.folder / "numbered"
        done.mkdir(exist_ok=True)
        for number, at in enumerate(frames):
            if not (done / str(number)).exists():
                function = partial(
                    renumber, at=at, labels=self.drawn, numbers=found[at]
                )
                yield from self.crew.steps(function, self.output, boxes, "numbering")
                write_durably(done / str(number), lambda _: None)
        numbers = tuple(found[at] for at in frames)
        objects = max(int(own.max(initial=0)) for own in numbers)
        return objects, linking_notes(numbers, linking, settings, self.axes)

    def _level_steps(self, frames: list[tuple[int, ...]]) -> Generator[Progress]:
        """Write the smaller levels of the labels, each from the one before."""
        steps = self.output.pyramid.steps
        for level in range(1, len(steps)):
            shape = self.output.pyramid.shape_of(steps[level])[-self.output.ndim :]
            done = self.folder / "levels" / str(level)
            done.mkdir(parents=True, exist_ok=True)
            for number, at in enumerate(frames):
                if (done / str(number)).exists():
                    continue
                boxes = dict.fromkeys(range(len(self.output.boxes(shape))), 1)
                function = partial(shrink, level=level, at=at)
                yield from self.crew.steps(
                    function, self.output, boxes, "writing smaller levels"
                )
                write_durably(done / str(number), lambda _: None)

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
        job, crew = self.job, self.run.crew
        job.make_folders()
        embed = passes.embed
        if crew.watch is not None:
            embed = partial(passes.embed, watch=crew.watch)
        tiles = {block.number: len(block.plan) for block in job.blocks}
        said = yield from self._pass(embed, job.raw.path, "predicting", tiles)
        if job.is_global:
            finding = Progress(0, 1, stage="finding modes")
            yield from saying(finding, joins.find_modes(job))
        yield from self._pass(passes.separate, job.about_parts, "separating")
        joins.join_parts(job)
        if not job.is_global:
            yield from self._pass(passes.cluster, job.pieces, "clustering")
            if job.has_tissue:
                yield from self._tissue_steps()
            joins.number_objects(job)
        boxes = dict.fromkeys(range(len(self.run.output.boxes(job.shape))), 1)
        drawing = partial(
            draw, output=self.run.output, at=self.at, labels=self.run.drawn
        )
        yield from self._pass(drawing, job.drawn, "writing", boxes)
        notes = [
            *job.image.scale.notes,
            *dict.fromkeys(n for each in said for n in each),
        ]
        sizes = {"blocks": len(job.blocks), "tiles": len(job.blocks.plan)}
        return {**joins.figures(job), **sizes, "notes": notes}

    def _tissue_steps(self) -> Generator[Progress]:
        """Cluster the components that are too large to be held."""
        job, stage = self.job, "clustering tissue"
        yield from self._pass(tissue.part, partial(job.tissue, name=PARTED), stage)
        Tissue(job).count()
        yield from self._pass(tissue.match, partial(job.tissue, name=MATCHED), stage)
        tissue.unite(job)
        yield from self._pass(tissue.settle, partial(job.tissue, name=SETTLED), stage)

    def _pass(
        self,
        function: Callable[..., Any],
        result: Callable[[int], Path],
        stage: str,
        sizes: dict[int, int] | None = None,
    ) -> Generator[Progress, None, list[Any]]:
        """Do one thing with all blocks whose result is not there yet."""
        sizes = sizes or dict.fromkeys(range(len(self.job.blocks)), 1)
        left = self.run.shuffle([n for n in sizes if not result(n).exists()])
        todo = {n: sizes[n] for n in left}
        done = sum(sizes.values()) - sum(todo.values())
        return (yield from self.run.crew.steps(function, self.job, todo, stage, done))
