"""The Train widget: images and their labels to a model."""
