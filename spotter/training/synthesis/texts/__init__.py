"""What synthetic words say: one function a kind, from numbers and dates to paths and words of many languages."""
