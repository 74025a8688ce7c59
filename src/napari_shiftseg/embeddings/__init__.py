"""What a network is asked to embed: one file an embedding, its loss first."""
