"""Weights of others fitted to a network: names mapped, and what does not fit listed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_shiftseg.networks.opening.trust import UnreadableNetworkError
from napari_shiftseg.text import brief, by, number_of, visible

if TYPE_CHECKING:
    from torch import Tensor, nn

# where trainings keep the weights within what they save
NESTS = (
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "unet",
    "weights", "params", "ema",
)  # fmt: skip
# what wrappers put before the names of layers
PREFIXES = (
    "module.", "model.", "net.", "network.", "unet.", "_orig_mod.", "backbone.",
    "generator.",
)  # fmt: skip
DEEPEST = 4  # wrappers within wrappers
COUNTER = "num_batches_tracked"  # of batch norm; of no use to a trained network
STATISTICS = ("running_mean", "running_var")  # of batch norm alone
SHOWN = 5  # names of each kind in an error
Rename = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Fitted:
    """Weights by the names of the network.

    Attributes
    ----------
    weights : dict
    removed : str
        What stood before every name.
    left_out : tuple of str
        Names that were to be ignored.
    """

    weights: dict[str, Tensor]
    removed: str
    left_out: tuple[str, ...] = ()


def fitted(
    found: Mapping[str, Any],
    module: nn.Module,
    name: str,
    rename: Rename = (),
    ignore: Sequence[str] = (),
) -> Fitted:
    """Fit what was saved to a network.

    Parameters
    ----------
    found : mapping
        Of `read_weights`.
    module : nn.Module
    name : str
        Of the file, for errors.
    rename : sequence of (str, str)
        Parts of names and what stands in their place, one after the other.
    ignore : sequence of str
        Beginnings of names, as they are in the file, that are left out.

    Raises
    ------
    UnreadableNetworkError
        If weights are missing, of no layer, or of another size: all three are listed.
    """
    wanted = {key: tuple(w.shape) for key, w in module.state_dict().items()}
    if not wanted and not found:  # a network without weights
        return Fitted({}, "")
    given = weights_within(found, name)
    left_out = tuple(key for key in given if key.startswith(tuple(ignore)))
    given = {key: given[key] for key in given if key not in left_out}
    for old, new in rename:
        given = _renamed(given, old, new, name)
    removed = _wrappers(given, wanted)
    given = {key.removeprefix(removed): weight for key, weight in given.items()}
    _refuse_what_does_not_fit(given, wanted, name)
    return Fitted({k: w for k, w in given.items() if k in wanted}, removed, left_out)


def _renamed(
    given: Mapping[str, Tensor], old: str, new: str, name: str
) -> dict[str, Tensor]:
    names: dict[str, str] = {}
    for key in given:
        known = names.setdefault(key.replace(old, new), key)
        if known != key:
            raise UnreadableNetworkError(
                f"{name}: 'rename' {brief(old)} to {brief(new)} gives {_short(known)} "
                f"and {_short(key)} one name: name more of what stands around it"
            )
    return {new_key: given[key] for new_key, key in names.items()}


def weights_within(found: Mapping[str, Any], name: str) -> dict[str, Tensor]:
    """Return the weights by name from what a training saved around them.

    Parameters
    ----------
    found : mapping
    name : str
        Of the file, for errors.
    """
    from torch import Tensor

    for _ in range(DEEPEST):
        nested = [k for k in NESTS if _holds_weights(found.get(k))]
        if not nested:
            break
        found = found[nested[0]]
    weights = {str(k): w for k, w in found.items() if isinstance(w, Tensor)}
    if not weights:
        raise UnreadableNetworkError(
            f"{name} holds no weights by name, but {brief(list(found))}: save them "
            f"with torch.save(model.state_dict(), ...)"
        )
    return weights


def _holds_weights(value: Any) -> bool:
    from torch import Tensor

    if not isinstance(value, Mapping) or not value:
        return False
    return any(isinstance(each, Tensor) for each in value.values()) or any(
        _holds_weights(value.get(key)) for key in NESTS
    )


def _wrappers(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return the beginning of names whose removal lets most of them fit."""
    best, most, known = "", _fits(given, wanted, ""), [""]
    for _ in range(DEEPEST):
        known = [
            before + prefix
            for before in known
            for prefix in PREFIXES
            if any(key.startswith(before + prefix) for key in given)
        ]
        for before in known:
            number = _fits(given, wanted, before)
            if number > most:
                best, most = before, number
    return best


def _fits(given: Mapping[str, Any], wanted: Mapping[str, Any], before: str) -> int:
    return sum(k.startswith(before) and k[len(before) :] in wanted for k in given)


def _refuse_what_does_not_fit(
    given: Mapping[str, Tensor], wanted: Mapping[str, tuple[int, ...]], name: str
) -> None:
    missing = [k for k in wanted if k not in given and not k.endswith(COUNTER)]
    unexpected = [_short(k) for k in given if k not in wanted]
    misshaped = [
        f"{k} (of {by(tuple(given[k].shape)) or 'one value'}, needed is "
        f"{by(size) or 'one value'})"
        for k, size in wanted.items()
        if k in given and tuple(given[k].shape) != size
    ]
    faults = [
        f"{number_of(len(names), 'weight')} {what}: {_shown(names)}"
        for what, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another size", misshaped),
        )
        if names
    ]
    if faults:
        raise UnreadableNetworkError(
            f"{name} does not fit the architecture. {'; '.join(faults)}. Check the "
            f"architecture and its arguments{_norm_hint(missing, unexpected)}; other "
            f"names are mapped by 'rename', and weights of no layer left out by "
            f"'ignore'"
        )


def _norm_hint(missing: Sequence[str], unexpected: Sequence[str]) -> str:
    """Say that the norm is another one, where only one side has its statistics."""
    saved, wanted = (
        any(name.endswith(STATISTICS) for name in names)
        for names in (unexpected, missing)
    )
    if saved == wanted:
        return ""
    holds = "hold" if saved else "lack"
    become = "batch norm" if saved else "the norm of the training, which is not batch"
    return (
        f" (the weights {holds} running means, as batch norm has: set the norm to "
        f"{become}, in MONAI by 'norm', in pytorch-3dunet by the letters of "
        f"'layer_order')"
    )


def _short(name: str) -> str:
    return brief(visible(name)).strip("'\"")


def _shown(names: Sequence[str]) -> str:
    shown = ", ".join(names[:SHOWN])
    more = len(names) - SHOWN
    return f"{shown} and {more:,} more" if more > 0 else shown
