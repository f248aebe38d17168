"""The benchmarks of `spotter bench`. Modules that need torch are imported only by the commands that need them."""
