"""What speaks HTTP: the protocol's limits, routes, schemas and uploads."""
