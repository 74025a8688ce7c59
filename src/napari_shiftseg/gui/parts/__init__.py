"""What the widgets share: choices, notes, runs, layers, records."""
