"""A batch in a folder that has results: what is kept, what is made again, and why."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_shiftseg.stores.folders import read_record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_shiftseg.batch.finding import Item
    from napari_shiftseg.batch.journal import BatchJournal
    from napari_shiftseg.batch.order import BatchOrder, BatchRow

RECORD = "batch.json"
KEPT = "kept, for you mended the labels; overwrite (--overwrite) segments anew"
OTHERS = "done again, for {} other than before"


def kept(row: BatchRow) -> BatchRow:
    """Return the row of an image whose labels were mended, and are left so.

    Parameters
    ----------
    row : BatchRow
    """
    return replace(row, status="skipped", decided=(*row.decided, KEPT))


def why_again(item: Item, order: BatchOrder, journal: BatchJournal, own: str) -> str:
    """Say that an image is done again since settings are others; empty: it is not.

    Parameters
    ----------
    item : Item
    order : BatchOrder
    journal : BatchJournal
    own : str
        Hash of the settings.
    """
    known = journal.there(item)
    if known is None or known.settings_hash == own:
        return ""
    before = read_record(order.output / RECORD).get("settings", {})
    now = json.loads(json.dumps(asdict(order.settings)))
    names = [name for name in now if name in before and before[name] != now[name]]
    if names:
        return OTHERS.format(f"the settings ({', '.join(names)}) are")
    return OTHERS.format("model, version, channel or kinds of results are")


def left_over(items: Iterable[Item], known: Iterable[BatchRow]) -> tuple[str, ...]:
    """Return the names of results whose image is no longer there.

    Parameters
    ----------
    items : iterable of Item
        Of this batch.
    known : iterable of BatchRow
        What earlier ones have done in its output.
    """
    ours = {item.key for item in items}
    return tuple(
        row.name
        for row in known
        if row.name not in ours
        and row.source.is_absolute()
        and not Path(row.source).exists()
        and any(path.exists() for path in row.files.values())
    )
