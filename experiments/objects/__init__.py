"""One object from photographs: what is read, rendered, written and shown while it is fitted."""
