"""Corpora larger than memory: an index and Arrow files that are mapped into memory."""
