"""Spotter reads text in pictures: a picture goes in, polygons with their transcripts come out."""

__version__ = "0.1.0"
