"""Reading YAML of others: plain values only, within bounds."""

from __future__ import annotations

import re
from typing import Any

import yaml

from napari_shiftseg.networks.opening.trust import (
    UnreadableNetworkError,
    said_by,
)

MOST_BYTES = 2**20
MOST_VALUES = 100_000  # aliases counted as often as they stand
DEEPEST = 40


class _Loader(yaml.SafeLoader):  # type: ignore[misc, unused-ignore]
    """Reads 1e-5 as a number, as YAML 1.2 does, and dates as text."""


_Loader.yaml_implicit_resolvers = {
    letter: [rule for rule in rules if rule[0] != "tag:yaml.org,2002:timestamp"]
    for letter, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def read_yaml(content: bytes, name: str) -> dict[str, Any]:
    """Read a YAML file that holds a mapping of plain values.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for errors.

    Raises
    ------
    UnreadableNetworkError
        If it is none, holds tags that stand for objects of Python, or is too large,
        also once its aliases are written out.
    """
    if len(content) > MOST_BYTES:
        raise UnreadableNetworkError(
            f"{name} has {len(content):,} bytes, at most {MOST_BYTES:,} are read: no "
            f"description of a model is so long"
        )
    try:
        found = yaml.load(content.decode("utf-8"), Loader=_Loader)
        _count(found, name)
    except (yaml.YAMLError, ValueError, RecursionError, TypeError, OverflowError) as e:
        if isinstance(e, UnreadableNetworkError):
            raise
        raise UnreadableNetworkError(
            f"{name} cannot be read as YAML ({said_by(e)}): mend it, or get it again"
        ) from None
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise UnreadableNetworkError(
            f"{name} must be a mapping of names to values, as in 'name: my network'"
        )
    return found


def _count(found: Any, name: str) -> None:
    """Refuse what is small as a file and huge as values: aliases of aliases."""
    seen, left = 0, [(found, 0)]
    while left:
        value, depth = left.pop()
        seen += 1
        if seen > MOST_VALUES or depth > DEEPEST:
            raise UnreadableNetworkError(
                f"{name} has more than {MOST_VALUES:,} values, or they nest deeper "
                f"than {DEEPEST} times: no description of a model does"
            )
        if isinstance(value, dict):
            left += [(each, depth + 1) for pair in value.items() for each in pair]
        elif isinstance(value, (list, tuple, set)):
            left += [(each, depth + 1) for each in value]
