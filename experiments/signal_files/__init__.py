"""Files of the kinds of signals that fields stand for: read, shown and written."""
