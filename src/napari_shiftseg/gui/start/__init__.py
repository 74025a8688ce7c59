"""Start here: what can be done, and the way there."""
