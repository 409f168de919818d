"""Fields as data: vectors that stand for signals, sets of them, and what is drawn from these."""
