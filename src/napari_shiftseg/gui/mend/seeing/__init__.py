"""The embedding as a plot, linked with the labels."""
