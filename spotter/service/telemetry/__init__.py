"""Metrics, tracing spans and the duration of each stage."""
