"""The comparison of algorithms at equal compute: its pieces of work, and what they come to."""
