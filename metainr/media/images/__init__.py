"""Pictures as arrays: files, colours, levels, sizes."""
