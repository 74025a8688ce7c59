"""An image too large to be there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Lazy:
    """Zeros that are never there, and what was read of them."""

    dtype = np.dtype(np.uint8)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.boxes: list[tuple[slice, ...]] = []

    def __getitem__(self, at: Any) -> NDArray[np.uint8]:
        box = tuple(part for part in at if part is not Ellipsis)
        self.boxes.append(box)
        return np.zeros([part.stop - part.start for part in box], dtype=self.dtype)


@pytest.fixture
def lazy() -> type[Lazy]:
    return Lazy
