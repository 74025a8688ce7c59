"""The Compare widget: naive and cropped stitching side by side."""
