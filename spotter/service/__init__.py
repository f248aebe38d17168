"""The HTTP service: admission, decoding, batching, inference, answers. It does not need torch."""
