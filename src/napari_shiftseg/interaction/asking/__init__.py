"""What a pixel is, what belongs with it, and why two are one object or two."""
