"""Knobs turned: labels made anew, off the GUI thread."""
