"""A reason in words that a biologist reads: the one place where they stand."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from napari_shiftseg.explain.basins import OnePart, TwoBasins
from napari_shiftseg.explain.reasons import (
    AnEdit,
    Background,
    MinimumSize,
    OneMode,
    OneObject,
    TwoComponents,
    TwoModes,
)
from napari_shiftseg.explain.two_objects import TileBorder, whole_periods
from napari_shiftseg.text import by, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_shiftseg.explain.evidence import Evidence
    from napari_shiftseg.explain.reasons import Reason
    from napari_shiftseg.mending.edits import Edit


MOST_EDITS = 2  # named in a sentence
USE_MERGE = "If they are one, use the Merge tool."
USE_SPLIT = "If they are two, use the Split tool."


def sentence_of(reason: Reason, evidence: Evidence) -> str:
    """Return a reason in one to three sentences.

    Parameters
    ----------
    reason : Reason
    evidence : Evidence
        That it was found in: its settings and the names of its axes are named, too.
    """
    clustering = evidence.clustering
    h = f"(now {clustering.bandwidth:.3g})"
    match reason:
        case Background():
            return _background(reason, evidence)
        case AnEdit():
            return _edit(reason)
        case OneObject(label, distance, bandwidth, edits):
            both = f"Both are object {label}: {distance:.1f} bandwidths apart."
            if bandwidth is None:
                return f"{both} {USE_SPLIT}"
            return (
                f"{both} Clustered by itself, it is parted between them at a bandwidth "
                f"of {bandwidth:g} {h}{_again(edits)}."
            )
        case MinimumSize(label, distance):
            return (
                f"Both are object {label}, though {distance:.1f} bandwidths apart: one "
                f"is in a part of fewer than {clustering.min_size} px, which went to "
                f"the object beside it (minimum size). {USE_SPLIT}"
            )
        case TileBorder(axis, at, share, jump):
            jumps = f"{jump:.0f} times its steps inside them"
            if isinf(jump):
                jumps = "inside them it has no step"
            return (
                f"Split by the tile border at {axis} = {at}: use cropped stitching. "
                f"{percent(share)} of the line between them lies on it, and there the "
                f"embedding jumps ({jumps})."
            )
        case TwoComponents(distance, threshold):
            touch = "No foreground threshold down to 0.01 makes them touch"
            if threshold is not None:
                now = f"(now {clustering.foreground_threshold:g})"
                touch = f"They touch at a foreground threshold of {threshold:g} {now}"
            lie = "They lie in different components of the foreground"
            if distance is None:
                return f"{lie}. {touch}. {USE_MERGE}"
            return (
                f"{lie}, so no bandwidth makes them one. {touch}; their modes are "
                f"{distance:.1f} bandwidths apart. {USE_MERGE}"
            )
        case OnePart():
            return _one_part(reason, evidence)
        case TwoBasins(prominence):
            cut = "They are one part of the foreground, which is cut between them"
            if prominence is None:
                return f"{cut}. {USE_MERGE}"
            now = f"(now {clustering.prominence:.3g})"
            return f"{cut}. It is not at a prominence of {prominence:g} {now}."
        case OneMode():
            return _one_mode(reason, evidence)
        case TwoModes(distance, bandwidth, touch, edits):
            when = f"at a bandwidth of {bandwidth:g} {h}"
            if bandwidth <= clustering.bandwidth:
                when = "already"
            text = (
                f"Different modes, {distance:.1f} bandwidths apart. Clustered by "
                f"themselves, they have one mode {when}{_again(edits)}."
            )
            if touch or not clustering.split_far_parts:
                return text
            return (
                f"{text} They do not touch: they stay two, unless what lies between "
                f"joins them. {USE_MERGE}"
            )


def _again(edits: Sequence[Edit]) -> str:
    """Say that edits may act against what a bandwidth does."""
    if not edits:
        return ""
    named = "; ".join(str(edit) for edit in edits[-MOST_EDITS:])
    return f", unless edits that act again undo it (the last: {named})"


def _background(reason: Background, evidence: Evidence) -> str:
    clustering = evidence.clustering
    axes = zip(evidence.names, reason.pixel, strict=True)
    at = ", ".join(f"{name} = {x}" for name, x in axes)
    if reason.edit is not None:
        return f"{at} is background: an edit ({reason.edit}) made it so."
    if reason.foreground is not None:
        return (
            f"{at} is background: its foreground probability {reason.foreground:.2f} "
            f"is not above the threshold {clustering.foreground_threshold:g}."
        )
    if reason.has_its_mode:
        return f"{at} is background: the background's mode is the nearest to it."
    why = [f"objects of fewer than {clustering.min_size} px are dropped"]
    why = why if clustering.min_size > 1 else []
    if evidence.made is None:
        why.append("an edit may have deleted it")
    return f"{at} is on no object: {', or '.join(why) or 'the clustering left it out'}."


def _edit(reason: AnEdit) -> str:
    verb = "Joined" if reason.joins else "Parted"
    lasts = "at another bandwidth it acts again, on the objects found then"
    if reason.holds:
        lasts = "it holds at every bandwidth"
    return (
        f"{verb} by an edit ({reason.edit}): {lasts}. To undo it, take it out of the "
        f"list of edits."
    )


def _one_part(reason: OnePart, evidence: Evidence) -> str:
    clustering = evidence.clustering
    both = f"Both are object {reason.label}: one part of the foreground"
    parted = []
    if reason.prominence is not None:
        now = f"(now {clustering.prominence:.3g})"
        parted.append(f"at a prominence of {reason.prominence:g} {now}")
    if reason.threshold is not None:
        now = f"(now {clustering.foreground_threshold:g})"
        parted.append(f"at a foreground threshold of {reason.threshold:g} {now}")
    if not parted:
        return f"{both}. {USE_SPLIT}"
    return f"{both}. It is parted between them {', or '.join(parted)}."


def _one_mode(reason: OneMode, evidence: Evidence) -> str:
    if reason.touch:
        return (
            f"Same mode, and they touch: clustering in neighbourhoods, or an edit, may "
            f"have parted them. {USE_MERGE}"
        )
    why, window = "", evidence.training_window
    if reason.are_alike:
        why = ": this network cannot tell them apart"
    elif window is not None and not reason.share_a_window:
        why = f": no training window ({by(window)} px) shows both"
    same = f"Same mode, {_far(reason.apart, evidence)}{why}."
    if evidence.clustering.split_far_parts:
        same += " They are two because they do not touch."
    return f"{same} {USE_MERGE}"


def _far(apart: tuple[int, ...], evidence: Evidence) -> str:
    """Write ``48 = 3·16 px apart in x``; n·p only where it is so on every axis."""
    predicted = evidence.predicted
    period = predicted.plan.shape.period
    whole = predicted.rescaling is None and whole_periods(apart, period)
    parts = [
        f"{abs(n)}{f' = {abs(n) // p}·{p}' if whole else ''} px in {name}"
        for n, p, name in zip(apart, period, evidence.names, strict=True)
        if n
    ]
    return " and ".join(parts).replace(" px in", " px apart in", 1) or "with one middle"
