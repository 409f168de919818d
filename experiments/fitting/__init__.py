"""What fits of pictures are made of."""
