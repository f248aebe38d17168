"""The HTTP layer: protocol limits, routes, schemas and uploads."""
