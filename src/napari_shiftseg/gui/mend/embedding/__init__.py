"""The embedding of a frame as a scatter plot, linked with its labels."""
