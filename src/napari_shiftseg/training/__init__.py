"""Teaching a network to embed pixels."""
