"""Networks of other libraries, known by name: their weights are opened without them."""
