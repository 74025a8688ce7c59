"""What tiling needs of a network that is not known: found, twice, by itself."""
