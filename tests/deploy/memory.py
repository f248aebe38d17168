"""How much memory a limit leaves to the service."""

import re

MODELS = 1400 * 2**20
"""Bytes, as measured, for the program and three of the shipped models, two of them with what they keep for the next
picture on two threads, 245 MB each thread."""


def bytes_of(text: str) -> int:
    """A limit as Kubernetes (512Mi, 2Gi) or Compose (512m, 2g) write it, in bytes."""
    match = re.fullmatch(r"(\d+)(Mi|Gi|m|g)", text)
    assert match is not None
    return int(match[1]) << {"m": 20, "g": 30}[match[2][0].lower()]
