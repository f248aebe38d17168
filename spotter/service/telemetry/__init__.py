"""Metrics, spans and the time that each stage took."""
