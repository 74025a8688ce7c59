"""What is found in an image: boundaries, proposals, instances of classes."""
