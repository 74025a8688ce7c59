"""The line that says how far a run is."""

from napari_shiftseg.gui.parts.run_panel import TimeLeft
from napari_shiftseg.progress import Progress, Share, numbered

BEGINNING = Progress(0, 1, stage="reading")


def test_the_line_says_the_share_or_what_is_done():
    left = TimeLeft()
    assert left.text(BEGINNING) == "reading …"
    assert left.text(Share(45, 100, stage="reading")) == "reading · 45 %"
    assert left.text(Progress(100, 100, stage="clustering")) == "clustering …"
    (second,) = numbered(2, 1, iter([Share(50, 100, stage="reading")]), "image")
    assert left.text(second) == "image 2 of 2: reading · 75 %"


def test_the_line_has_the_time_once_it_is_known(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(
        "napari_shiftseg.gui.parts.run_panel.perf_counter", lambda: now[0]
    )
    left = TimeLeft()
    left.text(Share(0, 100, stage="reading"))
    now[0] = 4.0
    assert left.text(Share(20, 100, stage="reading")) == "reading · 20 % · 16 s left"
