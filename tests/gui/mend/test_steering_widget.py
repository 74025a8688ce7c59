"""What the Mend widget says of the clustering, and where it says it."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels

from napari_shiftseg.gui.mend.tool_actions import USE_PLANES
from napari_shiftseg.gui.mend.tools import DELETE, RIGHT
from napari_shiftseg.metrics.label_image import same_objects
from napari_shiftseg.pipeline.glossary import terms
from napari_shiftseg.pipeline.settings import Settings
from napari_shiftseg.relabelling.bandwidth import BestBandwidth

pytestmark = pytest.mark.usefixtures("one_thread")


def inside(layer, number):
    return tuple(int(x) for x in np.argwhere(layer.data == number)[0])


@pytest.fixture
def found(steered, result, settled):
    """The bandwidth that agrees best with a marked object; it was 0.06."""
    number = int(np.bincount(result.data.ravel())[1:].argmax()) + 1
    steered.tools.press(RIGHT)
    steered.actions.click(inside(result, number), ())
    steered.knobs.bandwidth.value = 0.06
    settled(steered)
    assert steered.search.back.native.isHidden()
    steered.find.changed.emit(True)
    settled(steered)
    settled(steered)
    return steered


def test_the_former_bandwidth_is_said(found) -> None:
    best = found.steering.clustering.bandwidth
    text = found.answer.value
    assert text.startswith(f"Bandwidth {best:.3g} (it was 0.06): the marked objects")
    assert "agree by 100 % (mean IoU), before " in text
    assert "before 100 %" not in text


@pytest.mark.parametrize("bandwidth", [0.5, 0.7])
def test_and_the_range_that_is_as_good(steered, bandwidth) -> None:
    def said(*as_good) -> str:
        steered.search._use(BestBandwidth(bandwidth, 0.9, 0.5, 0.8, as_good, ()))
        return steered.answer.value

    assert said(0.4, 1.1).endswith("; anything from 0.4 to 1.1 is as good.")
    assert "anything" not in said(bandwidth, bandwidth)
    assert said(bandwidth, bandwidth).endswith(".")


def test_and_there_is_a_way_back(found, settled) -> None:
    back = found.search.back
    assert not back.native.isHidden()
    assert back.text == "Back to 0.06"
    back.changed.emit(True)
    settled(found)
    assert found.steering.clustering.bandwidth == 0.06
    assert found.knobs.clustering.bandwidth == 0.06
    assert back.native.isHidden()


def test_until_a_knob_is_turned(found, settled) -> None:
    assert not found.search.back.native.isHidden()
    found.knobs.min_size.value = 4
    settled(found)
    assert found.search.back.native.isHidden()


@pytest.mark.parametrize("went_back", [True, False])
def test_what_was_found_is_said_until_a_knob_is_turned(
    found, settled, went_back
) -> None:
    if went_back:
        found.search.back.changed.emit(True)
        settled(found)
        assert found.answer.value == "Bandwidth 0.06, as before."
    assert found.answer.value.startswith("Bandwidth ")
    found.knobs.min_size.value = 4
    assert found.answer.value == ""


def test_what_others_said_since_stays(found) -> None:
    found.answer.say("of an edit", "warning")
    found.knobs.min_size.value = 4
    assert found.answer.value == "of an edit"


def test_the_settings_of_the_run_come_back_exactly(steered, result, settled) -> None:
    run, before = steered.steering.clustering, result.data.copy()
    as_run = steered.search.as_run
    assert run == steered.steering.kept.clustering
    assert not as_run.enabled
    steered.knobs.kernel.value = "flat"
    steered.knobs.use({"bandwidth": 0.07})
    assert steered.knobs.bandwidth.value == pytest.approx(0.07)
    settled(steered)
    assert not np.array_equal(result.data, before)
    assert as_run.enabled
    as_run.changed.emit(True)
    settled(steered)
    assert steered.steering.clustering == run
    assert steered.knobs.bandwidth.value == run.bandwidth
    assert steered.knobs.kernel.value == run.kernel
    np.testing.assert_array_equal(result.data, before)
    assert not as_run.enabled


@pytest.mark.usefixtures("window")
def test_they_come_back_after_the_dock_was_closed(
    viewer, steered, result, settled
) -> None:
    run = steered.steering.clustering
    steered.knobs.use({"bandwidth": 0.001})  # the slider reaches 0.0002 to 0.08
    settled(steered)
    viewer.window.remove_dock_widget("all")
    _, again = viewer.window.add_plugin_dock_widget("napari-shiftseg", "Mend")
    settled(again)
    assert again.knobs.bandwidth.max < run.bandwidth
    assert again.search.as_run.enabled
    again.search.as_run.changed.emit(True)
    settled(again)
    assert again.steering.clustering == run
    assert again.knobs.bandwidth.value == run.bandwidth


@pytest.mark.usefixtures("window")
def test_the_buttons_fit_a_narrow_dock(found, qtbot) -> None:
    found.native.window().show()
    qtbot.waitUntil(found.search.native.isVisible)
    assert not found.search.back.native.isHidden()  # all three are there
    assert found.search.native.minimumSizeHint().width() <= 360


def test_tooltips_of_the_knobs_are_broken(steered) -> None:
    for knob in steered.knobs:
        assert knob.tooltip
        assert max(map(len, knob.tooltip.splitlines())) <= 60
    whole = " ".join(steered.knobs.split_far_parts.tooltip.split())
    assert whole == terms(Settings)["split_far_parts"].meaning


def test_the_best_bandwidth_stays(found, settled) -> None:
    best = found.steering.clustering.bandwidth
    found.find.changed.emit(True)
    settled(found)
    settled(found)
    assert found.steering.clustering.bandwidth == best
    assert "stays" in found.answer.value
    assert found.search.back.native.isHidden()


def test_why_there_is_no_object(steered, result, settled) -> None:
    number = int(result.data.max())
    largest = int(np.bincount(result.data.ravel())[1:].max())
    steered.knobs.min_size.value = largest + 1
    settled(steered)
    assert steered.state.value.startswith("0 objects: all ")
    assert f"smaller than {largest + 1:,} px" in steered.state.value
    assert f"largest has {largest:,}" in steered.state.value
    steered.knobs.min_size.value = 3
    settled(steered)
    assert steered.state.value == f"{number} objects"


def test_edits_took_all_away(steered, result, settled) -> None:
    steered.knobs.min_size.value = int(np.bincount(result.data.ravel())[1:].max())
    settled(steered)
    number = int(result.data.max())
    steered.tools.press(DELETE)
    for each in range(1, number + 1):
        steered.actions.click(inside(result, each), ())
        settled(steered)
    expected = f"0 objects: edits removed the {number} found"
    assert steered.state.value == expected


def test_the_hint_follows_the_display(viewer, steered) -> None:
    steered.tools.press(DELETE)
    assert steered.hint.value == DELETE.hint
    viewer.dims.ndisplay = 3
    assert steered.hint.value == USE_PLANES
    viewer.dims.ndisplay = 2
    assert steered.hint.value == DELETE.hint
    steered.tools.press(None)
    viewer.dims.ndisplay = 3
    assert steered.hint.value == ""


@pytest.mark.usefixtures("window")
def test_no_button_moves_when_texts_change(viewer, steered, qtbot) -> None:
    def places():
        qtbot.wait(50)
        return [
            part.native.mapTo(steered.native, part.native.rect().topLeft()).y()
            for part in (steered.tools, steered.edits)
        ]

    steered.native.window().show()
    before = places()
    steered.tools.press(RIGHT)
    steered.state.say("0 objects: " + "why " * 60, "warning")
    steered.answer.say("line\n" * 20, "error")
    assert places() == before


def test_objects_that_stay_keep_their_colours(steered, result, settled) -> None:
    before, colour = result.data.copy(), result.get_color
    former = {n: tuple(colour(n)) for n in range(1, int(before.max()) + 1)}
    steered.knobs.bandwidth.value = 0.01
    settled(steered)
    same = same_objects(before, result.data)
    stayed = {int(n): int(same.former[n]) for n in np.flatnonzero(same.stays)}
    assert all(tuple(colour(n)) == former[old] for n, old in stayed.items())
    usual = Labels(before).get_color
    others = [n for n, old in stayed.items() if tuple(usual(n)) != former[old]]
    assert len(others) > len(stayed) / 2  # numbered anew: napari would change theirs


def test_a_colormap_of_the_users_is_left_alone(steered, result, settled) -> None:
    result.new_colormap(seed=5)
    chosen = result.colormap
    steered.knobs.min_size.value = 20
    settled(steered)
    assert result.colormap is chosen
