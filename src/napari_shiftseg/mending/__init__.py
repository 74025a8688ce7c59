"""Edits of objects by hand: made, cut, grown, replayed on new labels."""
