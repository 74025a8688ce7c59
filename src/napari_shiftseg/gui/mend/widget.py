"""The Mend widget: turn a knob, ask a pixel, mend an object, teach the next model."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from magicgui.widgets import Container, PushButton

from napari_shiftseg.gui.mend.again import PredictAgain
from napari_shiftseg.gui.mend.embedding.dock import PlotLink
from napari_shiftseg.gui.mend.handover import training_task
from napari_shiftseg.gui.mend.knobs import BandwidthSearch, Knobs
from napari_shiftseg.gui.mend.layers import RightMarks, RightObjects
from napari_shiftseg.gui.mend.part import part_of, why_not_mended
from napari_shiftseg.gui.mend.review import Review
from napari_shiftseg.gui.mend.saving import (
    CloseWatch,
    DeletedLabels,
    EditFiles,
    loaded_text,
)
from napari_shiftseg.gui.mend.steering import Steering
from napari_shiftseg.gui.mend.table import EditTable, Statuses
from napari_shiftseg.gui.mend.tool_actions import ToolActions
from napari_shiftseg.gui.mend.tools import Tools
from napari_shiftseg.gui.parts.belonging import METADATA_KEY
from napari_shiftseg.gui.parts.choices import LayerChoice, is_result, selected
from napari_shiftseg.gui.parts.compare_button import CompareButton
from napari_shiftseg.gui.parts.handing_on import HandOn
from napari_shiftseg.gui.parts.jobs import Listener
from napari_shiftseg.gui.parts.keys import NEXT, press_on_key
from napari_shiftseg.gui.parts.layout import ControlForm, ControlRow, ScrolledRows
from napari_shiftseg.gui.parts.records import KEPT, LayerRecord
from napari_shiftseg.gui.parts.text_boxes import StandingText, wrapped_label
from napari_shiftseg.gui.parts.viewer import ViewWatch, shown_part
from napari_shiftseg.text import number_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari
    from napari.layers import Labels

    from napari_shiftseg.gui.mend.tools import Tool
    from napari_shiftseg.mending.boxes import Point
    from napari_shiftseg.relabelling.relabel import Kept

SPACING = 4  # pixels between rows: a low screen holds all of them
LABELS_TIP = "Labels that Segment made, to be mended"
NO_TOOL = "Choose a tool: what to do with it is said here."


class MendWidget(ScrolledRows):
    """Steer the clustering of a result, ask its pixels, and mend its objects."""

    def __init__(self, napari_viewer: napari.Viewer) -> None:
        self._viewer = napari_viewer
        self.steering: Steering | None = None
        self._listener = Listener(self._changed, self._say)
        self._steered: dict[Labels, Steering] = {}
        self.files = EditFiles(napari_viewer, self._say)
        self.plot_link = PlotLink(napari_viewer)
        self._has_left = False
        self.right = RightObjects(napari_viewer)
        self.actions = ToolActions(
            napari_viewer,
            self.right,
            self._say,
            self._changed,
            lambda: self.tools.press(None),
        )
        self._build()
        self._connect()
        self._choose()

    def _build(self) -> None:
        self.result = LayerChoice(
            self._viewer, is_result, label="Labels", tooltip=LABELS_TIP
        )
        if selected(self._viewer, self.result.choices) is None:
            self.result.suggest(next(reversed(self.result.choices), None))
        self.reads = wrapped_label(
            label="Intensity", tooltip="Grey values that the run read as 0 and as 1"
        )
        self.part = wrapped_label(
            label="Part", tooltip="Which part of the image these labels are of"
        )
        chosen = ControlForm(self.result, self.reads, self.part)
        self.deleted = DeletedLabels(self._viewer)
        self.state = StandingText(lines=3, least=1)
        self.knobs = Knobs()
        self.search = BandwidthSearch(self.knobs, self._say, self._unsay)
        self.find = self.search.find
        self.tools = Tools(self._viewer)
        self.review = Review(self._viewer, self.right, self._say, self._changed)
        self.hint = StandingText(lines=4, empty=NO_TOOL, least=3)
        self.answer = StandingText(lines=6, least=4)
        self.edits, self._statuses = EditTable(), Statuses()
        self.plot = PushButton(
            text="See the embedding", tooltip="Plot the embedding of the frame shown."
        )
        self.teach = PushButton(
            text="Train on my corrections",
            tooltip="Open Train with the objects that you mended or marked right. Only "
            "these and what is next to them count.",
        )
        compare = CompareButton(self._viewer, self.result)
        further = ControlRow(self.plot, self.teach, compare)
        self.hand_on = HandOn(self._viewer, lambda: self.result.value, self._say)
        self.again = PredictAgain(self._viewer, self.result, self._enable, self._say)
        rows = Container(
            widgets=[
                chosen, self.deleted, self.state, self.again, self.knobs, self.search,
                self.tools, self.hint, self.review, self.answer, self.edits, further,
                self.hand_on,
            ],
            labels=False,
        )  # fmt: skip
        rows.native.layout().setSpacing(SPACING)
        super().__init__(rows)
        press_on_key(self.native, NEXT, self.review.next)
        self.again.bind_key(self.native)

    def _connect(self) -> None:
        viewer = self._viewer
        self.result.changed.connect(self._go_to)
        self.knobs.turned.connect(lambda: self._act(self._turn))
        self.find.changed.connect(lambda: self._act(self._find_bandwidth))
        self.tools.chosen.connect(self._take_tool)
        self.edits.taken_out.connect(lambda which: self._act(self._take_out, which))
        self.edits.picked.connect(self.actions.visit)
        self.edits.save.changed.connect(lambda: self._act(self._save))
        self.edits.load.changed.connect(lambda: self._act(self._load))
        self.deleted.back.changed.connect(self._bring_back)
        viewer.layers.selection.events.active.connect(self._other_layer)
        viewer.dims.events.ndisplay.connect(self._show_hint)
        viewer.layers.events.removed.connect(self._layer_removed, position="last")
        KEPT.changed.connect(self._choose_again)
        self.plot.changed.connect(self._open_plot)
        self.teach.changed.connect(lambda: self._act(self._teach))
        self.tools.bind_keys()
        self._watch = ViewWatch(viewer, self.native, self._look)
        self._closing = CloseWatch(self.native, viewer)
        self.native.destroyed.connect(self._leave)

    # Which labels

    def _choose(self) -> None:
        """Steer the chosen labels, if what they were made from is kept."""
        if not self._is_open:
            return
        self.tools.press(None)
        layer = self.result.value
        self.reads.value = "" if layer is None else LayerRecord(layer).reads
        self.reads.visible = bool(self.reads.value)
        self.part.value = "" if layer is None else part_of(layer)
        self.part.visible = bool(self.part.value)
        kept = KEPT.of(layer)
        self._say("", "note")
        try:
            steering = None if kept is None else self._steer(layer, kept)
        except ValueError as error:  # edits in the metadata that are none
            steering = None
            self._say(str(error), "error")
        self.steering = self.actions.steering = steering
        if steering is not None:
            self.knobs.take(steering.clustering, steering.kept.has_foreground)
            self.plot.text = f"See the {steering.kept.config.gives}"
        for part in (self.search, self.review):
            part.choose(steering)
        self._enable()
        self._changed()

    def _go_to(self) -> None:
        """Steer the labels that the user chose, and select them in the layer list."""
        self._choose()
        if self._is_open and self.result.value in self._viewer.layers:
            self._viewer.layers.selection.active = self.result.value

    def _steer(self, layer: Labels, kept: Kept) -> Steering:
        """Return what steers a layer, as it was left, or a new one."""
        known = self._steered.get(layer)
        if known is None or known.kept is not kept:
            self._stop(layer)
            in_view = partial(shown_part, self._viewer, layer, kept)
            self._steered[layer] = Steering(layer, kept, in_view, self._listener)
        self.right.show(layer)
        return self._steered[layer]

    def _stop(self, layer: Labels) -> None:
        if layer in self._steered:
            self._steered.pop(layer).stop()

    def _choose_again(self) -> None:
        """Follow what was kept meanwhile."""
        if not self._is_open:
            return
        kept = KEPT.of(self.result.value)
        if kept is not (self.steering.kept if self.steering is not None else None):
            self._choose()

    def _layer_removed(self, event: Any) -> None:
        layer = event.value
        if not self._is_open or not is_result(layer):
            return
        self.plot_link.let_go(layer)
        if layer not in self._steered:
            return
        self._stop(layer)
        self.deleted.offer(layer, event.index)
        if self.steering is not None and layer is self.steering.layer:
            self._choose()

    def _bring_back(self) -> None:
        """Put labels that were deleted back, and steer them again."""
        for layer in self.deleted.take_back():
            self.result.value = layer

    def _enable(self) -> None:
        """Show what can be used now."""
        if not self._is_open:
            return
        steered, layer = self.steering is not None, self.result.value
        for part in (self.knobs, self.search, self.tools, self.review, self.edits,
                     self.plot, self.teach):  # fmt: skip
            part.enabled = steered
        self.again.visible = is_to_predict = layer is not None and not steered
        self.again.allow(is_to_predict)  # hidden docks call visible parts invisible
        if not steered:
            text, what = why_not_mended(layer)
            self.again.call(what)
            self.state.say(text, "" if layer is None else "warning")

    # What is known

    def _changed(self) -> None:
        """Follow labels, edits and jobs."""
        steering = self.steering
        if not self._is_open or steering is None:
            return
        store, position = steering.history.store, self._frame_of(steering)
        frame = steering.frame(position)
        self.review.follow(frame)
        statuses = self._statuses.of(store, steering.frames.values())
        self.edits.show_edits(store.edits, statuses)
        self.find.enabled = RightMarks.of(steering.layer).number > 0
        if steering.is_clustering or (frame is None and steering.is_busy):
            self.state.say("Clustering…", "")
        elif frame is None:
            self.state.say("Not clustered: turn a knob to try again.", "warning")
        else:
            self.plot_link.follow(steering.layer, frame)
            number = len(frame.mending.boxes)
            why = frame.why_none
            text = number_of(number, "object")
            self.state.say(f"{text}: {why}" if why else text, "warning" if why else "")

    def _say(self, text: str, kind: str) -> None:
        if self._is_open:
            self.answer.say(text, kind)

    def _unsay(self, text: str) -> None:
        """Say no more what is no longer so, unless something else was said since."""
        if self.answer.value == text:
            self._say("", "note")

    def _act(self, do: Callable[..., None], *what: object) -> None:
        """Do something with the labels that are steered, if some are."""
        if self.steering is not None:
            do(self.steering, *what)

    def _frame_of(self, steering: Steering) -> Point:
        """Return the frame that is shown."""
        return shown_part(self._viewer, steering.layer, steering.kept)[0]

    def _look(self) -> None:
        if self.steering is not None:
            self.steering.look()
            self._changed()

    # Knobs

    def _turn(self, steering: Steering) -> None:
        try:
            clustering = self.knobs.clustering
        except ValueError as error:
            self._say(str(error), "error")
        else:
            steering.turn(clustering)

    def _find_bandwidth(self, steering: Steering) -> None:
        position = self._frame_of(steering)
        self.search.seek(steering, position, RightMarks.of(steering.layer))

    def _take_tool(self, tool: Tool | None) -> None:
        self.actions.take(tool)
        self.answer.tooltip = tool.words if tool is not None else ""
        self._show_hint()

    def _show_hint(self) -> None:
        """Say what to do with the tool, as the viewer displays the labels now."""
        if self._is_open:
            self.hint.value = self.actions.hint

    def _other_layer(self) -> None:
        """Turn the tool off when the user goes to another layer."""
        if not self._is_open or self.steering is None or self.tools.on is None:
            return
        active = self._viewer.layers.selection.active
        if active is not None and METADATA_KEY not in active.metadata:
            self.tools.press(None)

    # The embedding, and training

    def _open_plot(self) -> None:
        self.plot_link.open()
        self._changed()

    def _teach(self, steering: Steering) -> None:
        """Collect the corrections, and open Train on them."""
        leading = steering.layer.ndim - steering.kept.ndim
        right = RightMarks.of(steering.layer).frames(leading)
        try:
            steering.add(training_task(self._viewer, steering, right))
        except ValueError as error:
            self._say(str(error), "error")

    # Edits

    def _take_out(self, steering: Steering, numbers: list[int]) -> None:
        edits = enumerate(steering.history.edits)
        steering.use([edit for i, edit in edits if i not in set(numbers)])

    def _save(self, steering: Steering) -> None:
        self.files.save(steering.layer)

    def _load(self, steering: Steering) -> None:
        """Make the edits of a file after those that were made, each once."""
        known = self.files.load(steering.layer, steering.kept)
        if known is None:
            return
        edits = steering.history.edits
        there = set(edits)
        new = [edit for edit in known.edits if edit not in there]
        self.knobs.use(known.clustering)
        steering.use((*edits, *new))
        self.edits.select(range(len(edits), len(edits) + len(new)))
        self._say(loaded_text(len(known.edits), len(new)), "note")

    @property
    def _is_open(self) -> bool:
        return not self._has_left and super()._is_open

    def _leave(self) -> None:
        """Leave viewer and layers as they were met; the edits stay."""
        if self._has_left:
            return
        self._has_left = True
        self.review.close()  # its key is one that the tools have borrowed
        self.tools.free_keys()
        self.actions.close()
        self.right.close()
        self.deleted.withdraw()
        self.plot_link.forget()
        for layer in list(self._steered):
            self._stop(layer)
        self.steering = self.actions.steering = self.search.steering = None
