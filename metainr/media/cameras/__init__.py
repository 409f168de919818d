"""Cameras of photographs, as files tell them."""
