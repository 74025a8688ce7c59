"""After the embedding: steering the clustering, asking pixels, mending objects."""
