"""Rent numbers: find them, quote them, rent what was written down, wait until their links work."""
