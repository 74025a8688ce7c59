"""Sizes of a U-Net and tiles of an image, in whole numbers only."""
