"""Generators of synthetic words: one function for each kind, from numbers and dates to paths and words of many
languages."""
