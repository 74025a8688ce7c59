"""What takes long is done in threads; the GUI's own makes small edits, and shows.

How long it is busy on a large image is measured by ``benchmarks/responsive.py``.
"""

from __future__ import annotations

from threading import current_thread, main_thread

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.mend import undo as undo_module
from napari_shiftseg.gui.mend.tools import DELETE, MERGE, SPLIT
from napari_shiftseg.gui.mend.undo import EditHistory, is_small, outcome_of
from napari_shiftseg.gui.parts.records import METADATA_EDITS
from napari_shiftseg.mending import edit_lists as store_module
from napari_shiftseg.mending import mending as mending_module
from napari_shiftseg.mending.edit_lists import to_dict
from napari_shiftseg.mending.edits import Delete, Grow, Merge
from napari_shiftseg.mending.mending import Mending
from napari_shiftseg.relabelling.relabel import Relabelling


@pytest.fixture
def in_gui_thread(monkeypatch):
    """Note of each call of what takes long whether the GUI's thread makes it."""
    calls: dict[str, set[bool]] = {}

    def watch(owner: type, name: str) -> None:
        function = getattr(owner, name)

        def watched(*args, **options):
            calls.setdefault(name, set()).add(current_thread() is main_thread())
            return function(*args, **options)

        monkeypatch.setattr(owner, name, watched)

    watch(Relabelling, "to_cluster")
    watch(Mending, "change_of")
    watch(Mending, "replay")
    return calls


@pytest.mark.parametrize("at_once", [True, False])
def test_knobs_and_edits(
    steered, result, settled, in_gui_thread, monkeypatch, at_once
) -> None:
    if not at_once:
        monkeypatch.setattr(undo_module, "AT_ONCE", 0)

    def click(*numbers: int) -> None:
        for number in numbers:
            at = tuple(int(x) for x in np.argwhere(result.data == number)[0])
            steered.actions.click(at, ())
            assert steered.steering.is_busy is not at_once or number != numbers[-1]
        settled(steered)

    steered.tools.press(MERGE)
    click(2, 3)
    steered.tools.press(DELETE)
    click(5)
    steered.tools.press(SPLIT)
    big = int(np.bincount(result.data.ravel())[1:].argmax()) + 1
    for at in np.argwhere(result.data == big)[[0, -1]].tolist():
        steered.actions.click(tuple(at), ())
    settled(steered)
    steered.knobs.bandwidth.value = 0.03
    settled(steered)

    assert len(steered.steering.history.edits) == 3
    assert in_gui_thread == {
        "to_cluster": {False}, "change_of": {False, at_once}, "replay": {False},
    }  # fmt: skip


def test_a_click_of_add_looks_through_all_objects_once(monkeypatch) -> None:
    data = np.zeros((40, 40), dtype=np.int32)
    data[:8, :8], data[:8, 20:30] = 1, 2
    mending = Mending(data, np.zeros((1, 40, 40)))
    asked = []
    monkeypatch.setattr(
        mending_module, "reach_of", lambda boxes: asked.append(boxes) or 5
    )
    for at, looks in (((30, 10), 1), ((30, 30), 2)):
        edit = Grow(at, new=True)
        is_small(edit, mending)
        outcome = outcome_of(edit, None, mending, 0)
        assert len(asked) == looks
        mending.make(edit)
        assert outcome.change.pixels


def test_an_edit_after_thousands_writes_only_what_is_new(monkeypatch) -> None:
    data = np.arange(1, 65, dtype=np.int32).reshape(8, 8).repeat(4, 0).repeat(4, 1)
    known = [to_dict(Merge(((0, 0), (0, n)))) for n in range(1, 32)]
    layer = Labels(data, metadata={METADATA_EDITS: known})
    mending = Mending(layer.data, np.zeros((1, *data.shape)))
    history = EditHistory(layer, lambda _: mending, lambda: None)
    history.settle(history.edits)
    written = []
    monkeypatch.setattr(
        store_module, "to_dict", lambda edit: written.append(edit) or to_dict(edit)
    )
    edit = Delete(((31, 31),))
    history.do(edit, mending.change_of(edit))
    assert written == [edit]
    assert layer.metadata[METADATA_EDITS] == [*known, to_dict(edit)]
