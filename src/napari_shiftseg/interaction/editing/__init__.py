"""Objects merged, split, deleted, redrawn and painted, and all of that again."""
