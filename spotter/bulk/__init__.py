"""Reads archives of pictures in bulk: every input exactly once, on one machine or a Ray cluster."""
