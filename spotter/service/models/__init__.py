"""The live model, hot swaps to the next one, and supervision of its engine."""
