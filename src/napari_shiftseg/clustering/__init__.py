"""From embeddings to objects."""
