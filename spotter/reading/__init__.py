"""From the bytes of a picture to its words, without HTTP."""
