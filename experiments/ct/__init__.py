"""What CT reconstruction is made of."""
