"""What the channels of an output are, from the words that a package has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_shiftseg.networks.opening.opened import Output, OutputKind
from napari_shiftseg.networks.opening.steps import Pixelwise, Sigmoid, Softmax
from napari_shiftseg.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

# the first that is found in a channel's name, or else in what is said of all, wins
WORDS: tuple[tuple[str, OutputKind], ...] = (
    ("embed", "embedding"),
    ("boundar", "boundary"),
    ("membrane", "boundary"),
    ("contour", "boundary"),
    ("edge", "boundary"),
    ("border", "boundary"),
    ("affinit", "affinity"),
    ("dist", "distance"),
    ("flow", "flow"),
    ("vector", "flow"),
    ("offset", "flow"),
    ("logit", "logit"),
    ("prob", "probability"),
    ("foreground", "probability"),
    ("background", "probability"),
    ("mask", "probability"),
)
LONGEST = 100


def outputs_of(
    names: Sequence[str], said: str, activation: Sequence[Pixelwise]
) -> tuple[Output, ...]:
    """Return one output a channel.

    Parameters
    ----------
    names : sequence of str
        Of the channels.
    said : str
        Name and description of all of them.
    activation : sequence of Pixelwise
        A sigmoid or softmax at its end makes probabilities of what has no other name.
    """
    is_share = bool(activation) and isinstance(activation[-1], (Sigmoid, Softmax))
    usual = _kind(said) or ("probability" if is_share else "other")
    return tuple(
        Output(_kind(name) or usual, visible(name)[:LONGEST]) for name in names
    )


def _kind(text: str) -> OutputKind | None:
    words = text.lower()
    return next((kind for word, kind in WORDS if word in words), None)
