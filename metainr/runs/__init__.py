"""What joins the parts to a run: a problem with its options is learned, compared and recorded."""
