"""Networks: what they are, what is in their files, what they may read."""
