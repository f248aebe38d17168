"""Spotter reads text in pictures: a picture goes in, polygons with their transcripts come out."""

__version__ = "0.1.0"

OPERATORS_VERSION = 2
"""The version of the custom operators: of their domain in a graph, of the kernels, and in a bundle's manifest."""
OLDEST_OPERATORS_VERSION = 1
"""The oldest version whose graphs this program runs; boxes had no slant then."""
