"""Edits: from clicks to the list, the file and back."""
