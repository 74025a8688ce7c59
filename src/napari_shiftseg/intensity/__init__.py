"""Which grey values a network reads as 0 and as 1, and which pixels hold no data."""
