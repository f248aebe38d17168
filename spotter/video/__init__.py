"""Reads videos and streams: samples frames, tracks words from frame to frame, and keeps the best reading of each
word."""
