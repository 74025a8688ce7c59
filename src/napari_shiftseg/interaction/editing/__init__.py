"""Objects merged, split, deleted, redrawn, grown and painted, and all of that again."""
