"""Clips and sounds as arrays."""
