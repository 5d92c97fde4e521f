"""Make a parallel corpus of a corpus in one language, by machine translation.

Nothing is imported here, so that the command line starts fast.
"""
