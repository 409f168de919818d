"""What the experiments on derivatives and differential equations share."""
