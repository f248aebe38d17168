"""Structured pruning: whole channels are removed, which leaves a smaller network of the same form."""
