"""Structured pruning: whole channels are removed, so that a smaller network of the same form is left."""
