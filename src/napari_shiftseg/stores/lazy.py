"""Arrays that stay on disk until a part of them is asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np
import psutil
import tifffile
import zarr

from napari_shiftseg.stores.stored_image import RefusedError
from napari_shiftseg.text import by

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Key = int | slice


@lru_cache(maxsize=16)
def _opened(opening: Callable[..., Any], where: tuple[Any, ...], _state: str) -> Any:
    """Open an array, once in a process as long as it does not change."""
    return opening(*where)


def _state_of(path: str) -> str:
    """Return what is another text once a file, or a store's array, was written anew."""
    names = (path, f"{path}/zarr.json", f"{path}/.zarray")
    known = [os.stat(name) for name in names if os.path.isfile(name)]
    return " ".join(f"{each.st_size} {each.st_mtime_ns}" for each in known)


@dataclass(frozen=True)
class Lazy:
    """An array on disk, some of its axes at one place; it goes to workers as a path.

    What takes whole axes or single places of them gives a `Lazy` again; any other part
    is read.

    Attributes
    ----------
    opening : callable
        Opens the array; its name goes to other processes.
    where : tuple
        What it is called with.
    full : tuple of int
        Shape of the array on disk.
    dtype : numpy dtype
    places : tuple of int or None
        One an axis on disk: the place that is taken, None for all of them.
    state : str
        Of the file when it was opened first.
    """

    opening: Callable[..., Any]
    where: tuple[Any, ...]
    full: tuple[int, ...]
    dtype: np.dtype[Any]
    places: tuple[int | None, ...]
    state: str

    @classmethod
    def of(cls, opening: Callable[..., Any], path: str, *more: Any) -> Lazy:
        """Return all of an array; it is opened to see its shape.

        Parameters
        ----------
        opening : callable
            Of a module, so that it can be named in other processes.
        path : str
            What it is called with first; it is made absolute.
        *more
            What it is called with besides, hashable.
        """
        where, state = (os.path.abspath(path), *more), _state_of(path)
        array = _opened(opening, where, state)
        full, kind = tuple(array.shape), np.dtype(array.dtype)
        return cls(opening, where, full, kind, (None,) * len(full), state)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what is left of the axes."""
        return tuple(
            n for n, at in zip(self.full, self.places, strict=True) if at is None
        )

    @property
    def ndim(self) -> int:
        """Number of axes that are left."""
        return self.places.count(None)

    def take(self, index: int, axis: int) -> Lazy:
        """Return one place along an axis, still on disk."""
        key: list[Key] = [slice(None)] * self.ndim
        key[axis] = index
        return self._at(key)

    def __getitem__(self, key: Any) -> Any:
        keys = self._spelled(key)
        if all(isinstance(k, int) or _is_all(k, n) for k, n in self._pairs(keys)):
            return self._at(keys)
        parts = iter(keys)
        there = tuple(next(parts) if at is None else at for at in self.places)
        return np.asarray(self._array[there])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = tuple(slice(None) if at is None else at for at in self.places)
        return np.asarray(self._array[whole], dtype)

    def transpose(self, places: Sequence[int]) -> Any:
        """Return other axes first, lazily: an array of dask."""
        import dask.array as da

        return da.from_array(self).transpose(places)

    @property
    def _array(self) -> Any:
        return _opened(self.opening, self.where, self.state)

    def _pairs(self, keys: list[Key]) -> list[tuple[Key, int]]:
        return list(zip(keys, self.shape, strict=True))

    def _at(self, keys: list[Key]) -> Lazy:
        left = iter(keys)
        places = [next(left) if at is None else at for at in self.places]
        known = tuple(
            range(n)[at] if isinstance(at, int) else None
            for at, n in zip(places, self.full, strict=True)
        )
        return replace(self, places=known)

    def _spelled(self, key: Any) -> list[Key]:
        """Return one key an axis."""
        keys = list(key) if isinstance(key, tuple) else [key]
        if any(k is Ellipsis for k in keys):
            at = next(i for i, k in enumerate(keys) if k is Ellipsis)
            keys[at : at + 1] = [slice(None)] * (self.ndim - len(keys) + 1)
        keys += [slice(None)] * (self.ndim - len(keys))
        return [k if isinstance(k, slice) else int(k) for k in keys]


def _is_all(key: Key, size: int) -> bool:
    return isinstance(key, slice) and key.indices(size) == (0, size, 1)


def open_array(path: str) -> Any:
    """Open an array of a store to read it."""
    return zarr.open_array(path, mode="r")


def open_series(path: str, number: int) -> Any:
    """Open a series of a TIFF, counted from 0, to read it part by part."""
    try:
        return tifffile.memmap(path, series=number, mode="r")
    except ValueError:  # compressed, or in other pieces
        file = tifffile.TiffFile(path)
        array = zarr.open_array(file.series[number].aszarr(level=0), mode="r")
        finalize(array, file.close)
        return array


def places_of(array: Any) -> list[Path]:
    """Return the files and folders that an array is read from, resolved.

    Of `Lazy`, of zarr on this machine, and of these in dask; nothing is said of others.

    Parameters
    ----------
    array : array_like
    """
    if isinstance(array, Lazy):
        return [Path(array.where[0]).resolve()]
    if isinstance(array, zarr.Array):
        root = getattr(array.store, "root", None)  # others lie in memory, or far away
        return [] if root is None else [(Path(root) / array.path).resolve()]
    layers = getattr(getattr(array, "dask", None), "layers", {})
    return [
        place
        for name, layer in layers.items()
        if name.startswith("original-")  # as dask calls what it was made of
        for held in dict(layer).values()
        for place in places_of(held)
    ]


def refuse_too_large(shape: Sequence[int], dtype: np.dtype[Any]) -> None:
    """Refuse to hold an image for which memory does not suffice.

    Parameters
    ----------
    shape : sequence of int
    dtype : numpy dtype
    """
    needed = prod(shape) * dtype.itemsize
    free = psutil.virtual_memory().available
    if needed > free:
        raise RefusedError(
            f"an image of {by(tuple(shape))} takes {needed / 2**30:,.1f} GiB, but only "
            f"{free / 2**30:,.1f} GiB are free: crop it, or choose a smaller series"
        )


def in_memory(data: Any) -> Any:
    """Return pixels as an array in memory; refused if they do not fit."""
    if isinstance(data, Lazy):
        refuse_too_large(data.shape, data.dtype)
        return np.asarray(data)
    return data
