"""What the experiments on photographed scenes share."""
