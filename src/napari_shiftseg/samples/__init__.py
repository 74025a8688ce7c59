"""Generated images with known truth."""
