"""The Mend widget: knobs that answer at once, pixels that are asked, edits."""
