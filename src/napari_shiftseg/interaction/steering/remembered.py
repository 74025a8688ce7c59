"""Mean shifts that were done before, within a bound of memory."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_shiftseg.clustering.found import Box, Find, Finding, Found
    from napari_shiftseg.model.config import Clustering

    Key = tuple[object, ...]

MOST_BYTES = 2**27


class Remembered:
    """Find modes, unless they were found before of the very same pixels.

    What is found depends on the bandwidth, the kernel and the pixels alone: when
    another knob is turned, or pixels elsewhere become foreground, it is still known.
    What was not asked for longest is forgotten first.

    Parameters
    ----------
    find : callable
        Of one embedding; asked where nothing is known.
    most_bytes : int
        That what is remembered may take.

    Attributes
    ----------
    searches : int
        How often `find` was asked.
    """

    def __init__(self, find: Find, most_bytes: int = MOST_BYTES) -> None:
        self._find, self._most_bytes = find, most_bytes
        self._known: OrderedDict[Key, Found] = OrderedDict()
        self._bytes = 0
        self.searches = 0

    def __call__(
        self, box: Box, inside: NDArray[np.bool_], settings: Clustering
    ) -> Finding:
        """Find the modes of the pixels inside; see `Pixels.find`.

        What is left before its end is not remembered.
        """
        key = _key(box, inside, settings)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        self.searches += 1
        found = yield from self._find(box, inside, settings)
        self._known[key] = found
        self._bytes += found.nbytes
        while self._bytes > self._most_bytes and len(self._known) > 1:
            _, oldest = self._known.popitem(last=False)
            self._bytes -= oldest.nbytes
        return found


def _key(box: Box, inside: NDArray[np.bool_], settings: Clustering) -> Key:
    pixels = blake2b(np.packbits(inside).tobytes(), digest_size=16).digest()
    begin = tuple(side.start for side in box)
    return (settings.bandwidth, settings.kernel, begin, inside.shape, pixels)
