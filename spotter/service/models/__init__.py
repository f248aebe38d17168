"""The model that answers, the one that comes after it, and what brings its engine back."""
