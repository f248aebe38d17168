"""Layout analysis: lines, blocks, columns and reading order, by geometry alone."""
