"""The napari widgets: the only place that imports napari, magicgui or qtpy."""
