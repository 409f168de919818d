"""What the program that generates fields is made of."""
