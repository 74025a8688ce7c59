"""A step of a training that can be stopped between two layers."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import nn


class Stopped(Exception):
    """Somebody asked the training to stop."""


@contextmanager
def asking(model: nn.Module, is_stopped: Callable[[], bool]) -> Iterator[None]:
    """Ask before each layer, and where each weight has its gradient, whether to stop.

    Raises
    ------
    Stopped
        From within the pass, where the answer is yes.
    """

    def ask(*_: Any) -> None:
        if is_stopped():
            raise Stopped

    hooks = [layer.register_forward_pre_hook(ask) for layer in model.modules()]
    for weight in model.parameters():
        hooks.append(weight.register_hook(ask))  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
