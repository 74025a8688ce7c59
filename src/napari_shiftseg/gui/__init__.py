"""The napari widgets: the only place that imports napari, magicgui or qtpy."""

from importlib.util import find_spec

from qtpy.QtWidgets import QApplication

# Triton, which any torch optimizer imports, crashes Python if Mesa's llvmpipe was there
# before it: both bring LLVM. Once there is a window it is too late to be the first.
if find_spec("triton") and QApplication.instance() is None:
    import triton  # noqa: F401
