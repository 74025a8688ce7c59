"""What becomes of the objects of a run: their table, how sure they are, a recipe."""
