"""Reads videos and streams: frames sampled, words followed from frame to frame, the best reading of each kept."""
