"""What a person reads on the terminal."""

from __future__ import annotations

import sys
from dataclasses import replace
from textwrap import fill
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from napari_shiftseg.geometry.cost import MOST_TILES
from napari_shiftseg.networks.header import SUFFIX
from napari_shiftseg.progress import Progress, Returning
from napari_shiftseg.report.figures_of_merit import NO_TRUTH, lines, ways_table
from napari_shiftseg.samples.catalogue import make_sample
from napari_shiftseg.stores import reading
from napari_shiftseg.stores.folders import refuse_to_overwrite, writable_folder
from napari_shiftseg.stores.image import as_read
from napari_shiftseg.stores.reading import image_for

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_shiftseg.cli.options import Asked
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.report.figures_of_merit import Line
    from napari_shiftseg.stores.reading import Source


Result = TypeVar("Result")

TITLE, COLUMN = 24, 16  # characters
MANY_TILES = "{:,} {}s: this may take long; a larger window makes fewer"


def with_progress(
    steps: Generator[Progress, None, Result], unit: str = "tile"
) -> Result:
    """Run to the end; notes and (on a terminal) a progress bar go to standard error.

    Parameters
    ----------
    steps : generator
    unit : str
        What a step is called.
    """
    running, is_warned = Returning(steps), False
    with tqdm(unit=unit, disable=None, leave=False) as bar:
        for progress in running:
            if progress.total > MOST_TILES and not is_warned:
                is_warned = True
                tqdm.write(MANY_TILES.format(progress.total, unit), file=sys.stderr)
            if progress.note:
                tqdm.write(progress.note, file=sys.stderr)
            bar.total = progress.total
            bar.set_description(progress.stage, refresh=False)
            bar.update(progress.done - bar.n)
    return running.value


def report_comparison(report: Mapping[str, Any]) -> None:
    """Print naive and cropped stitching side by side, and what it means."""
    table = lines(report)
    _print_row("", "naive", "cropped", "untiled")
    without_truth = []
    for line in table:
        if NO_TRUTH in (line.naive, line.cropped):
            without_truth.append(line.title.strip())
        else:
            _print_row(line.title, line.naive, line.cropped, line.untiled)
    if without_truth:
        said = f"{NO_TRUTH} (--truth): {', '.join(without_truth)}"
        print(f"\n{fill(said, 80)}")
    _print_better(table)
    if report["also"]:
        print("\nlargest, mean: difference from the untiled prediction")
        ways = ways_table(report)
        print_table(ways.header, ways.rows)
    print(f"\n{fill(report['verdict'], 80)}")
    for warning in report["warnings"]:
        print(f"note: {warning}")


def _print_better(table: Sequence[Line]) -> None:
    """Say in which figures a side is better, beyond what chance gives."""
    for side in ("naive", "cropped"):
        titles = [line.title.strip() for line in table if line.better == side]
        if titles:
            said = f"{side} is better beyond chance: {', '.join(titles)}"
            print(f"\n{fill(said, 80)}")


def _print_row(title: str, naive: str, cropped: str, untiled: str) -> None:
    columns = f"{naive:>{COLUMN}}{cropped:>{COLUMN}}  {untiled:>{COLUMN}}"
    print(f"{title:{TITLE}}{columns}".rstrip())


def note(text: str) -> None:
    """Say something beside the result, which alone is on standard output."""
    print(text, file=sys.stderr)


def print_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], indent: int = 0
) -> None:
    """Print a table: its columns as wide as they need, the first one to the left.

    Parameters
    ----------
    header, rows : sequence of str
    indent : int
        Blanks before each row.
    """
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        columns = [f"{text:>{w}}" for text, w in zip(others, widths[1:], strict=True)]
        cells = "  ".join([f"{first:{widths[0]}}", *columns])
        print(f"{' ' * indent}{cells}".rstrip())


def read_labels(kind: str, path: Path) -> NDArray[np.integer]:
    """Read labels; note what looks like a raw image or a mask.

    Parameters
    ----------
    kind, path
        See `stores.reading.read_labels`.
    """
    labels = reading.read_labels(kind, path)
    doubt = reading.doubt(path, labels)
    if doubt:
        note(f"{kind} {doubt}")
    return labels


def read_truth(image: Path, truth: Path | None) -> NDArray[np.integer] | None:
    """Read the true labels of an image; those of a sample are its own.

    Parameters
    ----------
    image : Path
    truth : Path or None
        None: an image has none, a sample its own.
    """
    if truth is None:
        return make_sample(str(image)).labels if reading.is_sample(image) else None
    return read_labels("truth", truth)


def read_source(
    config: NetworkConfig, image: Path, asked: Asked, lazily: bool = False
) -> Source:
    """Read an image as a model reads it, and note what was decided; see `image_for`.

    Parameters
    ----------
    config : NetworkConfig
    image : Path
    asked : Asked
        Its channel and series.
    lazily : bool
        Whether its pixels may stay on disk.
    """
    source = image_for(config, image, asked.channel, asked.series, lazily)
    for said in source.notes:
        note(f"{image.name}: {said}")
    return source


def read_frame(config: NetworkConfig, image: Path, asked: Asked) -> Source:
    """Read one image: of a stack of one plane that plane, of one channel that channel.

    Parameters
    ----------
    config, image, asked
        See `read_source`.
    """
    source = read_source(config, image, asked)
    data = as_read(source.data, config.ndim, config.in_channels)
    source = replace(source, data=data, axes=source.axes[: data.ndim])
    leading = data.ndim - config.image_axes
    if leading < 1 or set(source.data.shape[:leading]) != {1}:
        return source
    one = data.reshape(data.shape[leading:])
    return replace(source, data=one, axes=source.axes[leading:])


def check_model_file(path: Path, overwrite: bool | None = None) -> None:
    """Make the folder of a model file, before any work is done.

    Parameters
    ----------
    path : Path
    overwrite : bool, optional
        Whether a model that is there may be replaced; not looked at if not given.

    Raises
    ------
    ValueError
        If the file is not called as a model is.
    FileExistsError
        If there is a model already that may not be replaced.
    OSError
        If no file can be written there.
    """
    if path.suffix != SUFFIX:
        raise ValueError(f"the model file must end with {SUFFIX}, got {path.name!r}")
    writable_folder(path.parent)
    if overwrite is not None:
        refuse_to_overwrite([path], (), overwrite, "model of this command")
