"""The dock widget for a folder of images."""
