"""The graph's own operators, whole: names, bodies in standard operators, kernels, their building and loading."""
