"""What signed distance fields are made of, and meshes as files."""
