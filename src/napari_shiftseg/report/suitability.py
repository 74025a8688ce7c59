"""Whether a network's tiles can be seamless, in words: the report of Inspect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_shiftseg.networks.properties import (
    KINDS,
    cause_text,
    how_it_tiles,
    what_follows,
)
from napari_shiftseg.text import by, compact, number_of, sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_shiftseg.geometry.network_shape import AxisSizes
    from napari_shiftseg.networks.config import NetworkConfig
    from napari_shiftseg.networks.finding.found import AxisFound, Found
    from napari_shiftseg.pipeline.seam_causes import SeamCauses
    from napari_shiftseg.pipeline.self_test import SelfTest

Badge = Literal["exact", "not tested yet", "probably exact", "nearly", "not at all"]
BADGES: dict[Badge, str] = {
    "exact": "EXACT",
    "not tested yet": "EXACT?",
    "probably exact": "PROBABLY EXACT",
    "nearly": "NEARLY",
    "not at all": "NOT AT ALL",
}
LISTED = 3  # tile sizes


@dataclass(frozen=True)
class Suitability:
    """Whether a network's tiles can be seamless, and what to do.

    Attributes
    ----------
    badge : str
        "exact" only where all that is known of it agrees, the self-test included.
    headline : str
        The same in one sentence, and why.
    causes, now, next_training : tuple of str
        Which layers it is due to; what to set now; what to change in the next training.
    measured : tuple of str
        What makes seams on the user's image; empty before it is measured.
    figures : tuple of (str, str)
        By names, what was found, in words; empty for networks of this program.
    notes : tuple of str
        Of opening and finding.
    """

    badge: Badge
    headline: str
    causes: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
    next_training: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    figures: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def sections(self) -> dict[str, tuple[str, ...]]:
        """What stands below the headline, by titles; empty ones are left out."""
        every = {
            "Cause": self.causes,
            "Set now": self.now,
            "Change in the next training": self.next_training,
            "Measured on this image": self.measured,
        }
        return {title: texts for title, texts in every.items() if texts}

    def as_json(self) -> dict[str, Any]:
        """Return verdict and advice, ready for JSON."""
        return {
            "badge": self.badge,
            "headline": self.headline,
            "now": list(self.now),
            "next_training": list(self.next_training),
        }


def suitability(
    config: NetworkConfig,
    test: SelfTest | None = None,
    causes: SeamCauses | None = None,
) -> Suitability:
    """Say whether a network's tiles can be seamless.

    Parameters
    ----------
    config : NetworkConfig
    test : SelfTest, optional
        On the user's image, if it was run.
    causes : SeamCauses, optional
        Of the same image.
    """
    measured = causes.sentences if causes else ()
    if "tiling" not in config.architecture:
        return _of_ours(config, test, measured)
    from napari_shiftseg.networks.finding.found import Found

    found = Found.of(config.architecture)
    badge, headline = _verdict(found, test)
    now, later = _advice(config, found)
    return Suitability(
        badge,
        headline,
        tuple(_cause(vars(cause)) for cause in found.causes),
        now,
        later,
        measured,
        tuple(_figures(config, found).items()),
        (*map(sentence, config.architecture["notes"]), what_follows(config)[0].text),
    )


def _of_ours(
    config: NetworkConfig, test: SelfTest | None, measured: tuple[str, ...]
) -> Suitability:
    """Return the report of a network of this program: what it is says how it tiles."""
    badge, headline = _exact(test, "construction", is_sure=True)
    causes = tuple(map(_cause, how_it_tiles(config)["causes"]))
    now: tuple[str, ...] = ()
    if causes:
        halo = tuple(axis.halo for axis in config.shape.axes)
        now = (_tile_sizes(config), _read(halo))
    return Suitability(badge, headline, causes, now, measured=measured)


def _cause(cause: Mapping[str, str]) -> str:
    mended = " A halo mends that." if cause["effect"] == "halo" else ""
    return f"{cause_text(cause)}{mended}"


# The first line


def _verdict(found: Found, test: SelfTest | None) -> tuple[Badge, str]:
    if found.tiling == "exact":
        return _exact(test, *_known_by(found))
    kind = found.causes[0].kind
    kind = f"because of {KINDS.get(kind, kind)}"
    if found.tiling == "nearly":
        said: Badge = "nearly"
        text = f"Nearly exact: tiles differ a little, whatever the halo, {kind}"
    else:
        said = "not at all"
        text = f"Not exact: no tile size and no halo make tiles seamless, {kind}"
    if test is None:
        return said, f"{text}; self-test not run yet."
    if not test.agrees:
        return said, f"{text}; the self-test says so, too."
    return said, f"{text}; the self-test saw nothing of it on this image."


def _exact(test: SelfTest | None, known_by: str, is_sure: bool) -> tuple[Badge, str]:
    """Return the verdict on a network in which nothing was found against it."""
    exact = "Exact" if is_sure else "Probably exact"
    if test is None:
        badge: Badge = "not tested yet" if is_sure else "probably exact"
        return badge, f"{exact} by {known_by}; self-test not run yet."
    if not test.agrees:
        return "not at all", (
            f"Not exact: the self-test on this image saw tiles differ, though "
            f"{known_by} found no cause."
        )
    if not test.has_power:
        badge = "not tested yet" if is_sure else "probably exact"
        return badge, (
            f"{exact} by {known_by}; the self-test on this image shows nothing."
        )
    if is_sure:
        ways = known_by.replace(" and ", ", ")
        return "exact", f"Exact: {ways} and the self-test agree."
    return "probably exact", (
        f"Probably exact: the self-test saw no difference, but what a tile needs is "
        f"known by {known_by}."
    )


def _known_by(found: Found) -> tuple[str, bool]:
    """Return by what the figures of a network are known, and if that is sure."""
    from napari_shiftseg.networks.finding.found import AGREE, is_agreed

    said = set(found.agreement.values())
    if found.sure and said == {AGREE}:
        return "graph and probing", True
    if found.sure:
        return "its graph and probing that fits it", True
    if said == {"probe alone"}:
        return "probing alone", False
    if said == {"graph alone"}:
        return "its graph alone", False
    doubtful = [
        f"{name}: {text}"
        for name, text in found.agreement.items()
        if not is_agreed(text)
    ]
    if not doubtful:
        return "graph and probing, which hardly told shifts apart", False
    return f"graph and probing in part ({'; '.join(doubtful)})", False


# What to do


def _advice(
    config: NetworkConfig, found: Found
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what to set now, and what to change in the next training."""
    from napari_shiftseg.networks.finding.suitability import remedies

    now, later = remedies(found.causes)
    set_now = [_tile_sizes(config), *_halo(config, found), *map(sentence, now)]
    return tuple(set_now), tuple(map(sentence, later))


def _tile_sizes(config: NetworkConfig) -> str:
    shape = config.shape
    if max(shape.period) == 1:
        return "Tile size: any, its period is 1."
    firsts = [", ".join(str(n * p) for n in range(1, LISTED + 1)) for p in shape.period]
    sizes = " × ".join(f"({text}, …)" for text in dict.fromkeys(firsts))
    return (
        f"Tile sizes: multiples of the period {compact(shape.period)} {sizes}; others "
        f"add seams of the phase."
    )


def _read(halo: tuple[int, ...], why: str = "") -> str:
    return f"Halo: {compact(halo)} pixels on each side are read and dropped{why}."


def _halo(config: NetworkConfig, found: Found) -> list[str]:
    """Say which halo is read, and that a declared one is too small."""
    halo = tuple(axis.halo for axis in config.shape.axes)
    seen = tuple(n for axis in found.axes if (n := _beyond(axis)) is not None)
    if len(seen) < config.ndim:
        why = "; the network sees the whole tile, so no halo is enough"
        return [_read(halo, why)]
    if not any(halo):  # whatever is declared
        return ["Halo: none is needed, nothing is made up at the border of a tile."]
    why = f": the context of {compact(seen)}, up to a multiple of the period"
    return [_read(halo, why), *_declared(config, seen)]


def _declared(config: NetworkConfig, seen: tuple[int, ...]) -> list[str]:
    declared = _declared_halo(config)
    if declared is None:
        return []
    if all(halo >= needed for halo, needed in zip(declared, seen, strict=True)):
        return []
    return [
        f"The declared halo of {compact(declared)} pixels is too small: an output "
        f"pixel sees {compact(seen)} to a side. It is not used."
    ]


def _declared_halo(config: NetworkConfig) -> tuple[int, ...] | None:
    """Return the halo that a package declares, an axis; None if it is silent."""
    declared = config.architecture.get("declared") or ()
    if len(declared) != config.ndim:
        return None
    return tuple(axis["halo"] for axis in declared)


def _beyond(axis: AxisFound) -> int | None:
    """Return how far an output pixel sees beyond what the network eats; None: all."""
    return None if axis.context is None else max(axis.context - max(axis.eaten), 0)


# What was found


def _figures(config: NetworkConfig, found: Found) -> dict[str, str]:
    shape, known = config.shape, config.architecture
    channels = number_of(config.in_channels, "channel")
    scale = _alike([str(axis.scale) for axis in found.axes])
    declared = _declared_halo(config)
    rows = {
        "Kind": known["kind"],
        "Reads": f"{config.ndim}-D images of {channels}",
        "Gives": ", ".join(_output(output) for output in known["outputs"]),
        "Period": f"{by(tuple(axis.period for axis in found.axes))} pixels",
        "Context": _alike([_sight(axis) for axis in found.axes]),
        "Padding": _alike([axis.padding for axis in found.axes]),
        "Legal inputs": _alike([_sizes(axis) for axis in shape.axes]),
        "Halo that is read": f"{by(tuple(axis.halo for axis in shape.axes))} pixels",
        "Declared halo": "none" if declared is None else f"{by(declared)} pixels",
        "Known by": _agreement(found),
    }
    if any(axis.scale != 1 for axis in found.axes):
        rows["Size of the output"] = f"{scale} of the input"
    return rows


def _output(output: dict[str, str]) -> str:
    """Write an output channel by its name, and by its use where that says nothing."""
    name = output["name"]
    return name if name and not name.isdigit() else f"{output['use']} {name}".strip()


def _sight(axis: AxisFound) -> str:
    if axis.before is None or axis.after is None:
        return "the whole tile"
    return f"{axis.before} pixels before, {axis.after} after"


def _sizes(axis: AxisSizes) -> str:
    first = axis.legal_inputs(LISTED)
    if axis.most is not None:
        return f"{axis.most} alone"
    return f"{', '.join(map(str, first))}, …"


def _agreement(found: Found) -> str:
    """Say which way told what; one text where it is the same for all."""
    if len(set(found.agreement.values())) == 1:
        return next(iter(found.agreement.values()))
    return "; ".join(f"{name}: {text}" for name, text in found.agreement.items())


def _alike(texts: list[str]) -> str:
    return texts[0] if len(set(texts)) == 1 else "; ".join(texts)
