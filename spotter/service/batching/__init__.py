"""Admission, batching, and the engine that runs batches."""
