"""The U-Net, its configuration and its file."""
