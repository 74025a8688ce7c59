"""The clustering of a run turned again: what is kept, and what was found."""
