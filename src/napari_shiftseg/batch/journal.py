"""What a batch has done: a file an image, in a folder of its output."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_shiftseg import __version__
from napari_shiftseg.batch.finding import JOURNAL
from napari_shiftseg.batch.order import BatchRow
from napari_shiftseg.distributed.arrays import write_durably
from napari_shiftseg.distributed.order import state_of, weights_sum
from napari_shiftseg.stores.folders import checksums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_shiftseg.batch.finding import Item
    from napari_shiftseg.batch.order import BatchOrder
    from napari_shiftseg.networks import TiledNetwork

ROWS = "images"
DIGITS = 12  # of a hash
KEYS = {"state", "row", "report"}  # of what is known of an image


def settings_hash(order: BatchOrder, model: TiledNetwork) -> str:
    """Return a number that is another one when anything is that changes a result.

    Settings, model, what is read of an image, what is written, and the version.

    Parameters
    ----------
    order : BatchOrder
    model : TiledNetwork
    """
    known = {
        "version": __version__,
        "settings": asdict(order.settings),
        "channel": order.channel,
        "series": order.series,
        "save": sorted(order.save),
        "model": model.config.model_dump(mode="json"),
        "weights": weights_sum(model),
    }
    text = json.dumps(known, sort_keys=True, default=str)
    return sha256(text.encode()).hexdigest()[:DIGITS]


def state_of_image(source: Path) -> dict[str, str]:
    """Return by what it is seen that a file, or a store, has changed.

    Parameters
    ----------
    source : Path
        A file, whose SHA-256 is known too; of a store names, sizes and times count. A
        sample has no file, and never changes.
    """
    return {"looks": state_of(str(source), ())} | _sum_of(source)


def is_unchanged(source: Path, before: Mapping[str, str]) -> bool:
    """Whether a file, or a store, is what it was: in size and time, or in its bytes.

    Parameters
    ----------
    source : Path
    before : mapping
        See `state_of_image`.
    """
    if before.get("looks") == state_of(str(source), ()):
        return True
    known = _sum_of(source)
    return bool(known) and known["sha256"] == before.get("sha256")


def _sum_of(source: Path) -> dict[str, str]:
    return checksums({"sha256": source}) if source.is_file() else {}


@dataclass(frozen=True)
class BatchJournal:
    """What is known of the images of a batch that are done.

    Parameters
    ----------
    output : Path
        The folder of the results; it need not be there.
    """

    output: Path

    @property
    def folder(self) -> Path:
        """Where the journal lies."""
        return self.output / JOURNAL / ROWS

    @cached_property
    def names(self) -> dict[str, str]:
        """How the results of each image begin, by its path."""
        return {str(row.source): row.name for row in self.rows()}

    def rows(self) -> list[BatchRow]:
        """Return what is known of all images, in the order of their names."""
        found = (self._read(path) for path in self.folder.glob("*.json"))
        rows = [_row_of(known["row"], self.output) for known in found if known]
        return sorted(rows, key=lambda row: row.name)

    def record(
        self, item: Item, row: BatchRow, state: dict[str, str], thumbnail: bytes
    ) -> None:
        """Record that an image is done.

        Parameters
        ----------
        item : Item
        row : BatchRow
        state : dict
            Of the image before it was read; see `state_of_image`.
        thumbnail : bytes
            A picture of it, a JPEG.
        """
        known = {
            "state": state,
            "row": _as_json(row, self.output),
            "report": state_of_image(row.files["report"]),
            "thumbnail": b64encode(thumbnail).decode(),
        }
        text = json.dumps(known)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_durably(self._path(item.source), lambda file: file.write(text.encode()))

    def state(self, row: BatchRow) -> dict[str, str]:
        """Return by what the image of a row is known again; see `state_of_image`.

        Parameters
        ----------
        row : BatchRow
        """
        return dict(self._read(self._path(row.source)).get("state", {}))

    def thumbnail(self, row: BatchRow) -> str:
        """Return the picture of an image that is done, in base64; empty: none.

        Parameters
        ----------
        row : BatchRow
        """
        return str(self._read(self._path(row.source)).get("thumbnail", ""))

    def done(self, item: Item, own_hash: str) -> BatchRow | None:
        """Return what an image gave, if it was done by these settings and is the same.

        And if all that was written of it is still there, and no other run has replaced
        it, which its report would tell. What was changed by hand stays as it is.

        Parameters
        ----------
        item : Item
        own_hash : str
            See `settings_hash`.
        """
        row = self.there(item)
        if row is None or row.settings_hash != own_hash:
            return None
        return row if is_unchanged(item.source, self.state(row)) else None

    def there(self, item: Item) -> BatchRow | None:
        """Return what an image gave, if all is there, and by whatever settings.

        Parameters
        ----------
        item : Item
        """
        known = self._read(self._path(item.source))
        if not known:
            return None
        row = _row_of(known["row"], self.output)
        is_there = all(path.exists() for path in row.files.values())
        if not is_there or row.folder != item.folder:
            return None
        is_ours = is_unchanged(row.files["report"], known["report"])
        return row if is_ours else None

    def _path(self, source: Path) -> Path:
        name = sha256(str(source).encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / f"{name[:DIGITS]}.json"

    def _read(self, path: Path) -> dict[str, Any]:
        """Read what is known of an image; nothing where that is not whole."""
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            return known if set(known) >= KEYS else {}
        except (OSError, ValueError):
            return {}


def _as_json(row: BatchRow, output: Path) -> dict[str, Any]:
    files = {kind: path.relative_to(output) for kind, path in row.files.items()}
    return asdict(row) | {
        "source": str(row.source),
        "files": {kind: path.as_posix() for kind, path in files.items()},
    }


def _row_of(known: dict[str, Any], output: Path) -> BatchRow:
    names = {field.name for field in fields(BatchRow)}
    row = {name: value for name, value in known.items() if name in names}
    return BatchRow(
        **row
        | {
            "source": Path(row["source"]),
            "notes": tuple(row["notes"]),
            "decided": tuple(row.get("decided", ())),
            "shape": tuple(row.get("shape", ())),
            "files": {kind: output / path for kind, path in row["files"].items()},
        }
    )
