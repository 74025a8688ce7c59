"""What tests of opened networks share: bioimageio.core with the newest pydantic."""

from __future__ import annotations

import inspect
import re
from importlib.metadata import version
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

BROKEN = ((0, 5, 14), (2, 14))  # bioimageio.spec below, with pydantic from here on


def _numbers(package: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version(package))[:3])


def _mend(function: Any) -> None:
    """Let a serializer of bioimageio.spec hand on no info, which pydantic refuses.

    bioimageio.core pins bioimageio.spec 0.5.12, whose serializers pydantic 2.14 no
    longer runs; 0.5.14 mended them in the same way.
    """
    source = dedent(inspect.getsource(function))
    source = source[source.index("def ") :]
    mended = re.sub(r"handler\(\s*(\w+),\s*info,[^)]*?\n\s*\)", r"handler(\1)", source)
    assert mended != source
    names: dict[str, Any] = {}
    exec(mended, function.__globals__, names)
    function.__code__ = names[function.__name__].__code__


@pytest.fixture(scope="session")
def core_test() -> Callable[..., Any]:
    """`bioimageio.core.test_model`, which runs a package and checks its outputs."""
    from bioimageio.spec._internal import io_packaging, validated_string_with_inner_node
    from bioimageio.spec.model import v0_4

    if _numbers("bioimageio.spec") < BROKEN[0] and _numbers("pydantic") >= BROKEN[1]:
        inner = validated_string_with_inner_node.ValidatedStringWithInnerNode
        _mend(io_packaging.package_file_descr_serializer)
        _mend(v0_4.package_weights)
        _mend(vars(inner)["_serialize"].wrapped)
    from bioimageio.core import test_model

    return test_model  # type: ignore[no-any-return]
