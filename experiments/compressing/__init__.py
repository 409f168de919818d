"""What compressing folders of signals is made of."""
