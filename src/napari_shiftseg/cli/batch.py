"""The command ``segment`` on many images: files, folders and patterns."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from tqdm import tqdm

from napari_shiftseg.batch.conditions import incomparable
from napari_shiftseg.batch.finding import is_batch
from napari_shiftseg.batch.order import BatchOrder, BatchRow
from napari_shiftseg.batch.run import batch_steps
from napari_shiftseg.batch.tables import batch_record
from napari_shiftseg.cli.options import Order
from napari_shiftseg.cli.segment import kinds_to_save, run_segment
from napari_shiftseg.cli.terminal import note
from napari_shiftseg.cli.usual_model import model_for
from napari_shiftseg.progress import Returning
from napari_shiftseg.report.batch_page import batch_page
from napari_shiftseg.stores.reading import STORE
from napari_shiftseg.text import number_of, visible

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from napari_shiftseg.batch.order import BatchOutcome, BatchProgress
    from napari_shiftseg.cli.options import Asked, Storing
    from napari_shiftseg.pipeline.settings import Settings

    Steps = Generator[BatchProgress | BatchRow, None, BatchOutcome]

KEPT = "stopped; {} done: give the same command again with --resume to go on"
NONE_NEW = (
    "no image was segmented, so the tables and the page of the last run stay: mend "
    "what failed, and give the command again"
)
LEFT_OVER = "results whose image is no longer there are left as they are"
MOST_NAMED = 5  # images, in a note


def run_segment_all(
    images: Sequence[Path],
    output: Path,
    model: str | None,
    settings: Settings,
    save: str,
    storing: Storing,
    asked: Asked,
) -> bool:
    """Segment one image, or many; returns whether none failed.

    Parameters
    ----------
    images, output, model, settings, save, storing, asked
        See ``shiftseg segment --help``.
    """
    if is_batch(images):
        order = Order(settings, asked, model or "")
        return run_batch(images, output, order, save, storing)
    (image,) = images
    usual = model_for(model, image, settings=settings, series=asked.series)
    run_segment(image, output, Order(settings, asked, usual), save, storing)
    return True


def run_batch(
    inputs: Sequence[Path], output: Path, order: Order, save: str, storing: Storing
) -> bool:
    """Segment many images and print what became of them; returns whether none failed.

    Parameters
    ----------
    inputs, output, order, save, storing
        See ``shiftseg segment --help``.
    """
    asked = order.asked
    _refuse_store(output, storing)
    many = BatchOrder(
        tuple(inputs), output, order.model, order.settings, kinds_to_save(save),
        asked.channel, asked.series, asked.overwrite, storing.resume,
        storing.workers or 1, storing.scheduler,
    )  # fmt: skip
    outcome = _with_progress(batch_steps(many, batch_page))
    if asked.json:
        print(json.dumps(batch_record(outcome)))
    else:
        _print(outcome)
    return not outcome.of("failed")


def _refuse_store(output: Path, storing: Storing) -> None:
    """Refuse what goes with a store of one image only."""
    if output.suffix == STORE:
        raise ValueError(
            f"a {STORE} store is of one image: give a folder for the results of many "
            f"with -o, for example -o {output.stem or 'out'}"
        )
    if storing.chunk is not None or storing.float16:
        raise ValueError(
            f"--chunk and --float16 are for a {STORE} store, which is of one image: "
            f"leave them out"
        )


def _with_progress(steps: Steps) -> BatchOutcome:
    """Run to the end, with a bar for the images and one for that under way."""
    running, done = Returning(steps), 0
    try:
        with (
            tqdm(unit="image", disable=None, position=0) as images,
            tqdm(unit="tile", disable=None, position=1, leave=False) as tiles,
        ):
            for now in running:
                if isinstance(now, BatchRow):
                    done += now.status != "failed"
                    _tell(now)
                else:
                    _show(now, images, tiles)
    except (KeyboardInterrupt, OSError):  # by hand, or the disk is full
        steps.close()  # writes the tables of what is done
        if done:
            note(KEPT.format(number_of(done, "image")))
        raise
    return running.value


def _tell(row: BatchRow) -> None:
    """Say on standard error that an image failed, or is in doubt."""
    if row.status == "failed":
        tqdm.write(f"{row.name} failed: {row.error}", file=sys.stderr)
    for said in row.notes:
        tqdm.write(f"{row.name}: {said}", file=sys.stderr)


def _show(now: BatchProgress, images: tqdm[None], tiles: tqdm[None]) -> None:
    if now.note:
        tqdm.write(f"{now.name}: {now.note}", file=sys.stderr)
    images.total = now.total
    images.set_description(now.name, refresh=False)
    images.update(now.done - images.n)
    if now.within is not None:
        tiles.total = now.within.total
        tiles.set_description(now.within.stage, refresh=False)
        tiles.update(now.within.done - tiles.n)


def _print(outcome: BatchOutcome) -> None:
    """Print what became of the images, in words."""
    done, skipped, failed = (len(outcome.of(s)) for s in ("done", "skipped", "failed"))
    objects = sum(row.objects for row in outcome.rows)
    said = [f"{number_of(len(outcome.rows), 'image')}: {done:,} done"]
    said += [f"{skipped:,} done before"] if skipped else []
    said += [f"{failed:,} failed"] if failed else []
    print(
        f"{', '.join(said)}; {number_of(objects, 'object')} in "
        f"{outcome.seconds:.1f} s, written to {outcome.order.output}"
    )
    _note_what_was_decided(outcome)
    if failed:
        print(f"what failed, and why: {outcome.files['failures']}")
    if "page" in outcome.files:
        print(f"all on one page: {outcome.files['page']}")
    else:
        note(NONE_NEW)


def _note_what_was_decided(outcome: BatchOutcome) -> None:
    """Note what holds of several images once, with their names."""
    decided: dict[str, list[str]] = {}
    for row in outcome.rows:
        for said in row.decided:
            decided.setdefault(said, []).append(visible(row.name))
    for said, names in decided.items():
        note(f"{number_of(len(names), 'image')} {said}: {_first(names)}")
    if outcome.left_over:
        note(f"{LEFT_OVER}: {_first([visible(name) for name in outcome.left_over])}")
    for said in incomparable(outcome.rows):
        note(said)


def _first(names: Sequence[str]) -> str:
    """Return some names, and how many more there are."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
