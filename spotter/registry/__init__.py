"""Model bundles, the stores that keep them, and the aliases that name versions."""
