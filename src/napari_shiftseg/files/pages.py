"""The chain of pages of a TIFF file, walked before it is read."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO

from napari_shiftseg.files.stored import DamagedError

if TYPE_CHECKING:
    from pathlib import Path

ORDERS = {b"II": "<", b"MM": ">"}
BIG = 43  # version of BigTIFF
MOST_TAGS = 4096  # of a page; more are damage
LARGEST_CLASSIC = 2**32  # bytes; beyond, offsets of a classic TIFF wrap


def check_pages(path: Path) -> None:
    """Refuse a file whose pages run in a circle, or lead out of it.

    A reader that follows a circle never ends; one that gives up at a broken link loses
    the pages behind it.

    Parameters
    ----------
    path : Path
        Of a TIFF file.

    Raises
    ------
    DamagedError
        If they do; the page is named.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(8)
        order = ORDERS.get(head[:2])
        if order is None or len(head) < 8:
            raise DamagedError("its header is cut off")
        is_big = struct.unpack(f"{order}H", head[2:4])[0] == BIG
        if size >= LARGEST_CLASSIC and not is_big:
            return
        first = file.read(8) if is_big else head[4:]
        _walk(file, order, is_big, first, size)


def _walk(file: BinaryIO, order: str, is_big: bool, link: bytes, size: int) -> None:
    """Follow the links from page to page."""
    count, tag, offset = ("Q", 20, "Q") if is_big else ("H", 12, "I")
    seen: set[int] = set()
    while True:
        if len(link) < struct.calcsize(offset):
            raise DamagedError(f"the file is cut off behind page {len(seen)}")
        at = struct.unpack(order + offset, link)[0]
        if not at:
            return
        if at in seen:
            raise DamagedError(f"its pages run in a circle behind page {len(seen)}")
        seen.add(at)
        file.seek(min(at, size))
        length = file.read(struct.calcsize(count))
        if len(length) < struct.calcsize(count):
            raise DamagedError(f"page {len(seen)} is cut off: it lies beyond the file")
        tags = struct.unpack(order + count, length)[0]
        if tags > MOST_TAGS:
            raise DamagedError(f"page {len(seen)} is damaged: it has {tags:,} tags")
        file.seek(tags * tag, 1)
        link = file.read(struct.calcsize(offset))
