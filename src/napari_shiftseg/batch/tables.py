"""The files of a whole batch: a row an image, a row an object, what failed, a page."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, replace
from itertools import islice
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_shiftseg.batch.again import RECORD
from napari_shiftseg.results.recipe_file import given_of
from napari_shiftseg.stores.folders import (
    Run,
    checksums,
    read_record,
    refuse_to_overwrite,
    sums_of,
    written_by,
)
from napari_shiftseg.stores.tables import plain, write_rows
from napari_shiftseg.stores.whole_file import all_or_none
from napari_shiftseg.text import readable

if TYPE_CHECKING:
    from collections.abc import (
        Callable,
        Generator,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from napari_shiftseg.batch.order import (
        BatchOrder,
        BatchOutcome,
        BatchProgress,
        BatchRow,
    )

FILES = {
    "summary": "summary.csv", "objects": "objects.csv", "failures": "failures.csv",
    "page": "batch.html",
}  # fmt: skip
RUN = Run("segment, a batch", ())
NUMBERS = ("density", "median_area")
SIDES = {"T": "frames", "Z": "planes", "Y": "height", "X": "width"}  # of an image
AFTER_UNITS = ("foreground_share", "confidence", "seconds")
OF_AN_OBJECT = ("image", "folder", "condition")  # columns before those of its table
DIGITS = 6  # of a number in the summary
AT_ONCE = 2**14  # rows of objects


@dataclass(frozen=True)
class Written:
    """The files of a whole batch, none of which may be lost.

    Parameters
    ----------
    order : BatchOrder
    """

    order: BatchOrder

    @property
    def record(self) -> Path:
        """By which the others are known again."""
        return self.order.output / RECORD

    def files(self, has_page: bool) -> dict[str, Path]:
        """Return the files by kind."""
        kinds = [kind for kind in FILES if has_page or kind != "page"]
        return {kind: self.order.output / FILES[kind] for kind in kinds}

    def refuse_others(self, sources: Iterable[Path] | None = None) -> None:
        """Refuse to replace what no batch wrote, or a batch on other images.

        Parameters
        ----------
        sources : iterable of Path, optional
            The images of this one.

        Raises
        ------
        FileExistsError
            If there is such a file; it is named.
        """
        if sources is not None and not self.order.overwrite:
            self._refuse_other_images(set(map(str, sources)))
        paths = (*self.files(True).values(), self.record)
        own = written_by(RUN, self.record)
        refuse_to_overwrite(paths, own, self.order.overwrite, "batch")

    def _refuse_other_images(self, sources: set[str]) -> None:
        """Refuse to forget images of an older batch that are still there."""
        rows = read_record(self.record).get("rows")
        known = [row["source"] for row in rows or () if isinstance(row, dict)]
        others = [one for one in known if one not in sources and Path(one).exists()]
        if others:
            raise FileExistsError(
                f"{self.order.output} has the tables of a batch on other images, such "
                f"as {others[0]}: give these too, choose another folder, or add "
                f"--overwrite to replace the tables"
            )


def written_steps(
    written: Written,
    outcome: BatchOutcome,
    now: BatchProgress,
    page: Callable[[BatchOutcome], str] | None,
) -> Generator[BatchProgress, None, BatchOutcome]:
    """Write the files of a batch, all or none; returns the outcome with them.

    Where every image failed, the tables of an older batch that has objects stay, and
    only what failed is written.

    Parameters
    ----------
    written : Written
    outcome : BatchOutcome
    now : BatchProgress
        Yielded while the objects of all images are put together.
    page : callable or None
        See `batch_steps`.
    """
    written.refuse_others()  # again: the run may have taken long
    if len(outcome.of("failed")) == len(outcome.rows) and _has_rows(written.record):
        return replace(outcome, files=_failures_alone(written, outcome))
    files = written.files(page is not None)
    outcome = replace(outcome, files=files)
    with all_or_none([written.record, *files.values()]) as (record, *parts):
        new = dict(zip(files, parts, strict=True))
        write_rows(new["summary"], summary_table(outcome.rows))
        write_rows(new["failures"], failures_table(outcome.rows))
        for _ in write_objects(new["objects"], outcome.rows):
            yield now
        if page is not None:
            new["page"].write_text(page(outcome), encoding="utf-8")
        named = {path.name: new[kind] for kind, path in files.items()}
        about = batch_record(outcome) | RUN.about()
        about |= sums_of(RUN, written.record, named)
        record.write_text(json.dumps(about, indent=2), encoding="utf-8")
    return outcome


def _has_rows(record: Path) -> bool:
    """Whether the tables that are there tell of an image that was segmented."""
    return bool(read_record(record).get("objects"))


def _failures_alone(written: Written, outcome: BatchOutcome) -> dict[str, Path]:
    """Write what failed, where nothing else is new; the older tables stay."""
    path = written.order.output / FILES["failures"]
    with all_or_none([written.record, path]) as (record, new):
        write_rows(new, failures_table(outcome.rows))
        known = read_record(written.record)
        known["sha256"] |= checksums({path.name: new})
        record.write_text(json.dumps(known, indent=2), encoding="utf-8")
    return {"failures": path}


def batch_record(outcome: BatchOutcome) -> dict[str, Any]:
    """Return what became of a batch, ready for JSON, and by what it was asked for.

    Parameters
    ----------
    outcome : BatchOutcome
    """
    order = outcome.order
    given = given_of(order.model, order.channel, order.series)
    return {
        "images": len(outcome.rows),
        **{kind: len(outcome.of(kind)) for kind in ("done", "skipped", "failed")},
        "objects": sum(row.objects for row in outcome.rows),
        "seconds": outcome.seconds,
        "rows": [_row_as_json(row) for row in outcome.rows],
        "files": {kind: str(path) for kind, path in outcome.files.items()},
        "settings": asdict(order.settings),
        "given": given["given"] | {"save": ",".join(order.save)},
    }


def _row_as_json(row: BatchRow) -> dict[str, Any]:
    known = asdict(row) | {"source": str(row.source)}
    known["files"] = {kind: str(path) for kind, path in row.files.items()}
    known["in_units"] = _without_nan(known["in_units"])
    return _without_nan(known)


def _without_nan(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is not known as JSON says it."""
    return {
        name: None if isinstance(value, float) and isnan(value) else value
        for name, value in values.items()
    }


def summary_table(rows: Sequence[BatchRow]) -> dict[str, Any]:
    """Return a row an image; of one that failed no figure is known.

    Parameters
    ----------
    rows : sequence of BatchRow
    """
    units = list(dict.fromkeys(name for row in rows for name in row.in_units))
    return {
        "image": _texts(row.name for row in rows),
        "condition": _texts(row.condition for row in rows),
        "status": _texts(_status(row) for row in rows),
        "objects": _texts("" if r.status == "failed" else r.objects for r in rows),
        **{name: _numbers(getattr(row, name) for row in rows) for name in NUMBERS},
        **{n: _numbers(row.in_units.get(n, np.nan) for row in rows) for n in units},
        **{name: _numbers(getattr(r, name) for r in rows) for name in AFTER_UNITS},
        "settings_hash": _texts(row.settings_hash for row in rows),
        "model": _texts(row.model for row in rows),
        **{name: _texts(r.side(a) or "" for r in rows) for a, name in SIDES.items()},
        "notes": _texts("; ".join((*row.notes, *row.decided)) for row in rows),
    }


def _status(row: BatchRow) -> str:
    if row.status == "failed":
        return "failed"
    return "mended" if row.is_mended else "done"


def failures_table(rows: Iterable[BatchRow]) -> dict[str, Any]:
    """Return which images failed, and why.

    Parameters
    ----------
    rows : iterable of BatchRow
    """
    failed = [row for row in rows if row.status == "failed"]
    return {
        "image": _texts(row.name for row in failed),
        "path": _texts(row.source for row in failed),
        "error": _texts(row.error for row in failed),
    }


def _texts(values: Iterable[Any]) -> Any:
    """Return a column of text that every encoding of Unicode can write."""
    known = [v if isinstance(v, int) else readable(str(v)) for v in values]
    return np.array(known, dtype=object)


def _numbers(values: Iterable[float]) -> Any:
    return np.array([float(f"{value:.{DIGITS}g}") for value in values])


def write_objects(path: Path, rows: Sequence[BatchRow]) -> Iterator[None]:
    """Write the objects of all images, one image after the other; yields now and then.

    Columns are those of all images; where an image has one not, it is empty.

    Parameters
    ----------
    path : Path
    rows : sequence of BatchRow
    """
    tables = [(row, row.files["objects"]) for row in rows if "objects" in row.files]
    columns = list(dict.fromkeys(name for _, own in tables for name in _header(own)))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((*OF_AN_OBJECT, *columns))
        for row, own in tables:
            about = [plain(readable(t)) for t in (row.name, row.folder, row.condition)]
            for some in _in_parts(own):
                writer.writerows(
                    [*about, *(each.get(name, "") for name in columns)] for each in some
                )
                yield


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return next(csv.reader(file), [])


def _in_parts(path: Path) -> Iterator[list[dict[str, str]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        while some := list(islice(rows, AT_ONCE)):
            yield some
