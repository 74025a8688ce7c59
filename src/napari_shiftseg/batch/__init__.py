"""Many images, one after the other: what is to be done, was done, and failed."""
