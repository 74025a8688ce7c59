"""What the papers claim, and what goes wrong elsewhere, shown by figures."""
