"""Where words stand: lines, blocks, columns, and the order in which a person reads them. Pure geometry."""
