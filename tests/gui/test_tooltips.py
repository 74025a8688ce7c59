"""Every control of every widget says what it is for where the mouse rests."""

from __future__ import annotations

from npe2 import PluginManager
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QDockWidget,
    QLineEdit,
    QPushButton,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

CONTROLS = (
    QAbstractButton, QAbstractItemView, QAbstractSlider, QAbstractSpinBox, QComboBox,
    QLineEdit, QTextEdit,
)  # fmt: skip
LONGEST = 100  # characters of a line
PLUGIN = "napari-shiftseg"


def is_of_qt(control: QWidget) -> bool:
    """Whether Qt made a control: a scroll bar, the list of a box, a table's corner."""
    parent = control.parentWidget()
    return (
        isinstance(control, QScrollBar)
        or control.objectName().startswith("qt_")
        or isinstance(parent, (QAbstractItemView, QComboBox, QTabBar))
        or "QComboBoxPrivateContainer" in parent.metaObject().className()
    )


def tip(control: QWidget, root: QWidget) -> str:
    """Return what Qt shows: the tooltip of the nearest parent that has one."""
    while control is not root and not control.toolTip():
        control = control.parentWidget()
    return control.toolTip()


def silent(root: QWidget) -> list[str]:
    """Describe the controls in a widget that have no tooltip."""
    found = [part for part in root.findChildren(QWidget) if isinstance(part, CONTROLS)]
    return [
        f"{type(part).__name__} {getattr(part, 'text', str)()!r}"
        for part in found
        if not is_of_qt(part) and not tip(part, root)
    ]


def names() -> list[str]:
    manifest = PluginManager.instance().get_manifest(PLUGIN)
    return [widget.display_name for widget in manifest.contributions.widgets]


def test_a_control_without_is_found(qtbot):
    root = QWidget()
    qtbot.addWidget(root)
    layout = QVBoxLayout(root)
    for part in (QPushButton("said"), QPushButton("silent"), QComboBox()):
        layout.addWidget(part)
    layout.itemAt(0).widget().setToolTip("what it does")
    assert silent(root) == ["QPushButton 'silent'", "QComboBox ''"]


def test_every_control_has_one(viewer, noise):
    viewer.add_image(noise, name="noise")
    viewer.add_labels((noise > 0.5).astype(int), name="truth")
    assert len(names()) == 8
    left_out = {}
    for name in names():
        dock, _ = viewer.window.add_plugin_dock_widget(PLUGIN, name)
        assert isinstance(dock, QDockWidget)
        assert len(dock.widget().findChildren(CONTROLS)) > 3
        left_out[name] = silent(dock.widget())
        for part in dock.widget().findChildren(QWidget):
            assert max(map(len, part.toolTip().split("\n"))) <= LONGEST
    viewer.window.remove_dock_widget("all")
    assert left_out == {name: [] for name in names()}
