"""Measures of seams and of objects."""
