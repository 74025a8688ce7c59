"""Tiles through the network."""
