"""What a network is asked to embed: the losses, by distance or on the sphere."""
