"""The graph's custom operators: names, bodies in standard operators, kernels, how these are built and loaded."""
