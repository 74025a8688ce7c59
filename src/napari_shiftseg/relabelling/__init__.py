"""Objects found anew in embeddings that stand, and the embeddings looked at."""
