"""Find period, context, padding and legal sizes of a network, by two ways."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import lcm, prod
from typing import TYPE_CHECKING, Any

from torch import nn

from napari_shiftseg.networks.finding.found import (
    AGREE,
    FITS,
    AxisFound,
    Found,
    is_agreed,
)
from napari_shiftseg.networks.finding.graph import GraphFound, read_graph
from napari_shiftseg.networks.finding.onnx_graph import onnx_graph
from napari_shiftseg.networks.finding.probing import AxisProbed, probe_axis
from napari_shiftseg.networks.finding.steps import Graph, Unreadable
from napari_shiftseg.networks.finding.subject import (
    AnswersDiffer,
    OutOfTime,
    readable_size,
    subject_of,
)
from napari_shiftseg.networks.finding.suitability import (
    UNKNOWN_LAYER,
    causes_of,
    tiling_of,
)
from napari_shiftseg.networks.finding.torch_graph import torch_graph
from napari_shiftseg.networks.finding.walk import Trap
from napari_shiftseg.progress import say_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_shiftseg.networks.finding.found import Probed

ALIVE = 4  # of a network's largest tensors, how many are held at once
MEMORY = 1 << 30
SECONDS = 300.0
# what is raised on the way where a network does what nobody thought of
ODD = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError)


class NotFound(ValueError):
    """Neither the graph nor probing says how a network repeats."""


@dataclass(frozen=True)
class _Said:
    """What was learnt, before the two ways are compared."""

    graph: tuple[AxisFound, ...] | None
    probe: tuple[AxisProbed | None, ...]
    notes: tuple[str, ...]
    as_trained: bool  # whether it was probed with its weights as they are


def find(
    network: Probed,
    *,
    size: tuple[int, ...] | None = None,
    seed: int = 0,
    memory: int = MEMORY,
    seconds: float = SECONDS,
) -> Found:
    """Find what tiling needs of a network, by its graph and by probing it.

    Parameters
    ----------
    network : Probed
        A network of one image and one prediction, pixel by pixel.
    size : tuple of int, optional
        An input size that it is known to read, the smaller the faster; looked for if
        not given, the same along each axis.
    seed : int
        Of the weights with which a re-initialised copy is probed.
    memory : int
        Bytes that one pass of probing may take; with less, shorter images are tried.
    seconds : float
        That probing may take; what it has not found by then the graph says alone.

    Returns
    -------
    Found

    Raises
    ------
    ValueError
        If the network reads no image of any size tried.
    NotFound
        If neither way says how it repeats; the message says why.
    """
    subject = subject_of(network, seed, memory, seconds)
    readable = readable_size(subject, size)
    graph_found, graph, notes = _by_graph(network, readable)
    alive = None
    if graph is not None:
        pixels = prod(graph.shapes[graph.reads][2:])
        alive = max(ALIVE * graph.widest // pixels, 1)
        subject.values_a_pixel = alive
    traps = list(graph_found.traps)
    by_graph = graph_found.axes
    if by_graph and network.fixed_size:
        by_graph = tuple(
            replace(axis, multiple=0, remainder=0, smallest=size)
            for axis, size in zip(by_graph, network.fixed_size, strict=True)
        )
    probed: list[AxisProbed | None] = []
    for axis in range(network.ndim):
        say_stage(f"probing axis {axis + 1} of {network.ndim}")
        claimed = by_graph[axis].period if by_graph else None
        try:
            probed.append(probe_axis(subject, axis, readable, claimed))
        except OutOfTime:
            probed.append(None)
            notes.append(f"probing was stopped after {seconds:g} s")
        except AnswersDiffer as error:
            probed.append(None)
            notes.append(f"probing gave up: {error}")
            if not any(trap.kind == "dropout" for trap in traps):
                traps.append(Trap("dropout", UNKNOWN_LAYER))
        except ODD as error:
            probed.append(None)
            notes.append(f"probing gave up along axis {axis}: {error!r}")
    notes += subject.notes
    said = _Said(by_graph, tuple(probed), tuple(notes), not subject.kaiming)
    return replace(_found(said, traps), alive=alive)


def _by_graph(
    network: Probed, readable: tuple[int, ...]
) -> tuple[GraphFound, Graph | None, list[str]]:
    """Return what the graph says, the graph, and notes."""
    source = network.graph()
    if source is None:
        return GraphFound(None, ()), None, ["it has no graph to read: probing alone"]
    read: Callable[..., Graph]
    if isinstance(source, nn.Module):
        read = torch_graph
    elif hasattr(source, "opset_import"):
        read = onnx_graph
    else:
        note = (
            f"its graph is a {type(source).__name__}, which is not read: probing alone"
        )
        return GraphFound(None, ()), None, [note]
    try:
        graph = _graph(read, source, network, readable)
    except (ModuleNotFoundError, *ODD) as error:
        why = str(error) if isinstance(error, Unreadable) else repr(error)
        note = f"its graph cannot be read ({why}): probing alone"
        return GraphFound(None, ()), None, [note]
    found = read_graph(graph)
    if found.axes and not _is_legal(graph, found.axes):
        legal = tuple(
            _legal_above(n, a) for n, a in zip(readable, found.axes, strict=True)
        )
        graph = _graph(read, source, network, legal)
        found = read_graph(graph)
    notes = list(graph.notes)
    if found.reason:
        notes.append(f"the graph says nothing of the sizes: {found.reason}")
    return found, graph, notes


def _graph(
    read: Callable[..., Graph], source: Any, network: Probed, readable: tuple[int, ...]
) -> Graph:
    """Read a graph at the largest of some sizes that it can be read at."""
    times = (1,) if network.fixed_size else (4, 2, 1)
    for n in times:
        try:
            return read(source, tuple(n * s for s in readable), network.in_channels)
        except Unreadable:
            if n == times[-1]:
                raise
    raise AssertionError


def _is_legal(graph: Graph, axes: Sequence[AxisFound]) -> bool:
    size = graph.shapes[graph.reads][2:]
    return all(n == _legal_above(n, a) for n, a in zip(size, axes, strict=True))


def _legal_above(size: int, axis: AxisFound) -> int:
    size = max(size, axis.smallest)
    return size + (axis.remainder - size) % axis.multiple


def _found(said: _Said, traps: list[Trap]) -> Found:
    """Compare the two ways, axis by axis."""
    whole = any(p is not None and p.whole for p in said.probe)
    axes: list[AxisFound] = []
    agreement: dict[str, list[str]] = {}
    for number, probe in enumerate(said.probe):
        graph = said.graph[number] if said.graph else None
        axis, says = _joined(graph, probe, said)
        axes.append(axis)
        for quantity, text in says.items():
            agreement.setdefault(quantity, []).append(text)
    agreed = {quantity: _one(texts) for quantity, texts in agreement.items()}
    any_size = any(p is not None and p.any_size for p in said.probe)
    # where the graph's period holds, it matters not how well others were told apart
    sharp = all(p is not None and (p.sharp or p.holds) for p in said.probe)
    notes = list(said.notes)
    if not sharp and any(said.probe):
        notes.append("shifts were told apart by less than a factor of ten")
    if whole:
        longest = "it sees its whole tile, in the longest that was tried"
        notes.append(longest)
    causes = causes_of(traps, axes, any_size)
    sure = sharp and all(map(is_agreed, agreed.values()))
    return Found(tuple(axes), causes, tiling_of(causes), agreed, sure, tuple(notes))


def _one(texts: list[str]) -> str:
    """Return what is said of all axes: one text where they are alike."""
    different = list(dict.fromkeys(texts))
    if len(different) == 1:
        return different[0]
    return "; ".join(f"axis {n}: {text}" for n, text in enumerate(texts))


def _joined(
    graph: AxisFound | None, probe: AxisProbed | None, said: _Said
) -> tuple[AxisFound, dict[str, str]]:
    """Return one axis of both ways, and what they say of each quantity.

    Where they differ the careful one is taken: the multiple of both periods, the larger
    context, the graph's padding and sizes.
    """
    seen = probe.found() if probe else None
    if graph is None and seen is None:
        why = "; ".join(said.notes) or "no shift of the image shifts the answer alike"
        raise NotFound(
            f"a network must be shift equivariant by some period; neither graph "
            f"nor probing found one ({why}); predict it in one pass, without tiles"
        )
    if graph is None:
        assert seen is not None
        return seen, dict.fromkeys(_QUANTITIES, "probe alone")
    if probe is None or probe.period is None:
        return graph, dict.fromkeys(_QUANTITIES, "graph alone")
    off = graph.eaten[0] - probe.eaten[0]  # probing halves what is eaten
    own = None if graph.context is None else (graph.before or 0, graph.after or 0)
    theirs = None
    if not probe.whole:
        theirs = ((probe.before or 0) + off, (probe.after or 0) - off)
    both = own and theirs and (max(own[0], theirs[0]), max(own[1], theirs[1]))
    axis = replace(
        graph,
        period=lcm(graph.period, probe.period),
        before=both[0] if both else None,
        after=both[1] if both else None,
    )
    padding = AGREE
    if graph.padding != probe.padding:
        padding = f"graph says {graph.padding}, probe {probe.padding}"
        if not probe.padding_is_sure:
            padding = "graph alone"
    rules = [(a.multiple or 0, a.remainder, a.smallest) for a in (graph, probe)]
    # trained weights, in float32, may add less than rounding at a coarse level
    is_blunt = said.as_trained and probe.holds and graph.period % probe.period == 0
    is_within = bool(both) and both == own
    # a program of torch.export may be exported for larger sizes than its layers need
    is_kept_above = rules[0][:2] == rules[1][:2] and probe.smallest > graph.smallest
    if is_kept_above:
        axis = replace(axis, smallest=probe.smallest)
    return axis, {
        "period": _compared(graph.period, probe.period, is_blunt),
        "context": _compared(_side(own), _side(theirs), is_blunt and is_within),
        "padding": padding,
        "sizes": f"{FITS}: sizes below {probe.smallest} are refused"
        if is_kept_above
        else _compared(_rule(rules[0]), _rule(rules[1]), is_blunt and _is_part(*rules)),
    }


_QUANTITIES = ("period", "context", "padding", "sizes")


def _compared(graph: object, probe: object, fits: bool) -> str:
    if graph == probe:
        return AGREE
    if fits:
        return f"{FITS}, which says {graph}: its trained weights show {probe} at most"
    return f"graph says {graph}, probe {probe}"


def _side(context: tuple[int, int] | None) -> str:
    return "the whole tile" if context is None else f"{context[0]} + {context[1]}"


_Rule = tuple[int, int, int]  # multiple, remainder and smallest


def _rule(rule: _Rule) -> str:
    multiple, remainder, smallest = rule
    if not multiple:
        return f"{smallest} alone"
    rest = f" + {remainder}" if remainder else ""
    return f"{multiple}·n{rest} from {smallest}"


def _is_part(sizes: _Rule, of: _Rule) -> bool:
    """Whether all sizes of one rule are those of another."""
    if not sizes[0] or not of[0] or sizes[0] % of[0]:
        return False
    return (sizes[1] - of[1]) % of[0] == 0 and sizes[2] >= of[2]
