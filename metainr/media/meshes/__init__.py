"""Meshes and clouds of points as arrays."""
