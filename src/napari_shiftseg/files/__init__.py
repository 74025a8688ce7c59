"""Images and labels in files that napari and Fiji open."""
