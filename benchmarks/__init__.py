"""What `spotter bench` measures. Modules that need torch are imported only by the commands that train."""
