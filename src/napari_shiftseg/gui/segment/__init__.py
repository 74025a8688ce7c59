"""The Segment widget: an image to objects."""
