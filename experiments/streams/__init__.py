"""What the program on streams is made of: its flags, kinds of signals, contenders, live mode."""
