"""The graph's custom operators: their names, bodies in standard operators, and native kernels, with building and
loading of the kernels."""
