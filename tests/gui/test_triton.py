"""Triton is imported before there is a window, and never after."""

import os
import subprocess
import sys

import pytest

WINDOW = "from qtpy.QtWidgets import QApplication; app = QApplication([])"


@pytest.mark.parametrize(("before", "there"), [("pass", True), (WINDOW, False)])
def test_triton_comes_before_the_window_or_not_at_all(tmp_path, before, there):
    (tmp_path / "triton.py").write_text("")
    after = "import sys, napari_shiftseg.gui; print('triton' in sys.modules)"
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-c", f"{before}; {after}"],
        capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": paths, "QT_QPA_PLATFORM": "offscreen"},
    )  # fmt: skip
    assert done.stdout.strip() == str(there)
