"""Why two pixels are one object or two, and what a pixel is, in words."""
