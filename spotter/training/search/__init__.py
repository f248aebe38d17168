"""Architecture search: widths and depths of the detector under a time budget, judged by short training runs."""
