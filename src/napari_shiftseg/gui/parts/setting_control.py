"""The control of a setting, made of what its field says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from magicgui.widgets import CheckBox, ComboBox, FloatSpinBox, SpinBox
from magicgui.widgets.bases import RangedWidget

if TYPE_CHECKING:
    from magicgui.widgets import Widget

    from napari_shiftseg.pipeline.glossary import Term


SMALLEST = 1e-6  # step of what a control shows of a fraction
# shown, where the field takes more: a box for these would be twice as wide
LARGEST = {"bandwidth": 1e6, "min_size": 10**7, "batch": 1024}


def control_of(term: Term, **how: Any) -> Widget:
    """Return the control of a setting, named after it, with its meaning as tooltip.

    Parameters
    ----------
    term : Term
    **how
        Keywords of the control, such as its label.
    """
    how = {"name": term.name, "tooltip": term.meaning} | how
    if term.choices:
        return ComboBox(choices=term.choices, **how)
    if term.name == "split_far_parts":
        return CheckBox(value=True, **how)
    if "gt" not in term.bounds:
        return SpinBox(min=0, max=LARGEST[term.name], **how)
    most = LARGEST.get(term.name) or term.bounds["lt"] - SMALLEST
    box = FloatSpinBox(min=term.bounds["gt"] + SMALLEST, max=most, step=0.05, **how)
    box.native.setDecimals(6)
    return box


def nearest(control: Widget, value: Any) -> Any:
    """Return what a control can show of a value: beyond its ends, the end.

    Parameters
    ----------
    control : Widget
    value : object
    """
    if isinstance(control, RangedWidget):
        return min(max(value, control.min), control.max)
    return value
