"""A search over the widths and depths of the detector, under a time budget, by short training runs."""
