"""Images and labels in files, and what a file says besides pixels."""
