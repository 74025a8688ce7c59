"""What the widgets share: choices of layers and models, advice, runs, records."""
