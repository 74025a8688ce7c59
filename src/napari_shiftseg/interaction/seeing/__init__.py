"""The embedding seen: a sample along two components, and what a lasso holds."""
